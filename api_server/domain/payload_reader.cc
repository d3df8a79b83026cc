#include "api_server/domain/payload_reader.h"

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "api_server/domain/errors.h"
#include "api_server/domain/fields.h"
#include "api_server/domain/page.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "storage/instance_store.h"
#include "storage/output_store.h"
#include "storage/payload_store.h"
#include "storage/script_store.h"

namespace longshore::domain {
namespace {

using storage::Connection;
using storage::PayloadFilter;
using storage::StoredPayload;
namespace output_store = storage::output_store;
namespace payload_store = storage::payload_store;

constexpr int32_t kMaxReadBytes = 1 << 20;
constexpr size_t kSha256HexDigits = 64;

// Reads the payload and then, by `read`, what belongs to it, as they were at one moment: a terminal
// status comes with the whole output.
absl::StatusOr<StoredPayload> ReadSnapshot(storage::Database& database, const Caller& caller,
                                           int64_t payload_id,
                                           const std::function<absl::Status(Connection&)>& read) {
  std::optional<StoredPayload> stored;
  RETURN_IF_ERROR(FromStorage(database.Transact([&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(connection.ExecuteScript("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"));
    ASSIGN_OR_RETURN(stored, payload_store::Get(connection, caller.scope, payload_id));
    if (!stored.has_value()) return PayloadNotFound(payload_id);
    return read(connection);
  })));
  return *std::move(stored);
}

absl::Status CheckOptionalId(std::string_view field, int64_t id) {
  return id == 0 ? absl::OkStatus() : CheckId(field, id);
}

// The page of `list` that `request` asks for, as the `Response` to it.
template <typename Response, typename Request>
absl::StatusOr<Response> ListPage(storage::Database& database, const Caller& caller,
                                  const std::string& list, const Request& request,
                                  const PayloadFilter& filter) {
  ASSIGN_OR_RETURN(const storage::Page page,
                   ParsePage(list, request.page_size(), request.page_token()));
  std::vector<v1::Payload> payloads;
  RETURN_IF_ERROR(FromStorage(database.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(payloads, payload_store::List(connection, caller.scope, filter, page));
    return absl::OkStatus();
  })));
  Response response;
  response.set_next_page_token(FinishPage(list, page, &payloads));
  for (v1::Payload& payload : payloads) *response.add_payloads() = std::move(payload);
  return response;
}

}  // namespace

absl::StatusOr<v1::Payload> PayloadReader::Get(const Caller& caller, int64_t payload_id) {
  RETURN_IF_ERROR(CheckId("payload_id", payload_id));
  std::string output;
  ASSIGN_OR_RETURN(
      StoredPayload stored,
      ReadSnapshot(database_, caller, payload_id, [&](Connection& connection) -> absl::Status {
        // Text is no shorter than its bytes. One byte more than can be shown tells of
        // the others.
        constexpr int64_t kEndBytes = kMaxAnswerBytes / 2 + 1;
        ASSIGN_OR_RETURN(output, output_store::ReadEnds(connection, payload_id, kEndBytes));
        return absl::OkStatus();
      }));
  output = ToValidUtf8(output);
  if (output.size() > kMaxAnswerBytes) stored.payload.set_output_truncated(true);
  stored.payload.set_output(KeepEnds(std::move(output), kMaxAnswerBytes));
  return std::move(stored.payload);
}

absl::StatusOr<v1::ListInstancePayloadsResponse> PayloadReader::ListOfInstance(
    const Caller& caller, const v1::ListInstancePayloadsRequest& request) {
  RETURN_IF_ERROR(CheckId("instance_id", request.instance_id()));
  RETURN_IF_ERROR(CheckEnum("status", request.status(), v1::PayloadStatus_IsValid));
  RETURN_IF_ERROR(FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const auto instance,
                     storage::instance_store::Get(connection, caller.scope, request.instance_id()));
    return instance.has_value() ? absl::OkStatus() : InstanceNotFound(request.instance_id());
  })));
  const std::string list =
      "payloads/" + std::to_string(request.instance_id()) + "/" + std::to_string(request.status());
  return ListPage<v1::ListInstancePayloadsResponse>(
      database_, caller, list, request,
      {.instance_id = request.instance_id(), .status = request.status()});
}

absl::StatusOr<v1::ListPayloadsResponse> PayloadReader::List(
    const Caller& caller, const v1::ListPayloadsRequest& request) {
  RETURN_IF_ERROR(CheckOptionalId("deployment_id", request.deployment_id()));
  RETURN_IF_ERROR(CheckOptionalId("instance_id", request.instance_id()));
  RETURN_IF_ERROR(CheckEnum("status", request.status(), v1::PayloadStatus_IsValid));
  RETURN_IF_ERROR(CheckEnum("failure_reason", request.failure_reason(), v1::FailureReason_IsValid));
  std::string list = "all payloads";
  for (const int64_t part : {request.deployment_id(), request.instance_id(),
                             int64_t{request.status()}, int64_t{request.failure_reason()}}) {
    list += "/" + std::to_string(part);
  }
  return ListPage<v1::ListPayloadsResponse>(database_, caller, list, request,
                                            {.deployment_id = request.deployment_id(),
                                             .instance_id = request.instance_id(),
                                             .status = request.status(),
                                             .failure_reason = request.failure_reason()});
}

absl::StatusOr<v1::ReadPayloadOutputResponse> PayloadReader::ReadOutput(
    const Caller& caller, const v1::ReadPayloadOutputRequest& request) {
  RETURN_IF_ERROR(CheckId("payload_id", request.payload_id()));
  if (request.offset() < 0) {
    return InvalidField("offset", std::to_string(request.offset()), "must not be negative");
  }
  if (request.length() < 0 || request.length() > kMaxReadBytes) {
    return InvalidField("length", std::to_string(request.length()),
                        "is out of range: 0 for all that fits, or 1 to 1048576 (1 MiB)");
  }
  storage::OutputChunk chunk;
  ASSIGN_OR_RETURN(
      const StoredPayload stored,
      ReadSnapshot(
          database_, caller, request.payload_id(), [&](Connection& connection) -> absl::Status {
            ASSIGN_OR_RETURN(chunk, output_store::ReadFrom(
                                        connection, request.payload_id(), request.offset(),
                                        request.length() == 0 ? kMaxReadBytes : request.length()));
            return absl::OkStatus();
          }));
  v1::ReadPayloadOutputResponse response;
  response.set_total(stored.payload.output_bytes());
  response.set_offset(chunk.data.empty() ? response.total() : chunk.offset);
  response.set_data(std::move(chunk.data));
  return response;
}

absl::StatusOr<v1::GetScriptResponse> PayloadReader::GetScript(const Caller& caller,
                                                               const std::string& sha256) {
  const std::string hash = HexDecode(sha256);
  if (sha256.size() != kSha256HexDigits || hash.size() != kSha256HexDigits / 2) {
    return InvalidField("sha256", sha256, "is not a SHA-256: 64 hexadecimal digits");
  }
  std::optional<std::string> content;
  RETURN_IF_ERROR(FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(content, storage::script_store::Get(connection, caller.scope, hash));
    return absl::OkStatus();
  })));
  if (!content.has_value()) return ScriptNotFound(sha256);
  v1::GetScriptResponse response;
  response.set_size(static_cast<int64_t>(content->size()));
  response.set_content(*std::move(content));
  return response;
}

}  // namespace longshore::domain
