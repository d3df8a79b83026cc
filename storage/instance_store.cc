#include "storage/instance_store.h"

#include "common/enum_text.h"
#include "common/status_macros.h"

namespace longshore::storage {
namespace {

// payload_status says of the payload p that came with the instance how far it has come.
#define INSTANCE_SELECT \
  "SELECT i.id, i.name, i.project, i.provider, i.region, i.size, i.image, i.address, i.port,"  \
  " i.ssh_user, i.host_key, i.tags, i.status, i.status_error,"                                 \
  " CASE WHEN p.id IS NULL THEN 'NONE' WHEN p.status = 'COMPLETED' THEN 'EXECUTED'"            \
  "  WHEN p.status IN ('FAILED', 'CANCELLED') THEN"                                            \
  "   CASE WHEN p.copied THEN 'EXECUTION_FAILED' ELSE 'COPY_FAILED' END"                       \
  "  WHEN p.status = 'PENDING' THEN 'PENDING_COPY'"                                            \
  "  WHEN p.status = 'EXECUTING' OR p.execute_payload THEN 'PENDING_EXECUTION'"                \
  "  WHEN t.type = 'PAYLOAD_EXECUTE' THEN 'PENDING_EXECUTION' ELSE 'COPIED' END,"              \
  " coalesce(p.error, ''), " LONGSHORE_MICROS("i.created_at") ", "                             \
  LONGSHORE_MICROS("i.updated_at") " FROM instances i"                                         \
  " LEFT JOIN payloads p ON p.id = i.payload_id LEFT JOIN tasks t ON t.id = p.task_id "

v1::Instance ReadInstance(const Result& result, int row) {
  v1::Instance instance;
  int column = 0;
  const auto text = [&] { return std::string(result.Text(row, column++)); };
  instance.set_id(result.Int(row, column++));
  instance.set_name(text());
  instance.set_project(text());
  instance.set_provider(text());
  instance.set_region(text());
  instance.set_size(text());
  instance.set_image(text());
  instance.set_address(text());
  instance.set_port(static_cast<int32_t>(result.Int(row, column++)));
  instance.set_ssh_user(text());
  instance.set_host_key(text());
  for (std::string& tag : result.TextArray(row, column++)) instance.add_tags(std::move(tag));
  instance.set_status(EnumFromText<v1::InstanceStatus>(text()));
  instance.set_status_error(text());
  instance.set_payload_status(EnumFromText<v1::InstancePayloadStatus>(text()));
  instance.set_payload_error(text());
  ReadTimestamp(result, row, column++, [&] { return instance.mutable_created_at(); });
  ReadTimestamp(result, row, column++, [&] { return instance.mutable_updated_at(); });
  return instance;
}

#define TARGET_SELECT "SELECT id, status, project, ssh_user, home, terminating FROM instances "

std::map<int64_t, InstanceStore::Target> ReadTargets(const Result& result) {
  std::map<int64_t, InstanceStore::Target> targets;
  for (int row = 0; row < result.rows(); ++row) {
    targets[result.Int(row, 0)] = {.status = EnumFromText<v1::InstanceStatus>(result.Text(row, 1)),
                                   .project = std::string(result.Text(row, 2)),
                                   .ssh_user = std::string(result.Text(row, 3)),
                                   .home = std::string(result.Text(row, 4)),
                                   .terminating = result.Bool(row, 5)};
  }
  return targets;
}

std::vector<std::string> Tags(const v1::Instance& instance) {
  return {instance.tags().begin(), instance.tags().end()};
}

}  // namespace

absl::StatusOr<v1::Instance> InstanceStore::Insert(Connection& connection,
                                                   const v1::Instance& instance,
                                                   const std::string& machine_key) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          "INSERT INTO instances (name, project, provider, region, size, image, address, port,"
          " ssh_user, host_key, tags, status, machine_key)"
          " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
          Params()
              .Text(instance.name())
              .Text(instance.project())
              .Text(instance.provider())
              .Text(instance.region())
              .Text(instance.size())
              .Text(instance.image())
              .Text(instance.address())
              .Int(instance.port())
              .Text(instance.ssh_user())
              .Text(instance.host_key())
              .Texts(Tags(instance))
              .Text(EnumText(instance.status()))
              .Text(machine_key)));
  ASSIGN_OR_RETURN(const auto inserted, Get(connection, result.Int(0, 0)));
  return *inserted;
}

absl::StatusOr<std::optional<v1::Instance>> InstanceStore::Get(Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(INSTANCE_SELECT "WHERE i.id = $1", Params().Int(id)));
  if (result.rows() == 0) return std::nullopt;
  return ReadInstance(result, 0);
}

absl::StatusOr<std::vector<v1::Instance>> InstanceStore::List(Connection& connection,
                                                              const InstanceFilter& filter,
                                                              Page page) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(INSTANCE_SELECT "WHERE i.id > $1 AND ($2 = '' OR i.project = $2)"
                                         " AND i.tags @> $3::text[] AND ($4 = '' OR i.status = $4)"
                                         " ORDER BY i.id LIMIT $5",
                         Params()
                             .Int(page.after)
                             .Text(filter.project)
                             .Texts(filter.tags)
                             .Text(filter.status == 0 ? "" : EnumText(filter.status))
                             .Int(page.limit)));
  std::vector<v1::Instance> instances;
  for (int row = 0; row < result.rows(); ++row) instances.push_back(ReadInstance(result, row));
  return instances;
}

