// Gathers what workers report, stores it in groups, and acknowledges it after the commit.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_EVENT_SINK_H_
#define LONGSHORE_API_SERVER_EXECUTOR_EVENT_SINK_H_

#include <chrono>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "api_server/domain/signals.h"
#include "api_server/executor/event_applier.h"
#include "api_server/executor/lease_renewer.h"
#include "api_server/executor/worker_registry.h"
#include "common/mutex.h"
#include "longshore/v1/worker_service.pb.h"
#include "storage/database.h"

namespace longshore::executor {

// Thread-safe. It has one thread. While the database is away it keeps what it has and tries again.
// What it keeps is bounded, because a stream stops reading when too much of what it has read is not
// processed yet (see WorkerStream).
class EventSink {
 public:
  EventSink(storage::Database* database, EventApplier* applier, domain::Signals* signals,
            std::chrono::milliseconds lease_duration);
  ~EventSink();

  // Returns how much memory a message takes until it is processed, in bytes: a small event or lease
  // takes more here than on the wire. The sink reports the same number by Processed.
  static size_t CostOf(const v1::TaskEvents& events);
  static size_t CostOf(const v1::Heartbeat& heartbeat);

  void AddEvents(std::shared_ptr<WorkerSession> session, v1::TaskEvents events)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void AddHeartbeat(std::shared_ptr<WorkerSession> session, v1::Heartbeat heartbeat)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Tries once to store what is there, then ends the thread.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct EventItem {
    std::shared_ptr<WorkerSession> session;
    v1::TaskEvents events;
    size_t bytes;
  };
  using TimePoint = std::chrono::steady_clock::time_point;
  struct HeartbeatItem {
    std::shared_ptr<WorkerSession> session;
    v1::Heartbeat heartbeat;
    size_t bytes;
  };

  void StoreLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits until there is something to do: events whose time has come, or leases to renew.
  void AwaitWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool EventsAreDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeBatch(std::deque<EventItem>* batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RenewLeases(const std::deque<HeartbeatItem>& heartbeats);
  // Makes one group for each worker at most, and none when the database is away.
  void MakeGroups(const std::deque<HeartbeatItem>& heartbeats, bool is_away);
  static void Answer(const HeartbeatItem& item, v1::LeasesRenewed renewed);
  // Stores and acknowledges the batch. Returns false when the database is away and the batch has to
  // be tried again.
  bool StoreEvents(const std::deque<EventItem>& batch);
  // Stores a batch that the database refused event by event, so that one bad event does not hold up
  // the others. Adds to `outcome`.
  absl::Status ApplyOneByOne(const std::vector<ReportedEvent>& events, ApplyOutcome* outcome);
  // Tells others what has changed.
  void Tell(const ApplyOutcome& outcome);
  void Acknowledge(const std::deque<EventItem>& batch, const ApplyOutcome& outcome);

  LeaseRenewer renewer_;
  EventApplier& applier_;
  domain::Signals& signals_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<EventItem> events_ ABSL_GUARDED_BY(mutex_);
  size_t events_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  TimePoint store_at_ ABSL_GUARDED_BY(mutex_);  // When the first of events_ has waited enough.
  std::deque<HeartbeatItem> heartbeats_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_EVENT_SINK_H_
