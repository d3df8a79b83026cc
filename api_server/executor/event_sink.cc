#include "api_server/executor/event_sink.h"

#include <glog/logging.h>

#include <set>

#include "common/backoff.h"
#include "common/fail_point.h"
#include "common/status_macros.h"
#include "storage/lease_store.h"

namespace longshore::executor {
namespace {

// One transaction's worth: enough to make commits cheap, small enough to keep a failed one cheap
// too.
constexpr size_t kMaxBatchEvents = 2000;
constexpr size_t kMaxBatchBytes = 8 << 20;
constexpr BackoffOptions kDatabaseAway{.initial = std::chrono::milliseconds(100),
                                       .maximum = std::chrono::milliseconds(2000)};

}  // namespace

EventSink::EventSink(storage::Database* database, EventApplier* applier, domain::Signals* signals,
                     std::chrono::milliseconds lease_duration)
    : database_(*database),
      applier_(*applier),
      signals_(*signals),
      lease_duration_(lease_duration),
      thread_([this] { Run(); }) {}

EventSink::~EventSink() { Shutdown(); }

void EventSink::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void EventSink::AddEvents(std::shared_ptr<WorkerSession> session, v1::TaskEvents events) {
  const size_t bytes = events.ByteSizeLong();
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    events_.push_back({std::move(session), std::move(events), bytes});
  }
  changed_.NotifyAll();
}

void EventSink::AddHeartbeat(std::shared_ptr<WorkerSession> session, v1::Heartbeat heartbeat) {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    heartbeats_.push_back({std::move(session), std::move(heartbeat)});
  }
  changed_.NotifyAll();
}

void EventSink::Run() {
  std::deque<EventItem> batch;
  int failures = 0;
  while (true) {
    std::deque<HeartbeatItem> heartbeats;
    {
      MutexLock lock(&mutex_);
      while (batch.empty() && events_.empty() && heartbeats_.empty() && !stopping_) {
        changed_.Wait(&mutex_);
      }
      heartbeats.swap(heartbeats_);
      size_t count = 0;
      size_t bytes = 0;
      while (failures == 0 && !events_.empty() && count < kMaxBatchEvents &&
             bytes < kMaxBatchBytes) {
        count += events_.front().events.events_size();
        bytes += events_.front().bytes;
        batch.push_back(std::move(events_.front()));
        events_.pop_front();
      }
      if (stopping_ && batch.empty() && heartbeats.empty()) return;
    }
    if (!heartbeats.empty()) RenewLeases(heartbeats);
    if (batch.empty()) continue;
    if (StoreEvents(batch)) {
      batch.clear();
      failures = 0;
      continue;
    }
    const auto deadline =
        std::chrono::steady_clock::now() + BackoffDelay(kDatabaseAway, ++failures, UniformRandom());
    MutexLock lock(&mutex_);
    if (stopping_) return;  // The workers keep what was not acknowledged.
    while (!stopping_ && heartbeats_.empty() && std::chrono::steady_clock::now() < deadline) {
      changed_.WaitUntil(&mutex_, deadline);
    }
  }
}

void EventSink::RenewLeases(const std::deque<HeartbeatItem>& heartbeats) {
  std::vector<int64_t> task_ids;
  std::vector<int64_t> lease_epochs;
  for (const HeartbeatItem& item : heartbeats) {
    const v1::Heartbeat& heartbeat = item.heartbeat;
    task_ids.insert(task_ids.end(), heartbeat.task_ids().begin(), heartbeat.task_ids().end());
    lease_epochs.insert(lease_epochs.end(), heartbeat.lease_epochs().begin(),
                        heartbeat.lease_epochs().end());
  }
  std::map<std::pair<int64_t, int64_t>, storage::LeaseStore::Renewal> renewed;
  const absl::Status status = database_.Transact([&](storage::Connection& connection) {
    renewed.clear();
    auto renewals = storage::LeaseStore::Renew(connection, task_ids, lease_epochs, lease_duration_);
    RETURN_IF_ERROR(renewals.status());
    for (const auto& renewal : *renewals) {
      renewed[{renewal.task_id, renewal.lease_epoch}] = renewal;
    }
    return absl::OkStatus();
  });
  if (!status.ok()) {
    LOG(WARNING) << "renewing leases: " << status;
    return;  // The workers ask again; their leases run out if that goes on.
  }
  for (const HeartbeatItem& item : heartbeats) {
    v1::ServerMessage message;
    v1::LeasesRenewed* answer = message.mutable_leases_renewed();
    answer->set_sequence(item.heartbeat.sequence());
    for (int i = 0; i < item.heartbeat.task_ids_size(); ++i) {
      const auto key = std::pair(item.heartbeat.task_ids(i), item.heartbeat.lease_epochs(i));
      const auto found = renewed.find(key);
      if (found == renewed.end()) {
        v1::LostLease* lost = answer->add_lost();
        lost->set_task_id(key.first);
        lost->set_lease_epoch(key.second);
      } else if (found->second.cancel_requested) {
        answer->add_cancel_task_ids(key.first);
      } else if (found->second.recall_requested) {
        answer->add_recall_task_ids(key.first);
      }
    }
    item.session->Send(std::move(message));
  }
}

