// What Ansible is told about the hosts of one run.
#ifndef LONGSHORE_PAYLOAD_WORKER_PROVISION_INVENTORY_H_
#define LONGSHORE_PAYLOAD_WORKER_PROVISION_INVENTORY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "longshore/v1/worker_service.pb.h"

namespace longshore::provision {

// Returns the inventory's name for an instance. It is made of the id alone, so it has no text in it
// that somebody chose.
std::string HostName(int64_t instance_id);

// Returns InvalidArgument when the instance cannot be passed to ssh safely, because ssh, or the
// shell that it asks to go by way of another host, would take an address or login for something
// else.
absl::Status CheckHost(const v1::Assignment& host);

// Returns the file of the SSH key that logs in to the instances of a project.
using KeyFile = std::function<absl::StatusOr<std::string>(const std::string& project)>;

// Returns where a run whose files are in `directory` has the key that opens the hosts on the way to
// an instance: a link, since ssh would read signs in the path of a key.
std::string JumpKeyFile(const std::string& directory, int64_t instance_id);

// Returns an inventory file in JSON, with each host's key. Every text that somebody chose (address,
// login, name, tags) is marked as unsafe, so that Ansible never treats it as a template.
std::string InventoryJson(const std::vector<v1::Assignment>& hosts, const KeyFile& key_file);

// Returns the ssh_config of such a run: whom to believe, and the hosts on the way to others.
std::string SshConfig(const std::vector<v1::Assignment>& hosts, const std::string& directory);

// Returns a known_hosts file with the pinned keys. Each stands under the host's name, by which ssh
// is told to look for it: an address may be written in many ways, of which ssh looks for one.
std::string KnownHosts(const std::vector<v1::Assignment>& hosts);

}  // namespace longshore::provision

#endif  // LONGSHORE_PAYLOAD_WORKER_PROVISION_INVENTORY_H_
