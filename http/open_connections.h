// The connections of a server, so that it can end them.
#ifndef LONGSHORE_HTTP_OPEN_CONNECTIONS_H_
#define LONGSHORE_HTTP_OPEN_CONNECTIONS_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>

#include "common/mutex.h"

namespace longshore::http {

// A connection, as the server sees it. Thread-safe.
class OpenConnection {
 public:
  virtual ~OpenConnection() = default;
  // Ends after the answer under way, or now if there is none.
  virtual void Drain() = 0;
  // Ends now.
  virtual void Cut() = 0;
};

// The connections that are open. Thread-safe.
class OpenConnections {
 public:
  // Returns the number under which it is kept; 0 when there are `max` already, or it is too late.
  int64_t Add(std::weak_ptr<OpenConnection> connection, int max) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(int64_t number) ABSL_LOCKS_EXCLUDED(mutex_);
  // From now on none is added.
  void DrainAll() ABSL_LOCKS_EXCLUDED(mutex_);
  // Cuts those that are still there after `patience`.
  void CutAfter(std::chrono::milliseconds patience) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::map<int64_t, std::shared_ptr<OpenConnection>> All() ABSL_LOCKS_EXCLUDED(mutex_);

  Mutex mutex_;
  CondVar removed_;
  std::map<int64_t, std::weak_ptr<OpenConnection>> open_ ABSL_GUARDED_BY(mutex_);
  int64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace longshore::http

#endif  // LONGSHORE_HTTP_OPEN_CONNECTIONS_H_
