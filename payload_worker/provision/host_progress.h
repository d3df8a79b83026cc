// How far one host of an Ansible run has come, and what that means for its task.
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
  // `title` becomes the first line of the host's log.
  explicit HostProgress(std::string title);

  // Takes a record of the host. Returns the result if the record settles it.
  std::optional<v1::Provisioned> Add(const Record& record);

  // Returns the result for a run that ended without settling it: the failure that the host's
  // records tell of or, without one, how the run ended (`how`, and the end of its `output`).
  v1::Provisioned AtRunEnd(const std::string& how, const std::string& output) const;

 private:
  v1::Provisioned Ready() const;
  v1::Provisioned Failure() const;

  std::string log_;
  std::string error_;  // Of the last task that failed.
  bool unreachable_ = false;
  bool final_ = false;  // Another try would fail in the same way.
};

}  // namespace longshore::provision

#endif  // LONGSHORE_PAYLOAD_WORKER_PROVISION_HOST_PROGRESS_H_
