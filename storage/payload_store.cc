#include "storage/payload_store.h"

#include "common/enum_text.h"
#include "common/random.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace longshore::storage {
namespace {

#define PAYLOAD_SELECT \
  "SELECT p.id, p.deployment_id, p.instance_id, p.remote_path, p.status, p.execution_time_us," \
  " p.executed, p.exit_code, p.error, p.failure_reason, p.output_bytes, p.output_truncated,"   \
  " p.task_id, p.timeout, d.script_sha256, d.script_bytes, p.attempt,"                         \
  " " LONGSHORE_MICROS("p.created_at") ", " LONGSHORE_MICROS("p.started_at") ","               \
  " " LONGSHORE_MICROS("p.finished_at") ", " LONGSHORE_MICROS("p.updated_at") ","              \
  " p.execute_payload FROM payloads p JOIN deployments d ON d.id = p.deployment_id "

StoredPayload ReadPayload(const Result& result, int row) {
  StoredPayload stored;
  v1::Payload& payload = stored.payload;
  int column = 0;
  const auto number = [&] { return result.Int(row, column++); };
  const auto text = [&] { return std::string(result.Text(row, column++)); };
  payload.set_id(number());
  payload.set_deployment_id(number());
  payload.set_instance_id(number());
  payload.set_remote_path(text());
  payload.set_status(EnumFromText<v1::PayloadStatus>(text()));
  if (!result.IsNull(row, column)) {
    const int64_t micros = result.Int(row, column);
    payload.mutable_execution_time()->set_seconds(micros / 1000000);
    payload.mutable_execution_time()->set_nanos(static_cast<int32_t>(micros % 1000000 * 1000));
  }
  ++column;
  payload.set_executed(result.Bool(row, column++));
  if (!result.IsNull(row, column)) {
    payload.set_exit_code(static_cast<int32_t>(result.Int(row, column)));
  }
  ++column;
  payload.set_error(text());
  payload.set_failure_reason(EnumFromText<v1::FailureReason>(text()));
  payload.set_output_bytes(number());
  payload.set_output_truncated(result.Bool(row, column++));
  payload.set_task_id(number());
  payload.set_timeout(static_cast<int32_t>(number()));
  payload.set_script_sha256(HexEncode(result.Bytes(row, column++)));
  payload.set_script_bytes(number());
  payload.set_attempt(static_cast<int32_t>(number()));
  ReadTimestamp(result, row, column++, [&] { return payload.mutable_created_at(); });
  ReadTimestamp(result, row, column++, [&] { return payload.mutable_started_at(); });
  ReadTimestamp(result, row, column++, [&] { return payload.mutable_finished_at(); });
  ReadTimestamp(result, row, column++, [&] { return payload.mutable_updated_at(); });
  stored.execute_payload = result.Bool(row, column++);
  return stored;
}

std::vector<std::string> NewRunIds(size_t count) {
  std::vector<std::string> run_ids(count);
  for (std::string& run_id : run_ids) run_id = RandomRunId();
  return run_ids;
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> PayloadStore::AllocateIds(Connection& connection,
                                                               int64_t count) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("SELECT nextval('payloads_id_seq') FROM generate_series(1, $1::bigint)",
                         Params().Int(count)));
  return ReadIds(result);
}

absl::Status PayloadStore::InsertBatch(Connection& connection, int64_t deployment_id,
                                       const NewDeployment& deployment,
                                       const std::vector<int64_t>& ids,
                                       const std::vector<int64_t>& instance_ids,
                                       const std::vector<std::string>& remote_paths,
                                       const std::vector<int64_t>& task_ids) {
  return connection
      .Execute(
          "INSERT INTO payloads (deployment_id, execute_payload, timeout, id, instance_id,"
          " remote_path, task_id, run_id)"
          " SELECT $1, $2, $3, * FROM unnest($4::bigint[], $5::bigint[], $6::text[], $7::bigint[],"
          " $8::text[])",
          Params()
              .Int(deployment_id)
              .Bool(deployment.execute_payload)
              .Int(deployment.timeout)
              .Ints(ids)
              .Ints(instance_ids)
              .Texts(remote_paths)
              .Ints(task_ids)
              .Texts(NewRunIds(ids.size())))
      .status();
}

absl::StatusOr<std::optional<StoredPayload>> PayloadStore::Get(Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(PAYLOAD_SELECT "WHERE p.id = $1", Params().Int(id)));
  if (result.rows() == 0) return std::nullopt;
  return ReadPayload(result, 0);
}

absl::StatusOr<std::vector<StoredPayload>> PayloadStore::GetMany(Connection& connection,
                                                                 const std::vector<int64_t>& ids,
                                                                 bool lock) {
  constexpr char kRead[] = PAYLOAD_SELECT "WHERE p.id = ANY ($1::bigint[]) ORDER BY p.id";
  constexpr char kLock[] =
      PAYLOAD_SELECT "WHERE p.id = ANY ($1::bigint[]) ORDER BY p.id FOR UPDATE OF p";
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(lock ? kLock : kRead, Params().Ints(ids)));
  std::vector<StoredPayload> payloads;
  for (int row = 0; row < result.rows(); ++row) payloads.push_back(ReadPayload(result, row));
  return payloads;
}

