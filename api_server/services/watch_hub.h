// Knows who watches which payloads, and wakes the watchers when payloads change.
#ifndef LONGSHORE_API_SERVER_SERVICES_WATCH_HUB_H_
#define LONGSHORE_API_SERVER_SERVICES_WATCH_HUB_H_

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "common/work_queue.h"
#include "storage/database.h"

namespace longshore::services {

// One watcher. Thread-safe.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // Tells the watcher that these payloads, or any (nullptr), may have changed. Never blocks.
  virtual void Wake(const std::set<int64_t>* payload_ids) = 0;
  // Tells the watcher that the server is going away.
  virtual void Stop() = 0;
};

// Thread-safe. Owns a few threads on which thousands of watchers read the database, and one thread
// that wakes all watchers now and then in case a notification was lost.
class WatchHub {
 public:
  WatchHub(storage::Database* database, int threads);
  ~WatchHub();

  // Keeps `watcher` until Remove is called with the same arguments. Wakes it at once, and whenever
  // the given payload changes, or any payload when none is given.
  void Add(std::shared_ptr<Watcher> watcher, std::optional<int64_t> payload_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(const std::shared_ptr<Watcher>& watcher, std::optional<int64_t> payload_id)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Wake(const std::set<int64_t>& payload_ids) ABSL_LOCKS_EXCLUDED(mutex_);
  void WakeAll() ABSL_LOCKS_EXCLUDED(mutex_);
  // Stops every watcher, now and later.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

  WorkQueue& work() { return work_; }
  storage::Database& database() { return database_; }

 private:
  void WakeThoseOf(std::optional<int64_t> payload_id, const std::set<int64_t>& payload_ids)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PollLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<std::shared_ptr<Watcher>> All() ABSL_LOCKS_EXCLUDED(mutex_);

  storage::Database& database_;
  Mutex mutex_;
  CondVar changed_;
  // By payload; nullopt for watchers of all payloads.
  std::map<std::optional<int64_t>, std::set<std::shared_ptr<Watcher>>> watchers_
      ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  WorkQueue work_;
  std::thread poller_;
};

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_WATCH_HUB_H_
