// What the domain tells the other parts of the api_server after a commit. Losing one costs time,
// never correctness.
#ifndef LONGSHORE_API_SERVER_DOMAIN_SIGNALS_H_
#define LONGSHORE_API_SERVER_DOMAIN_SIGNALS_H_

#include <cstdint>
#include <vector>

namespace longshore::domain {

// Thread-safe; never blocks.
class Signals {
 public:
  virtual ~Signals() = default;
  // Says that there may be tasks to claim.
  virtual void TasksDue() = 0;
  // Says the same where all of them are of payloads.
  virtual void PayloadTasksDue() = 0;
  // Says that the status or the output of the payloads changed.
  virtual void PayloadsChanged(const std::vector<int64_t>& payload_ids) = 0;
  // Says that instances were added, or that what they are or how far they have come changed.
  virtual void InstancesChanged() = 0;
  // Says that somebody asked to stop these tasks, which workers hold.
  virtual void CancelRequested(const std::vector<int64_t>& task_ids) = 0;
  // Says that these tasks are to stop unless their scripts have been started.
  virtual void RecallRequested(const std::vector<int64_t>& task_ids) = 0;
};

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_SIGNALS_H_