absl::StatusOr<std::vector<v1::Payload>> PayloadStore::ListByInstance(Connection& connection,
                                                                      int64_t instance_id,
                                                                      v1::PayloadStatus status,
                                                                      Page page) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(PAYLOAD_SELECT
                         "WHERE p.instance_id = $1 AND ($2 = '' OR p.status = $2)"
                         " AND ($3::bigint = 0 OR p.id < $3) ORDER BY p.id DESC LIMIT $4",
                         Params()
                             .Int(instance_id)
                             .Text(status == 0 ? "" : EnumText(status))
                             .Int(page.after)
                             .Int(page.limit)));
  std::vector<v1::Payload> payloads;
  for (int row = 0; row < result.rows(); ++row) {
    payloads.push_back(ReadPayload(result, row).payload);
  }
  return payloads;
}

absl::Status PayloadStore::MarkTransferred(Connection& connection, const std::vector<int64_t>& ids,
                                           const std::vector<std::string>& remote_paths) {
  if (ids.empty()) return absl::OkStatus();
  // A path under "~/" tells where the login user's home is: known from then on.
  RETURN_IF_ERROR(
      connection
          .Execute("UPDATE instances i SET home = left(u.path, -length(p.remote_path) + 1)"
                   " FROM unnest($1::bigint[], $2::text[]) AS u(id, path)"
                   " JOIN payloads p ON p.id = u.id"
                   " WHERE i.id = p.instance_id AND i.home = '' AND p.remote_path LIKE '~/%'"
                   " AND u.path LIKE '%' || substr(p.remote_path, 2)",
                   Params().Ints(ids).Texts(remote_paths))
          .status());
  return connection
      .Execute(
          "UPDATE payloads p SET status = 'TRANSFERRED', copied = true, remote_path = u.path,"
          " updated_at = now() FROM unnest($1::bigint[], $2::text[]) AS u(id, path)"
          " WHERE p.id = u.id AND p.status = 'PENDING'",
          Params().Ints(ids).Texts(remote_paths))
      .status();
}

absl::Status PayloadStore::MarkExecuting(Connection& connection, const std::vector<int64_t>& ids) {
  if (ids.empty()) return absl::OkStatus();
  return connection
      .Execute(
          "UPDATE payloads SET status = 'EXECUTING', copied = true, executed = true, started_at = "
          "now(),"
          " updated_at = now()"
          " WHERE id = ANY ($1::bigint[]) AND status IN ('PENDING', 'TRANSFERRED')",
          Params().Ints(ids))
      .status();
}

absl::StatusOr<std::vector<int64_t>> PayloadStore::IdsOfDeployment(
    Connection& connection, int64_t deployment_id, const std::vector<v1::PayloadStatus>& statuses) {
  std::vector<std::string> names;
  for (v1::PayloadStatus status : statuses) names.push_back(EnumText(status));
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT id FROM payloads WHERE deployment_id = $1"
                                      " AND status = ANY ($2::text[]) ORDER BY id",
                                      Params().Int(deployment_id).Texts(names)));
  return ReadIds(result);
}

absl::StatusOr<std::vector<int64_t>> PayloadStore::OpenOfInstance(Connection& connection,
                                                                  int64_t instance_id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT id FROM payloads WHERE instance_id = $1 AND status IN"
                                      " ('PENDING', 'TRANSFERRED', 'EXECUTING') ORDER BY id",
                                      Params().Int(instance_id)));
  return ReadIds(result);
}

absl::Status PayloadStore::Retry(Connection& connection, const std::vector<int64_t>& ids,
                                 const std::vector<int64_t>& task_ids) {
  return connection
      .Execute(
          "UPDATE payloads p SET attempt = p.attempt + 1, status = 'PENDING', task_id = u.task_id,"
          " executed = false, copied = false, exit_code = NULL, execution_time_us = NULL, error = "
          "'',"
          " failure_reason = '', output_bytes = 0, output_truncated = false, started_at = NULL,"
          " finished_at = NULL, updated_at = now(), run_id = u.run_id,"
          " earlier_run_ids = p.earlier_run_ids"
          "  || coalesce(nullif(p.run_id, ''), p.id || '.' || p.attempt)"
          " FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS u(id, task_id, run_id)"
          " WHERE p.id = u.id",
          Params().Ints(ids).Ints(task_ids).Texts(NewRunIds(ids.size())))
      .status();
}

absl::Status PayloadStore::SetTasks(Connection& connection, const std::vector<int64_t>& ids,
                                    const std::vector<int64_t>& task_ids, int timeout) {
  return connection
      .Execute(
          "UPDATE payloads p SET task_id = u.task_id, updated_at = now(),"
          " timeout = CASE WHEN $3::integer = 0 THEN p.timeout ELSE $3 END,"
          " run_id = CASE WHEN p.run_id = '' AND p.status = 'TRANSFERRED' THEN u.run_id"
          " ELSE p.run_id END"
          " FROM unnest($1::bigint[], $2::bigint[], $4::text[]) AS u(id, task_id, run_id)"
          " WHERE p.id = u.id",
          Params().Ints(ids).Ints(task_ids).Int(timeout).Texts(NewRunIds(ids.size())))
      .status();
}

}  // namespace longshore::storage
