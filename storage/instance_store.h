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

namespace longshore::storage {

struct InstanceFilter {
  std::string project;            // Empty: every project.
  std::vector<std::string> tags;  // All must match.
  v1::InstanceStatus status = v1::INSTANCE_STATUS_UNSPECIFIED;
};

struct InstanceUpdate {
  std::string name;  // Empty: stays.
  std::optional<std::vector<std::string>> tags;
  std::string address;                  // Empty: stays.
  int port = 0;                         // 0: stays.
  std::optional<std::string> host_key;  // Empty: to be learned anew.
  int64_t payload_id = 0;               // 0: stays.

  bool HasAddress() const { return !address.empty() || port != 0 || host_key.has_value(); }
};

// Stateless functions over one connection, to be called inside a transaction or not.
namespace instance_store {

// Inserts `instance`; id and times are the database's. `machine_key` names it at its provider.
absl::StatusOr<v1::Instance> Insert(Connection& connection, const v1::Instance& instance,
                                    const std::string& machine_key = "");
absl::StatusOr<std::optional<v1::Instance>> Get(Connection& connection, int64_t id);
// By ascending id.
absl::StatusOr<std::vector<v1::Instance>> List(Connection& connection, const InstanceFilter& filter,
                                               Page page);
// Those that exist, by ascending id.
absl::StatusOr<std::vector<v1::Instance>> GetMany(Connection& connection,
                                                  const std::vector<int64_t>& ids);
// How far those that exist have come.
absl::StatusOr<std::map<int64_t, v1::InstanceStatus>> States(Connection& connection,
                                                             const std::vector<int64_t>& ids);
absl::StatusOr<std::map<int64_t, v1::InstanceStatus>> StatesOfMatching(
    Connection& connection, const InstanceFilter& filter);
struct Target {
  v1::InstanceStatus status;
  std::string project;
  std::string ssh_user;
  std::string home;  // Empty until learned.
  bool terminating = false;
};
// What a deployment has to know of each instance; unknown ids are left out. Locks the rows
// against termination.
absl::StatusOr<std::map<int64_t, Target>> LockTargets(Connection& connection,
                                                      const std::vector<int64_t>& ids);
// The same for the instances that match and are neither FAILED nor TERMINATED; at most `limit`.
absl::StatusOr<std::map<int64_t, Target>> LockMatching(Connection& connection,
                                                       const InstanceFilter& filter, int limit);
absl::Status Update(Connection& connection, int64_t id, const InstanceUpdate& update);
// From now on it takes nothing new.
absl::Status MarkTerminating(Connection& connection, int64_t id);
absl::Status MarkTerminated(Connection& connection, int64_t id);
// Its provider has made it: address, port, login user and host key are those of `machine`. READY
// unless it is to be provisioned.
absl::Status MarkCreated(Connection& connection, const v1::Instance& machine);
absl::Status MarkFailed(Connection& connection, int64_t id, const std::string& error);

// An instance that a provider makes or has made.
struct Machine {
  v1::Instance instance;
  std::string key;  // Empty: registered, nobody's machine.
  bool terminating = false;
};
absl::StatusOr<std::optional<Machine>> GetMachine(Connection& connection, int64_t id);
struct MachineKey {
  std::string provider;
  std::string key;
};
// Of all that have been made and not terminated.
absl::StatusOr<std::vector<MachineKey>> LiveMachines(Connection& connection);
// Pins `host_key` unless a key is pinned already; returns the pinned one.
absl::StatusOr<std::string> PinHostKey(Connection& connection, int64_t id,
                                       const std::string& host_key);

}  // namespace instance_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_INSTANCE_STORE_H_
