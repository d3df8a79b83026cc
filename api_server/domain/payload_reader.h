// What can be read of payloads: status, lists, output and scripts.
#ifndef LONGSHORE_API_SERVER_DOMAIN_PAYLOAD_READER_H_
#define LONGSHORE_API_SERVER_DOMAIN_PAYLOAD_READER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "api_server/domain/caller.h"
#include "longshore/v1/payload_service.pb.h"
#include "storage/database.h"

namespace longshore::domain {

// Thread-safe. Errors are those of errors.h.
class PayloadReader {
 public:
  explicit PayloadReader(storage::Database* database) : database_(*database) {}

  // Returns the payload with its output, of which no more than kMaxAnswerBytes are kept.
  absl::StatusOr<v1::Payload> Get(const Caller& caller, int64_t payload_id);
  absl::StatusOr<v1::ListInstancePayloadsResponse> ListOfInstance(
      const Caller& caller, const v1::ListInstancePayloadsRequest& request);
  absl::StatusOr<v1::ListPayloadsResponse> List(const Caller& caller,
                                                const v1::ListPayloadsRequest& request);
  absl::StatusOr<v1::ReadPayloadOutputResponse> ReadOutput(
      const Caller& caller, const v1::ReadPayloadOutputRequest& request);
  absl::StatusOr<v1::GetScriptResponse> GetScript(const Caller& caller, const std::string& sha256);

 private:
  storage::Database& database_;
};

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_PAYLOAD_READER_H_
