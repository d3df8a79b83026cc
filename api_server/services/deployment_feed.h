// One deployment as all its watchers on this api_server see it: read from the database once,
// however many they are.
#ifndef LONGSHORE_API_SERVER_SERVICES_DEPLOYMENT_FEED_H_
#define LONGSHORE_API_SERVER_SERVICES_DEPLOYMENT_FEED_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/services/watch_hub.h"
#include "common/mutex.h"
#include "longshore/v1/deployment.pb.h"
#include "longshore/v1/payload.pb.h"
#include "storage/deployment_store.h"

namespace longshore::services {

// The payloads that all feeds may keep in memory together, about 600 bytes each. The watchers of a
// feed that gets no room read theirs from the database.
class PayloadBudget {
 public:
  explicit PayloadBudget(int64_t payloads) : left_(payloads) {}
  // Takes room for `payloads`; false when there is not enough.
  bool Take(int64_t payloads);
  void Return(int64_t payloads) { left_ += payloads; }

 private:
  std::atomic<int64_t> left_;
};

// Thread-safe. Each change of a payload gets a version, greater than all before; a payload that
// changes again leaves its old one. So a watcher that is behind by however much needs to remember
// one version, and is sent each payload once, as it is now.
class DeploymentFeed : public Watcher, public std::enable_shared_from_this<DeploymentFeed> {
 public:
  DeploymentFeed(WatchHub* hub, int64_t deployment_id, PayloadBudget* budget);
  ~DeploymentFeed() override;

  // Lets `watcher` be woken by changes. Returns its ticket: what Read gives it was read from the
  // database later than this call.
  uint64_t Subscribe(std::shared_ptr<Watcher> watcher) ABSL_LOCKS_EXCLUDED(joining_, mutex_);
  void Unsubscribe(const std::shared_ptr<Watcher>& watcher) ABSL_LOCKS_EXCLUDED(joining_, mutex_);

  struct Change {
    size_t index = 0;  // Of the payload in its deployment.
    v1::Payload payload;
  };
  struct News {
    bool ready = false;         // False: nothing has been read for this ticket yet.
    size_t payloads = 0;        // Of the deployment.
    v1::Deployment deployment;  // Without the request's ids. Its counts are the database's.
    std::vector<Change> changes;
    uint64_t version = 0;  // Of the last change; to be given to the next Read.
    bool more = false;     // There are later changes.
  };
  // Returns up to `limit` payloads that changed after `version`, in the order of their last
  // changes. Errors: those of the last look at the database.
  absl::StatusOr<News> Read(uint64_t ticket, uint64_t version, size_t limit)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Of the hub: looks for changes among these payloads, or all.
  void Wake(const std::set<int64_t>* payload_ids) override ABSL_LOCKS_EXCLUDED(mutex_);
  void Stop() override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    int64_t id = 0;
    v1::PayloadStatus status = v1::PAYLOAD_STATUS_UNSPECIFIED;
    int attempt = 0;
    uint64_t version = 0;
    std::shared_ptr<const v1::Payload> payload;  // Null when the feed keeps none.
  };

  void Refresh() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status ReadChanges() ABSL_LOCKS_EXCLUDED(mutex_);
  // Reads the states of all payloads; those that differ are to be read.
  absl::Status CompareStates() ABSL_LOCKS_EXCLUDED(mutex_);
  void StartRefresh() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Store(const std::vector<v1::Payload>& payloads) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The entry of a payload; null when it is not of this deployment.
  Entry* Find(int64_t payload_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  WatchHub& hub_;
  const int64_t deployment_id_;
  PayloadBudget& budget_;
  const std::unique_ptr<WatchTopic> payloads_;
  // Held while somebody comes or goes: the feed is on its topic while it has a subscriber.
  Mutex joining_;
  Mutex mutex_;
  std::set<std::shared_ptr<Watcher>> subscribers_ ABSL_GUARDED_BY(mutex_);
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);        // By ascending id.
  std::map<uint64_t, size_t> order_ ABSL_GUARDED_BY(mutex_);  // From versions to entries.
  v1::Deployment deployment_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_version_ ABSL_GUARDED_BY(mutex_) = 0;
  bool loaded_ ABSL_GUARDED_BY(mutex_) = false;
  bool keeps_payloads_ ABSL_GUARDED_BY(mutex_) = false;
  // Looks at the database: at most one at a time.
  bool refreshing_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t looks_begun_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t looks_wanted_ ABSL_GUARDED_BY(mutex_) = 0;  // The greatest ticket.
  uint64_t looks_done_ ABSL_GUARDED_BY(mutex_) = 0;
  bool look_at_all_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<int64_t> unread_ ABSL_GUARDED_BY(mutex_);  // Payloads that may have changed.
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
};

// The feeds that somebody watches. Thread-safe.
class DeploymentFeeds {
 public:
  explicit DeploymentFeeds(WatchHub* hub);
  // The feed of a deployment, a new one if there is none.
  std::shared_ptr<DeploymentFeed> Get(int64_t deployment_id) ABSL_LOCKS_EXCLUDED(mutex_);
  WatchHub& hub() { return hub_; }

 private:
  WatchHub& hub_;
  PayloadBudget budget_;
  Mutex mutex_;
  std::map<int64_t, std::weak_ptr<DeploymentFeed>> feeds_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_DEPLOYMENT_FEED_H_
