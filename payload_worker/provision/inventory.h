// What Ansible is told of the hosts of one run.
#ifndef LONGSHORE_PAYLOAD_WORKER_PROVISION_INVENTORY_H_
#define LONGSHORE_PAYLOAD_WORKER_PROVISION_INVENTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "longshore/v1/worker_service.pb.h"

namespace longshore::provision {

// The inventory's name of an instance: made of its id alone, so nothing a person chose is in it.
std::string HostName(int64_t instance_id);

// InvalidArgument when the instance cannot be named to ssh safely: its address or login would be
// taken for something else.
absl::Status CheckHost(const v1::Assignment& host);

// An inventory file, JSON. Every text that somebody chose (address, login, name, tags) is marked
// as unsafe, which is Ansible's word for "never a template".
std::string InventoryJson(const std::vector<v1::Assignment>& hosts);

// A known_hosts file with the pinned keys.
std::string KnownHosts(const std::vector<v1::Assignment>& hosts);

}  // namespace longshore::provision

#endif  // LONGSHORE_PAYLOAD_WORKER_PROVISION_INVENTORY_H_
