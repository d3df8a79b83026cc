// The workers that are refused by name, though their certificates are good.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_REFUSED_WORKERS_H_
#define LONGSHORE_API_SERVER_EXECUTOR_REFUSED_WORKERS_H_

#include <set>
#include <string>

#include "absl/status/status.h"
#include "common/mutex.h"

namespace longshore::executor {

// Thread-safe. The names stand in a file, one a line; lines that begin with '#' and empty ones do
// not count.
class RefusedWorkers {
 public:
  // An empty path refuses nobody.
  explicit RefusedWorkers(std::string path) : path_(std::move(path)) {}

  bool enabled() const { return !path_.empty(); }
  // Reads the file again. Errors: FailedPrecondition when it cannot be read; the names that were
  // read before stay refused.
  absl::Status Read() ABSL_LOCKS_EXCLUDED(mutex_);
  bool Has(const std::string& name) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::string path_;
  Mutex mutex_;
  std::set<std::string> names_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_REFUSED_WORKERS_H_
