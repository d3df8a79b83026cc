// What CreateInstance means.
#ifndef LONGSHORE_API_SERVER_DOMAIN_INSTANCE_CREATOR_H_
#define LONGSHORE_API_SERVER_DOMAIN_INSTANCE_CREATOR_H_

#include "absl/status/statusor.h"
#include "api_server/domain/signals.h"
#include "api_server/providers/providers.h"
#include "proto/longshore/v1/instance_service.pb.h"
#include "storage/database.h"

namespace longshore::domain {

// Thread-safe. Errors are those of errors.h.
class InstanceCreator {
 public:
  InstanceCreator(storage::Database* database, const providers::Providers* providers,
                  Signals* signals);

  absl::StatusOr<v1::CreateInstanceResponse> Create(const v1::CreateInstanceRequest& request);

 private:
  absl::Status Check(const v1::CreateInstanceRequest& request) const;

  storage::Database& database_;
  const providers::Providers& providers_;
  Signals& signals_;
};

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_INSTANCE_CREATOR_H_
