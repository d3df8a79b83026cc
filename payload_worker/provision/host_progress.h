// How far one host of a run has come, and what that means for its task.
#ifndef LONGSHORE_PAYLOAD_WORKER_PROVISION_HOST_PROGRESS_H_
#define LONGSHORE_PAYLOAD_WORKER_PROVISION_HOST_PROGRESS_H_

#include <optional>
#include <string>

#include "longshore/v1/worker_service.pb.h"
#include "payload_worker/provision/records.h"

namespace longshore::provision {

// Not thread-safe.
class HostProgress {
 public:
  // `title` begins its log.
  explicit HostProgress(std::string title);

  // The result, when the record settles it.
  std::optional<v1::Provisioned> Add(const Record& record);

  // The result when the run is over without one: what the host's own records say, or, when there
  // are none that matter, that the run ended so (`how`, with the end of its output).
  v1::Provisioned AtRunEnd(const std::string& how, const std::string& output) const;

 private:
  v1::Provisioned Ready() const;
  v1::Provisioned Failure() const;

  std::string log_;
  std::string error_;  // Of the last task that failed.
  bool unreachable_ = false;
  bool final_ = false;  // Another try would end the same.
};

}  // namespace longshore::provision

#endif  // LONGSHORE_PAYLOAD_WORKER_PROVISION_HOST_PROGRESS_H_
