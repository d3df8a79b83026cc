// Who watches which payload, and the waking of them.
#ifndef LONGSHORE_API_SERVER_SERVICES_WATCH_HUB_H_
#define LONGSHORE_API_SERVER_SERVICES_WATCH_HUB_H_

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "common/work_queue.h"
#include "proto/longshore/v1/payload_service.pb.h"
#include "storage/database.h"

namespace longshore::services {

// How far a watcher has come.
struct WatchPosition {
  int64_t payload_id = 0;
  int64_t output_offset = 0;
  std::optional<v1::PayloadStatus> status_sent;
};

// The next event for a watcher at `position`, which it moves on; nullopt when there is nothing new.
// All output comes before the event with the terminal status. Errors: PAYLOAD_NOT_FOUND, or the
// database's.
absl::StatusOr<std::optional<v1::PayloadEvent>> NextWatchEvent(storage::Database& database,
                                                               WatchPosition* position);

// One watcher. Thread-safe.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual int64_t payload_id() const = 0;
  // Something may have changed: look. Never blocks.
  virtual void Wake() = 0;
  // The server is going away.
  virtual void Stop() = 0;
};

// Thread-safe. Owns the threads on which watchers look into the database, so that thousands of them
// share a few, and one that wakes everybody now and then, in case a notification was lost.
class WatchHub {
 public:
  WatchHub(storage::Database* database, int threads);
  ~WatchHub();

  // The hub keeps `watcher` until Remove.
  void Add(std::shared_ptr<Watcher> watcher) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(const std::shared_ptr<Watcher>& watcher) ABSL_LOCKS_EXCLUDED(mutex_);
  void Wake(const std::set<int64_t>& payload_ids) ABSL_LOCKS_EXCLUDED(mutex_);
  void WakeAll() ABSL_LOCKS_EXCLUDED(mutex_);
  // Stops every watcher, now and later.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

  WorkQueue& work() { return work_; }
  storage::Database& database() { return database_; }

 private:
  void PollLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<std::shared_ptr<Watcher>> All() ABSL_LOCKS_EXCLUDED(mutex_);

  storage::Database& database_;
  Mutex mutex_;
  CondVar changed_;
  std::map<int64_t, std::set<std::shared_ptr<Watcher>>> watchers_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  WorkQueue work_;
  std::thread poller_;
};

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_WATCH_HUB_H_