absl::StatusOr<std::map<int64_t, InstanceStore::Target>> InstanceStore::LockTargets(
    Connection& connection, const std::vector<int64_t>& ids) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(TARGET_SELECT "WHERE id = ANY ($1::bigint[]) ORDER BY id FOR SHARE",
                         Params().Ints(ids)));
  return ReadTargets(result);
}

absl::StatusOr<std::map<int64_t, InstanceStore::Target>> InstanceStore::LockMatching(
    Connection& connection, const InstanceFilter& filter, int limit) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(TARGET_SELECT "WHERE ($1 = '' OR project = $1) AND tags @> $2::text[]"
                                       " AND status NOT IN ('FAILED', 'TERMINATED')"
                                       " AND NOT terminating"
                                       " ORDER BY id LIMIT $3 FOR SHARE",
                         Params().Text(filter.project).Texts(filter.tags).Int(limit)));
  return ReadTargets(result);
}

absl::Status InstanceStore::Update(Connection& connection, int64_t id,
                                   const InstanceUpdate& update) {
  return connection
      .Execute(
          "UPDATE instances SET name = CASE WHEN $2 = '' THEN name ELSE $2 END,"
          " tags = CASE WHEN $3 THEN $4::text[] ELSE tags END,"
          " payload_id = CASE WHEN $5::bigint = 0 THEN payload_id ELSE $5 END, updated_at = now()"
          " WHERE id = $1",
          Params()
              .Int(id)
              .Text(update.name)
              .Bool(update.tags.has_value())
              .Texts(update.tags.value_or(std::vector<std::string>()))
              .Int(update.payload_id))
      .status();
}

absl::Status InstanceStore::MarkTerminating(Connection& connection, int64_t id) {
  return connection
      .Execute("UPDATE instances SET terminating = true, updated_at = now() WHERE id = $1",
               Params().Int(id))
      .status();
}

absl::Status InstanceStore::MarkTerminated(Connection& connection, int64_t id) {
  return connection
      .Execute("UPDATE instances SET status = 'TERMINATED', updated_at = now() WHERE id = $1",
               Params().Int(id))
      .status();
}

absl::Status InstanceStore::MarkCreated(Connection& connection, const v1::Instance& machine) {
  return connection
      .Execute(
          "UPDATE instances SET status = CASE WHEN EXISTS (SELECT 1 FROM tasks"
          " WHERE instance_id = $1 AND type = 'PROVISION_INSTANCE') THEN 'CREATED' ELSE 'READY' "
          "END,"
          " address = $2, port = $3, ssh_user = $4, host_key = $5, updated_at = now()"
          " WHERE id = $1",
          Params()
              .Int(machine.id())
              .Text(machine.address())
              .Int(machine.port())
              .Text(machine.ssh_user())
              .Text(machine.host_key()))
      .status();
}

absl::Status InstanceStore::MarkFailed(Connection& connection, int64_t id,
                                       const std::string& error) {
  return connection
      .Execute(
          "UPDATE instances SET status = 'FAILED', status_error = $2, updated_at = now()"
          " WHERE id = $1",
          Params().Int(id).Text(error))
      .status();
}

absl::StatusOr<std::optional<InstanceStore::Machine>> InstanceStore::GetMachine(
    Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(auto instance, Get(connection, id));
  if (!instance.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("SELECT machine_key, terminating FROM instances WHERE id = $1",
                         Params().Int(id)));
  return Machine{.instance = *std::move(instance),
                 .key = std::string(result.Text(0, 0)),
                 .terminating = result.Bool(0, 1)};
}

absl::StatusOr<std::vector<InstanceStore::MachineKey>> InstanceStore::LiveMachines(
    Connection& connection) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT provider, machine_key FROM instances"
                                      " WHERE machine_key <> '' AND NOT terminating"
                                      " AND status IN ('CREATED', 'PROVISIONING', 'READY')"));
  std::vector<MachineKey> keys;
  for (int row = 0; row < result.rows(); ++row) {
    keys.push_back(
        {.provider = std::string(result.Text(row, 0)), .key = std::string(result.Text(row, 1))});
  }
  return keys;
}

absl::StatusOr<std::string> InstanceStore::PinHostKey(Connection& connection, int64_t id,
                                                      const std::string& host_key) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("UPDATE instances SET host_key = CASE WHEN host_key = '' THEN $2 ELSE"
                         " host_key END, updated_at = CASE WHEN host_key = '' THEN now() ELSE"
                         " updated_at END WHERE id = $1 RETURNING host_key",
                         Params().Int(id).Text(host_key)));
  return result.rows() == 0 ? std::string() : std::string(result.Text(0, 0));
}

}  // namespace longshore::storage
