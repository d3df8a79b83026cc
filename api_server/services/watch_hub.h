// Knows who watches what, and wakes the watchers when it changes.
#ifndef LONGSHORE_API_SERVER_SERVICES_WATCH_HUB_H_
#define LONGSHORE_API_SERVER_SERVICES_WATCH_HUB_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "common/work_queue.h"
#include "storage/database.h"

namespace longshore::services {

// Something that follows payloads or instances. Thread-safe.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // Looks again soon: one of these payloads may have changed, or anything (nullptr). Must not
  // block.
  virtual void Wake(const std::set<int64_t>* payload_ids) = 0;
  // The server is going away.
  virtual void Stop() = 0;
};

// What a watcher is about: where it says that it wants to be woken, and that it no longer does.
// Thread-safe.
class WatchTopic {
 public:
  virtual ~WatchTopic() = default;
  // Wakes the watcher at once, and from then on.
  virtual void Add(std::shared_ptr<Watcher> watcher) = 0;
  virtual void Remove(const std::shared_ptr<Watcher>& watcher) = 0;
};

// Thread-safe. The calls that tell of changes only note them, whoever watches: a thread of its own
// wakes the watchers. It also looks every policy::kSafetyPoll for what it was not told of.
class WatchHub {
 public:
  // `threads` look for what the watchers are to be sent.
  WatchHub(storage::Database* database, int threads);
  ~WatchHub();

  // One payload; every payload; every instance. A topic is used while the hub lives.
  std::unique_ptr<WatchTopic> OfPayload(int64_t payload_id);
  std::unique_ptr<WatchTopic> OfAllPayloads();
  std::unique_ptr<WatchTopic> OfInstances();

  void PayloadsChanged(const std::set<int64_t>& payload_ids) ABSL_LOCKS_EXCLUDED(mutex_);
  void InstancesChanged() ABSL_LOCKS_EXCLUDED(mutex_);
  // Changes may have been missed, or are too many to name.
  void AnythingChanged() ABSL_LOCKS_EXCLUDED(mutex_);

  // Stops every watcher and waits for those that look.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

  storage::Database& database() { return database_; }
  WorkQueue& work() { return work_; }

 private:
  using Watchers = std::set<std::shared_ptr<Watcher>>;
  class Topic;

  // Who is woken by what: `key` is a payload's id or one of two that no payload has.
  static constexpr int64_t kAllPayloads = 0;
  static constexpr int64_t kInstances = -1;

  void Add(int64_t key, std::shared_ptr<Watcher> watcher) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(int64_t key, const std::shared_ptr<Watcher>& watcher) ABSL_LOCKS_EXCLUDED(mutex_);
  void WakeLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  void WakeThoseOf(int64_t key, const std::set<int64_t>* payload_ids) ABSL_LOCKS_EXCLUDED(mutex_);
  // Wakes the watchers of payloads whose rows are not as they were the last time, and all others.
  void LookForChanges() ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<std::shared_ptr<Watcher>> All() ABSL_LOCKS_EXCLUDED(mutex_);

  storage::Database& database_;
  WorkQueue work_;
  Mutex mutex_;
  CondVar changed_;
  std::map<int64_t, Watchers> watchers_ ABSL_GUARDED_BY(mutex_);
  // What is to be told to the watchers; at most kMaxNamed payloads.
  std::set<int64_t> changed_payloads_ ABSL_GUARDED_BY(mutex_);
  bool instances_changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool anything_changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // When each watched payload was updated, in microseconds, as of the last look. Only the waking
  // thread's.
  std::map<int64_t, int64_t> update_times_;
  std::thread waker_;
};

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_WATCH_HUB_H_
