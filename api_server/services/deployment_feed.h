// The state of one deployment, shared by all its watchers on this api_server: it is read from the
// database once, however many they are.
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

// Limits how many payloads all feeds together keep in memory, at about 600 bytes each. If a feed
// gets no room its watchers read their payloads from the database.
class PayloadBudget {
 public:
  explicit PayloadBudget(int64_t payloads) : left_(payloads) {}
  // Takes room for `payloads`. Returns false when there is not enough.
  bool Take(int64_t payloads);
  void Return(int64_t payloads) { left_ += payloads; }

 private:
  std::atomic<int64_t> left_;
};

// Thread-safe. Each change of a payload gets a new version, greater than all before. When the
// payload changes again, its new version replaces the old one. So a watcher only has to remember
// one version, however far it is behind, and it is sent each changed payload once, as it is now.
class DeploymentFeed : public Watcher, public std::enable_shared_from_this<DeploymentFeed> {
 public:
  DeploymentFeed(WatchHub* hub, int64_t deployment_id, PayloadBudget* budget);
  ~DeploymentFeed() override;

  // Wakes `watcher` at changes from now on. Returns its ticket: what Read returns for that ticket
  // was read from the database after this call.
  uint64_t Subscribe(std::shared_ptr<Watcher> watcher) ABSL_LOCKS_EXCLUDED(joining_, mutex_);
  void Unsubscribe(const std::shared_ptr<Watcher>& watcher) ABSL_LOCKS_EXCLUDED(joining_, mutex_);

  struct Change {
    size_t index = 0;  // Of the payload among those of its deployment.
    std::shared_ptr<const v1::Payload> payload;
  };
  struct News {
    // False: nothing has been read for this ticket yet.
    bool ready = false;
    size_t payloads = 0;  // How many the deployment has.
    // Without request.instance_ids. Its counts are the database's.
    v1::Deployment deployment;
    std::vector<Change> changes;
    uint64_t version = 0;  // Of the last change; give it to the next Read.
    bool more = false;     // There are later changes.
  };
  // Returns up to `limit` payloads that changed after `version`, in the order of their last
  // changes. Errors: those of the last look at the database.
  absl::StatusOr<News> Read(uint64_t ticket, uint64_t version, size_t limit)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Called by the hub: looks for changes among these payloads, or among all.
  void Wake(const std::set<int64_t>* payload_ids) override ABSL_LOCKS_EXCLUDED(mutex_);
  void Stop() override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    int64_t id = 0;
    v1::PayloadStatus status = v1::PAYLOAD_STATUS_UNSPECIFIED;
    int attempt = 0;  // Payload.attempt, not Task.attempt.
    uint64_t version = 0;
    std::shared_ptr<const v1::Payload> payload;  // Null when the feed keeps none.
  };

  // Reads the payloads `ids` into those of the changes that have none, in this order.
  absl::Status ReadUnkept(const std::vector<int64_t>& ids, std::vector<Change>* changes);
  void Refresh() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status ReadChanges() ABSL_LOCKS_EXCLUDED(mutex_);
  // Reads the states of all payloads and notes those that differ in unread_.
  absl::Status CompareStates() ABSL_LOCKS_EXCLUDED(mutex_);
  void StartRefresh() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Store(const std::vector<v1::Payload>& payloads) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns the entry of a payload, or null when it is not of this deployment.
  Entry* Find(int64_t payload_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  WatchHub& hub_;
  const int64_t deployment_id_;
  PayloadBudget& budget_;
  const std::unique_ptr<WatchTopic> payloads_;
  // Held while a watcher subscribes or unsubscribes, so that the feed is on its topic exactly while
  // it has subscribers.
  Mutex joining_;
  Mutex mutex_;
  std::set<std::shared_ptr<Watcher>> subscribers_ ABSL_GUARDED_BY(mutex_);
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);        // By ascending id.
  std::map<uint64_t, size_t> order_ ABSL_GUARDED_BY(mutex_);  // From versions to entries.
  v1::Deployment deployment_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_version_ ABSL_GUARDED_BY(mutex_) = 0;
  bool loaded_ ABSL_GUARDED_BY(mutex_) = false;
  bool keeps_payloads_ ABSL_GUARDED_BY(mutex_) = false;
  // The looks at the database, of which there is one at a time at most.
  bool refreshing_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t looks_begun_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t looks_wanted_ ABSL_GUARDED_BY(mutex_) = 0;  // The greatest ticket.
  uint64_t looks_done_ ABSL_GUARDED_BY(mutex_) = 0;
  bool look_at_all_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<int64_t> unread_ ABSL_GUARDED_BY(mutex_);  // Payloads that may have changed.
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
};

// The feeds that are being watched. Thread-safe.
class DeploymentFeeds {
 public:
  explicit DeploymentFeeds(WatchHub* hub);
  // Returns the feed of a deployment; makes a new one if there is none.
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
