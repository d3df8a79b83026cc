#include "api_server/domain/request_once.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <memory>

#include "api_server/domain/errors.h"
#include "common/fail_point.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "storage/request_id_store.h"

namespace longshore::domain {
namespace {

using storage::Connection;
namespace request_id_store = storage::request_id_store;

constexpr size_t kMaxRequestIdBytes = 128;

// The same for two requests exactly when they ask for the same: what nobody here understands asks
// for nothing.
std::string Fingerprint(const google::protobuf::Message& asked) {
  const std::unique_ptr<google::protobuf::Message> request(asked.New());
  request->CopyFrom(asked);
  request->DiscardUnknownFields();
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    request->SerializeToCodedStream(&coded);
  }
  return Sha256(bytes);
}

absl::Status Replay(const request_id_store::Answer& answer, const OnceRequest& once,
                    const std::string& fingerprint, google::protobuf::Message* response) {
  if (answer.fingerprint != fingerprint) return RequestIdReused(once.request_id);
  if (!response->ParseFromString(answer.response)) {
    return absl::InternalError("the stored answer cannot be read");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AnswerOnce(storage::Database& database, const OnceRequest& once,
                        const std::function<absl::Status()>& prepare,
                        const std::function<absl::Status(Connection&)>& body,
                        google::protobuf::Message* response, bool* replayed) {
  *replayed = false;
  if (once.request_id.size() > kMaxRequestIdBytes) {
    return InvalidField("request_id", once.request_id, "is over 128 bytes");
  }
  if (once.request_id.find('\0') != std::string::npos) {
    return InvalidField("request_id", once.request_id, "has a NUL byte");
  }
  const bool remember = !once.request_id.empty();
  const std::string fingerprint = remember ? Fingerprint(*once.request) : "";
  // Looks for the old answer; sets *replayed when there is one.
  const auto find = [&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const auto answer, request_id_store::Find(connection, once.caller->token_id,
                                                               once.method, once.request_id));
    if (!answer.has_value()) return absl::OkStatus();
    *replayed = true;
    return Replay(*answer, once, fingerprint, response);
  };
  if (remember) {
    RETURN_IF_ERROR(FromStorage(database.Run(find)));
    if (*replayed) return absl::OkStatus();
  }
  RETURN_IF_ERROR(prepare());
  LONGSHORE_FAIL_POINT("request.prepared");
  RETURN_IF_ERROR(FromStorage(database.Transact([&](Connection& connection) -> absl::Status {
    response->Clear();
    *once.change = {};
    *replayed = false;
    if (remember) {
      ASSIGN_OR_RETURN(const bool claimed,
                       request_id_store::Claim(connection, once.caller->token_id, once.method,
                                               once.request_id, fingerprint));
      if (!claimed) return find(connection);
    }
    RETURN_IF_ERROR(body(connection));
    RETURN_IF_ERROR(NoteChange(connection, *once.caller, *once.change));
    if (!remember) return absl::OkStatus();
    return request_id_store::SetResponse(connection, once.caller->token_id, once.method,
                                         once.request_id, response->SerializeAsString());
  })));
  LONGSHORE_RETURN_IF_FAIL_POINT("request.committed");
  return absl::OkStatus();
}

}  // namespace longshore::domain
