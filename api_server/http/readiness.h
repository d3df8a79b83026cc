// GET /readyz: whether this api_server can do its work.
#ifndef LONGSHORE_API_SERVER_HTTP_READINESS_H_
#define LONGSHORE_API_SERVER_HTTP_READINESS_H_

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "common/work_queue.h"
#include "http/message.h"

namespace longshore::api_http {

// Thread-safe. However many ask at once, and nobody has to say who they are, one check is under way
// at most.
class Readiness {
 public:
  // `check` returns how many pools of instances have no worker, which is told and makes it no less
  // ready, or why it is not ready; it may wait for the database. The text of an Unavailable goes to
  // the log alone.
  explicit Readiness(std::function<absl::StatusOr<int64_t>()> check);

  // Answers with 200 or 503, after the check that is under way or a new one. When it has been under
  // way for more than three seconds the answer is 503 at once.
  void Handle(std::shared_ptr<http::Exchange> exchange) ABSL_LOCKS_EXCLUDED(mutex_);
  // From now on it is not ready.
  void BeginDrain() ABSL_LOCKS_EXCLUDED(mutex_);
  // Drops those that wait.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Check() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::function<absl::StatusOr<int64_t>()> check_;
  Mutex mutex_;
  std::vector<std::shared_ptr<http::Exchange>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool checking_ ABSL_GUARDED_BY(mutex_) = false;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point begun_ ABSL_GUARDED_BY(mutex_);
  WorkQueue work_{1};
};

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_READINESS_H_
