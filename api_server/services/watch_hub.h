// Knows who watches what, and wakes the watchers when that changes.
#ifndef LONGSHORE_API_SERVER_SERVICES_WATCH_HUB_H_
#define LONGSHORE_API_SERVER_SERVICES_WATCH_HUB_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "api_server/services/watch_tokens.h"
#include "common/live_count.h"
#include "common/mutex.h"
#include "common/work_queue.h"
#include "storage/database.h"

namespace longshore::services {

// Something that follows payloads or instances. Thread-safe.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // Tells the watcher to look again soon: one of these payloads may have changed, or anything when
  // it is null. Must not block.
  virtual void Wake(const std::set<int64_t>* payload_ids) = 0;
  // Tells the watcher that the server shuts down.
  virtual void Stop() = 0;
};

// What a watcher follows. A watcher that is added is woken until it is removed. Thread-safe.
class WatchTopic {
 public:
  virtual ~WatchTopic() = default;
  // Wakes the watcher once now, and then at every change.
  virtual void Add(std::shared_ptr<Watcher> watcher) = 0;
  virtual void Remove(const std::shared_ptr<Watcher>& watcher) = 0;
};

// Thread-safe. The functions that report changes only note them, however many watchers there are; a
// thread of its own wakes the watchers. Every policy::kSafetyPoll that thread also looks for
// changes that were not reported.
class WatchHub {
 public:
  // `threads` threads look for what the watchers have to be sent. `max_watches_per_token`: see
  // WatchTokens.
  WatchHub(storage::Database* database, int threads, int max_watches_per_token = 0);
  ~WatchHub();

  // Topics for one payload, for all payloads, and for all instances. Use a topic only while the hub
  // exists.
  std::unique_ptr<WatchTopic> OfPayload(int64_t payload_id);
  std::unique_ptr<WatchTopic> OfAllPayloads();
  std::unique_ptr<WatchTopic> OfInstances();
  // A topic that never changes: of those who are woken once, and stopped when the server is.
  std::unique_ptr<WatchTopic> OfNothing();

  void PayloadsChanged(const std::set<int64_t>& payload_ids) ABSL_LOCKS_EXCLUDED(mutex_);
  void InstancesChanged() ABSL_LOCKS_EXCLUDED(mutex_);
  // Reports that changes were missed, or are too many to name.
  void AnythingChanged() ABSL_LOCKS_EXCLUDED(mutex_);

  // Stops every watcher and waits for the looks under way.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

  storage::Database& database() { return database_; }
  WorkQueue& work() { return work_; }
  WatchTokens& tokens() { return tokens_; }
  // Counts the streams that use this hub.
  LiveCount* streams() { return &streams_; }

 private:
  using Watchers = std::set<std::shared_ptr<Watcher>>;
  class Topic;

  // Topics by key: a payload's id, or one of these, which no payload has.
  static constexpr int64_t kAllPayloads = 0;
  static constexpr int64_t kInstances = -1;
  static constexpr int64_t kNothing = -2;

  void Add(int64_t key, std::shared_ptr<Watcher> watcher) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(int64_t key, const std::shared_ptr<Watcher>& watcher) ABSL_LOCKS_EXCLUDED(mutex_);
  void WakeLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  void WakeThoseOf(int64_t key, const std::set<int64_t>* payload_ids) ABSL_LOCKS_EXCLUDED(mutex_);
  // Wakes the watchers of payloads that have changed since the last look, and all other watchers.
  void LookForChanges() ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<std::shared_ptr<Watcher>> All() ABSL_LOCKS_EXCLUDED(mutex_);

  LiveCount streams_;
  storage::Database& database_;
  WatchTokens tokens_;
  WorkQueue work_;
  Mutex mutex_;
  CondVar changed_;
  std::map<int64_t, Watchers> watchers_ ABSL_GUARDED_BY(mutex_);
  // The changes that the watchers have not been told of; at most kMaxNamed payloads.
  std::set<int64_t> changed_payloads_ ABSL_GUARDED_BY(mutex_);
  bool instances_changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool anything_changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // When each watched payload was updated last, in microseconds, as of the last look. Used by the
  // waking thread alone.
  std::map<int64_t, int64_t> update_times_;
  std::thread waker_;
};

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_WATCH_HUB_H_
