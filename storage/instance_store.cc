#include "storage/instance_store.h"

#include "common/enum_text.h"
#include "common/status_macros.h"
#include "storage/claims.h"
#include "storage/queries/queries.h"

namespace longshore::storage {
namespace {

v1::Instance ReadInstance(const Row& row) {
  v1::Instance instance;
  instance.set_id(row.Int("id"));
  instance.set_name(row.String("name"));
  instance.set_project(row.String("project"));
  instance.set_provider(row.String("provider"));
  instance.set_region(row.String("region"));
  instance.set_size(row.String("size"));
  instance.set_image(row.String("image"));
  instance.set_address(row.String("address"));
  instance.set_port(static_cast<int32_t>(row.Int("port")));
  instance.set_ssh_user(row.String("ssh_user"));
  instance.set_host_key(row.String("host_key"));
  for (std::string& tag : row.TextArray("tags")) instance.add_tags(std::move(tag));
  instance.set_pool(row.String("pool"));
  instance.set_become(row.Bool("become"));
  for (v1::JumpHost& host : ReadJump(row)) *instance.add_jump() = std::move(host);
  instance.set_status(EnumFromText<v1::InstanceStatus>(row.Text("status")));
  instance.set_status_error(row.String("status_error"));
  instance.set_payload_status(EnumFromText<v1::InstancePayloadStatus>(row.Text("payload_status")));
  instance.set_payload_error(row.String("payload_error"));
  ReadTimestamp(row, "created_at", [&] { return instance.mutable_created_at(); });
  ReadTimestamp(row, "updated_at", [&] { return instance.mutable_updated_at(); });
  return instance;
}

std::vector<v1::Instance> ReadInstances(const Result& result) {
  std::vector<v1::Instance> instances;
  instances.reserve(result.rows());
  for (const Row row : result) instances.push_back(ReadInstance(row));
  return instances;
}

std::map<int64_t, v1::InstanceStatus> ReadStates(const Result& result) {
  std::map<int64_t, v1::InstanceStatus> states;
  for (const Row row : result) {
    states[row.Int("id")] = EnumFromText<v1::InstanceStatus>(row.Text("status"));
  }
  return states;
}

std::map<int64_t, instance_store::Target> ReadTargets(const Result& result) {
  std::map<int64_t, instance_store::Target> targets;
  for (const Row row : result) {
    targets[row.Int("id")] = {.status = EnumFromText<v1::InstanceStatus>(row.Text("status")),
                              .project = row.String("project"),
                              .ssh_user = row.String("ssh_user"),
                              .home = row.String("home"),
                              .become = row.Bool("become"),
                              .terminating = row.Bool("terminating")};
  }
  return targets;
}

std::vector<std::string> Tags(const v1::Instance& instance) {
  return {instance.tags().begin(), instance.tags().end()};
}

}  // namespace

namespace instance_store {

absl::StatusOr<v1::Instance> Insert(Connection& connection, const v1::Instance& instance,
                                    const std::string& machine_key) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          queries::kInsertInstance,
          Params()
              .Text("name", instance.name())
              .Text("project", instance.project())
              .Text("provider", instance.provider())
              .Text("region", instance.region())
              .Text("size", instance.size())
              .Text("image", instance.image())
              .Text("address", instance.address())
              .Int("port", instance.port())
              .Text("ssh_user", instance.ssh_user())
              .Text("host_key", instance.host_key())
              .Texts("tags", Tags(instance))
              .Text("status", EnumText(instance.status()))
              .Text("pool", instance.pool())
              .Bool("become", instance.become())
              .Texts("jump", JumpTexts({instance.jump().begin(), instance.jump().end()}))
              .Text("machine_key", machine_key)));
  ASSIGN_OR_RETURN(const auto inserted,
                   Get(connection, Scope::Everything(), result.first().Int("id")));
  return *inserted;
}

absl::StatusOr<std::optional<v1::Instance>> Get(Connection& connection, const Scope& scope,
                                                int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kGetInstance, scope.AddTo(Params().Int("id", id))));
  if (result.rows() == 0) return std::nullopt;
  return ReadInstance(result.first());
}

absl::StatusOr<std::vector<v1::Instance>> List(Connection& connection, const Scope& scope,
                                               const InstanceFilter& filter, Page page) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          queries::kListInstances,
          scope.AddTo(Params()
                          .Int("after", page.after)
                          .Text("project", filter.project)
                          .Texts("tags", filter.tags)
                          .Text("status", filter.status == 0 ? "" : EnumText(filter.status))
                          .Int("limit", page.limit))));
  return ReadInstances(result);
}

absl::StatusOr<std::vector<v1::Instance>> GetMany(Connection& connection, const Scope& scope,
                                                  const std::vector<int64_t>& ids) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kGetInstances,
                                                           scope.AddTo(Params().Ints("ids", ids))));
  return ReadInstances(result);
}