bool EventSink::StoreEvents(const std::deque<EventItem>& batch) {
  std::vector<const v1::TaskEvent*> events;
  for (const EventItem& item : batch) {
    for (const v1::TaskEvent& event : item.events.events()) events.push_back(&event);
  }
  ApplyOutcome outcome;
  LONGSHORE_FAIL_POINT("sink.storing");
  absl::Status status = applier_.Apply(events, &outcome);
  if (!status.ok() && !absl::IsUnavailable(status) && !absl::IsAborted(status)) {
    LOG(ERROR) << "a batch of " << events.size() << " events was refused: " << status;
    status = ApplyOneByOne(events, &outcome);
  }
  if (!status.ok()) {
    LOG(WARNING) << "storing " << events.size() << " events, will try again: " << status;
    return false;
  }
  LONGSHORE_FAIL_POINT(outcome.tasks_freed ? "sink.ended" : "sink.stored");
  Acknowledge(batch, outcome);
  if (!outcome.changed_payloads.empty()) {
    signals_.PayloadsChanged({outcome.changed_payloads.begin(), outcome.changed_payloads.end()});
  }
  if (outcome.tasks_freed) signals_.TasksDue();
  return true;
}

absl::Status EventSink::ApplyOneByOne(const std::vector<const v1::TaskEvent*>& events,
                                      ApplyOutcome* outcome) {
  *outcome = {};
  for (const v1::TaskEvent* event : events) {
    ApplyOutcome one;
    const absl::Status status = applier_.Apply({event}, &one);
    if (absl::IsUnavailable(status) || absl::IsAborted(status)) return status;
    if (!status.ok()) {
      LOG(ERROR) << "an event for task " << event->task_id() << " was refused: " << status;
      one = {};
      one.lost.emplace(event->task_id(), event->lease_epoch());
    }
    outcome->changed_payloads.merge(one.changed_payloads);
    outcome->lost.merge(one.lost);
    outcome->host_keys.merge(one.host_keys);
    outcome->tasks_freed |= one.tasks_freed;
  }
  return absl::OkStatus();
}

void EventSink::Acknowledge(const std::deque<EventItem>& batch, const ApplyOutcome& outcome) {
  for (const EventItem& item : batch) {
    v1::ServerMessage message;
    v1::Acknowledge* acknowledge = message.mutable_acknowledge();
    std::set<std::pair<int64_t, int64_t>> told;
    for (const v1::TaskEvent& event : item.events.events()) {
      const auto key = std::pair(event.task_id(), event.lease_epoch());
      acknowledge->set_sequence(event.sequence());
      if (outcome.lost.count(key) > 0 && told.insert(key).second) {
        v1::LostLease* lost = acknowledge->add_lost();
        lost->set_task_id(key.first);
        lost->set_lease_epoch(key.second);
      }
      if (const auto found = outcome.host_keys.find(key);
          event.has_host_key_seen() && found != outcome.host_keys.end()) {
        v1::ServerMessage decision;
        decision.mutable_host_key_decision()->set_task_id(key.first);
        decision.mutable_host_key_decision()->set_lease_epoch(key.second);
        decision.mutable_host_key_decision()->set_host_key(found->second);
        item.session->Send(std::move(decision));
      }
    }
    item.session->Send(std::move(message));
    item.session->EventsStored(item.bytes);
  }
}

}  // namespace longshore::executor
