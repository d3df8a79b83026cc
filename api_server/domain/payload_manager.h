// Executes and cancels payloads.
#ifndef LONGSHORE_API_SERVER_DOMAIN_PAYLOAD_MANAGER_H_
#define LONGSHORE_API_SERVER_DOMAIN_PAYLOAD_MANAGER_H_

#include "absl/status/statusor.h"
#include "api_server/domain/caller.h"
#include "api_server/domain/deployer.h"
#include "api_server/domain/payload_reader.h"
#include "api_server/domain/signals.h"
#include "longshore/v1/payload_service.pb.h"
#include "storage/database.h"
#include "storage/payload_store.h"
#include "storage/task_store.h"

namespace longshore::domain {

// Thread-safe. Errors are those of errors.h.
class PayloadManager {
 public:
  PayloadManager(storage::Database* database, PayloadReader* reader, Signals* signals,
                 DeployLimits limits, OutputLimit output_limit);

  absl::StatusOr<v1::ExecutePayloadResponse> Execute(const Caller& caller,
                                                     const v1::ExecutePayloadRequest& request);
  // Returns the payload with its output.
  absl::StatusOr<v1::Payload> Cancel(const Caller& caller, int64_t payload_id);

 private:
  absl::Status InsertExecuteTasks(storage::Connection& connection, const Caller& caller,
                                  const v1::ExecutePayloadRequest& request,
                                  v1::ExecutePayloadResponse* response, Change* change);
  // Returns the payloads of a deployment that can be run now, or an error when there are none.
  static absl::StatusOr<std::vector<int64_t>> ExecutableOf(storage::Connection& connection,
                                                           const Caller& caller,
                                                           int64_t deployment_id);

  storage::Database& database_;
  PayloadReader& reader_;
  Signals& signals_;
  const DeployLimits limits_;
  const OutputLimit output_limit_;
};

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_PAYLOAD_MANAGER_H_
