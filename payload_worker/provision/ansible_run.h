// One run of ansible-playbook over a batch of hosts.
#ifndef LONGSHORE_PAYLOAD_WORKER_PROVISION_ANSIBLE_RUN_H_
#define LONGSHORE_PAYLOAD_WORKER_PROVISION_ANSIBLE_RUN_H_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "longshore/v1/worker_service.pb.h"
#include "payload_worker/provision/inventory.h"
#include "payload_worker/provision/records.h"

namespace longshore::provision {

struct AnsibleOptions {
  std::string program = "ansible-playbook";
  std::string playbook;  // Its directory holds ansible.cfg and callback_plugins.
  KeyFile key_file;
  std::chrono::seconds time_limit{900};
  int forks = 20;  // How many hosts Ansible works on at a time.
};

// How a run ended.
struct AnsibleRunEnd {
  std::string how;     // "ended with exit status 2", for people.
  std::string output;  // The end of what it printed, valid UTF-8.
};

// Runs ansible-playbook for `hosts` and blocks until it has ended. It passes every record to
// `on_record` and calls `wanted` about twice a second. The run is killed when `wanted` returns
// false, at its time limit, and when this process dies. It leaves no files behind. Errors: NotFound
// (no playbook), Unavailable (its files cannot be written, or it cannot be started).
absl::StatusOr<AnsibleRunEnd> RunAnsible(const AnsibleOptions& options,
                                         const std::vector<v1::Assignment>& hosts,
                                         const std::function<void(const Record&)>& on_record,
                                         const std::function<bool()>& wanted);

}  // namespace longshore::provision

#endif  // LONGSHORE_PAYLOAD_WORKER_PROVISION_ANSIBLE_RUN_H_
