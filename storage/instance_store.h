// The instances table.
#ifndef LONGSHORE_STORAGE_INSTANCE_STORE_H_
#define LONGSHORE_STORAGE_INSTANCE_STORE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "longshore/v1/instance.pb.h"
#include "storage/connection.h"
#include "storage/rows.h"
#include "storage/scope.h"

namespace longshore::storage {

// Which instances to list.
struct InstanceFilter {
  std::string project;            // Empty, in List: every project.
  std::vector<std::string> tags;  // All must match.
  v1::InstanceStatus status = v1::INSTANCE_STATUS_UNSPECIFIED;
};

// What to change of an instance.
struct InstanceUpdate {
  std::string name;  // Empty: stays.
  std::optional<std::vector<std::string>> tags;
  std::string address;                  // Empty: stays.
  int port = 0;                         // 0: stays.
  std::optional<std::string> host_key;  // Empty: unpinned, to be learned anew.
  std::string pool;                     // Empty: stays.
  std::optional<bool> become;
  std::optional<std::vector<v1::JumpHost>> jump;
  int64_t payload_id = 0;  // 0: stays.

  bool HasAddress() const {
    return !address.empty() || port != 0 || host_key.has_value() || become.has_value() ||
           jump.has_value();
  }
};

// Functions without state. They work inside a transaction or outside of one, unless they lock.
namespace instance_store {

// Inserts `instance` and returns it with the id and times that the database gave it. `machine_key`
// names its machine at its provider; it is empty for a registered instance.
absl::StatusOr<v1::Instance> Insert(Connection& connection, const v1::Instance& instance,
                                    const std::string& machine_key = "");
absl::StatusOr<std::optional<v1::Instance>> Get(Connection& connection, const Scope& scope,
                                                int64_t id);
// Lists instances by ascending id; page.after is the last id of the previous page.
absl::StatusOr<std::vector<v1::Instance>> List(Connection& connection, const Scope& scope,
                                               const InstanceFilter& filter, Page page);
// Returns the instances that exist, by ascending id.
absl::StatusOr<std::vector<v1::Instance>> GetMany(Connection& connection, const Scope& scope,
                                                  const std::vector<int64_t>& ids);
// Returns the status of each instance that exists.
absl::StatusOr<std::map<int64_t, v1::InstanceStatus>> States(Connection& connection,
                                                             const Scope& scope,
                                                             const std::vector<int64_t>& ids);
// Returns the status of each instance that has the project and the tags of `filter`, whose status
// is ignored.
absl::StatusOr<std::map<int64_t, v1::InstanceStatus>> StatesOfMatching(
    Connection& connection, const Scope& scope, const InstanceFilter& filter);
// What a deployment has to know about an instance.
struct Target {
  v1::InstanceStatus status;
  std::string project;
  std::string ssh_user;
  std::string home;  // Of ssh_user; empty until learned.
  bool become = false;
  bool terminating = false;
};
// Returns the instances that exist, and locks them, so that they cannot be terminated until the
// transaction ends.
absl::StatusOr<std::map<int64_t, Target>> LockTargets(Connection& connection, const Scope& scope,
                                                      const std::vector<int64_t>& ids);
// Does the same for at most `limit` instances that have the project and the tags of `filter` and
// are not FAILED, TERMINATED or being terminated.
absl::StatusOr<std::map<int64_t, Target>> LockMatching(Connection& connection, const Scope& scope,
                                                       const InstanceFilter& filter, int limit);
// Returns whether no other project has an instance at this address and port that is not TERMINATED,
// and keeps it so until the transaction ends.
absl::StatusOr<bool> LockAddress(Connection& connection, const std::string& address, int port,
                                 const std::string& project);
// A new pool takes the tasks of the instance along.
absl::Status Update(Connection& connection, int64_t id, const InstanceUpdate& update);
// Returns whether a payload of the instance is under way or waits, or something of an earlier one
// is to be cleaned up.
absl::StatusOr<bool> HasPayloadWork(Connection& connection, int64_t id);
// Marks an instance that is to be terminated: from now on it takes no new payloads.
absl::Status MarkTerminating(Connection& connection, int64_t id);
absl::Status MarkTerminated(Connection& connection, int64_t id);
// Stores the address, port, login user and host key of an instance that its provider has made. It
// is then CREATED if it has a PROVISION_INSTANCE task, and READY otherwise.
absl::Status MarkCreated(Connection& connection, const v1::Instance& machine);
// Sets the status FAILED; `error` becomes its status_error.
absl::Status MarkFailed(Connection& connection, int64_t id, const std::string& error);

// An instance with what its provider needs to know about it.
struct Machine {
  v1::Instance instance;
  std::string key;  // Empty for a registered instance.
  bool terminating = false;
};
absl::StatusOr<std::optional<Machine>> GetMachine(Connection& connection, int64_t id);
// The name of a machine at its provider.
struct MachineKey {
  std::string provider;
  std::string key;
};
// Returns the keys of all machines that have been made and are in use: CREATED, PROVISIONING or
// READY, and not being terminated.
absl::StatusOr<std::vector<MachineKey>> LiveMachines(Connection& connection);
// Pins `host_key` unless another key is pinned already. Returns the pinned key, or an empty string
// when there is no such instance.
absl::StatusOr<std::string> PinHostKey(Connection& connection, int64_t id,
                                       const std::string& host_key);

}  // namespace instance_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_INSTANCE_STORE_H_
