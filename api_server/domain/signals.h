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
  // There may be tasks to claim.
  virtual void TasksDue() = 0;
  // The payloads' status or output changed.
  virtual void PayloadsChanged(const std::vector<int64_t>& payload_ids) = 0;
  // Somebody asked for leased tasks to be stopped.
  virtual void CancelRequested(const std::vector<int64_t>& task_ids) = 0;
  // The same for those whose script has not been started.
  virtual void RecallRequested(const std::vector<int64_t>& task_ids) = 0;
};

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_SIGNALS_H_