absl::StatusOr<std::map<int64_t, v1::InstanceStatus>> States(Connection& connection,
                                                             const Scope& scope,
                                                             const std::vector<int64_t>& ids) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kListInstanceStates,
                                                           scope.AddTo(Params().Ints("ids", ids))));
  return ReadStates(result);
}

absl::StatusOr<std::map<int64_t, v1::InstanceStatus>> StatesOfMatching(
    Connection& connection, const Scope& scope, const InstanceFilter& filter) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          queries::kListMatchingInstanceStates,
          scope.AddTo(Params().Text("project", filter.project).Texts("tags", filter.tags))));
  return ReadStates(result);
}

absl::StatusOr<std::map<int64_t, Target>> LockTargets(Connection& connection, const Scope& scope,
                                                      const std::vector<int64_t>& ids) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kLockTargets,
                                                           scope.AddTo(Params().Ints("ids", ids))));
  return ReadTargets(result);
}

absl::StatusOr<std::map<int64_t, Target>> LockMatching(Connection& connection, const Scope& scope,
                                                       const InstanceFilter& filter, int limit) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kLockMatchingTargets,
                                      scope.AddTo(Params()
                                                      .Text("project", filter.project)
                                                      .Texts("tags", filter.tags)
                                                      .Int("limit", limit))));
  return ReadTargets(result);
}

absl::StatusOr<bool> LockAddress(Connection& connection, const std::string& address, int port,
                                 const std::string& project) {
  RETURN_IF_ERROR(
      connection.Execute(queries::kLockAddress, Params().Text("address", address).Int("port", port))
          .status());
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          queries::kFindAddressOfOthers,
          Params().Text("address", address).Int("port", port).Text("project", project)));
  return result.rows() == 0;
}

absl::Status Update(Connection& connection, int64_t id, const InstanceUpdate& update) {
  RETURN_IF_ERROR(
      connection
          .Execute(queries::kUpdateInstance,
                   Params()
                       .Int("id", id)
                       .Text("name", update.name)
                       .Bool("set_tags", update.tags.has_value())
                       .Texts("tags", update.tags.value_or(std::vector<std::string>()))
                       .Text("address", update.address)
                       .Int("port", update.port)
                       .Bool("set_host_key", update.host_key.has_value())
                       .Text("host_key", update.host_key.value_or(""))
                       .Text("pool", update.pool)
                       .Bool("set_become", update.become.has_value())
                       .Bool("become", update.become.value_or(false))
                       .Bool("set_jump", update.jump.has_value())
                       .Texts("jump", JumpTexts(update.jump.value_or(std::vector<v1::JumpHost>())))
                       .Int("payload_id", update.payload_id))
          .status());
  if (update.pool.empty()) return absl::OkStatus();
  return connection
      .Execute(queries::kMoveTasksToPool, Params().Text("pool", update.pool).Int("instance_id", id))
      .status();
}

absl::StatusOr<bool> HasPayloadWork(Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kHasPayloadWork, Params().Int("instance_id", id)));
  return result.first().Bool("has_work");
}

absl::Status MarkTerminating(Connection& connection, int64_t id) {
  return connection.Execute(queries::kMarkInstanceTerminating, Params().Int("id", id)).status();
}

absl::Status MarkTerminated(Connection& connection, int64_t id) {
  return connection.Execute(queries::kMarkInstanceTerminated, Params().Int("id", id)).status();
}

absl::Status MarkCreated(Connection& connection, const v1::Instance& machine) {
  return connection
      .Execute(queries::kMarkInstanceCreated, Params()
                                                  .Int("id", machine.id())
                                                  .Text("address", machine.address())
                                                  .Int("port", machine.port())
                                                  .Text("ssh_user", machine.ssh_user())
                                                  .Text("host_key", machine.host_key()))
      .status();
}

absl::Status MarkFailed(Connection& connection, int64_t id, const std::string& error) {
  return connection
      .Execute(queries::kMarkInstanceFailed, Params().Int("id", id).Text("error", error))
      .status();
}

absl::StatusOr<std::optional<Machine>> GetMachine(Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(auto instance, Get(connection, Scope::Everything(), id));
  if (!instance.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kGetMachine, Params().Int("instance_id", id)));
  return Machine{.instance = *std::move(instance),
                 .key = result.first().String("machine_key"),
                 .terminating = result.first().Bool("terminating")};
}

absl::StatusOr<std::vector<MachineKey>> LiveMachines(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kListLiveMachines));
  std::vector<MachineKey> keys;
  for (const Row row : result) {
    keys.push_back({.provider = row.String("provider"), .key = row.String("machine_key")});
  }
  return keys;
}

absl::StatusOr<std::string> PinHostKey(Connection& connection, int64_t id,
                                       const std::string& host_key) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(queries::kPinHostKey, Params().Int("id", id).Text("host_key", host_key)));
  return result.rows() == 0 ? std::string() : result.first().String("host_key");
}

}  // namespace instance_store

}  // namespace longshore::storage
