#include "api_server/executor/event_sink.h"

#include <glog/logging.h>

#include <chrono>
#include <set>

#include "api_server/executor/metrics/executor_metrics.h"
#include "common/backoff.h"
#include "common/fail_point.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "storage/isolate.h"

namespace longshore::executor {
namespace {

using storage::HeldLease;

// One transaction's worth: enough to make commits cheap, small enough to keep a failed one cheap
// too.
constexpr size_t kMaxBatchEvents = 2000;
constexpr size_t kMaxBatchBytes = 8 << 20;
constexpr size_t kBytesPerEvent = 256;
constexpr size_t kBytesPerLease = 256;  // Of a group too.
constexpr BackoffOptions kDatabaseAway{.initial = std::chrono::milliseconds(100),
                                       .maximum = std::chrono::milliseconds(2000)};

// How long an event waits for others, to be stored in one transaction with them. More is likely to
// come soon after a run has begun or printed something. That a run directory is gone interests
// nobody. Anything else is waited for.
constexpr std::chrono::milliseconds kLinger{5};
constexpr std::chrono::milliseconds kLingerOfCleaned{250};

std::chrono::milliseconds LingerOf(const v1::TaskEvents& events) {
  std::chrono::milliseconds shortest = kLingerOfCleaned;
  for (const v1::TaskEvent& event : events.events()) {
    if (event.has_cleaned()) continue;
    const bool more_follows =
        event.has_transferred() || event.has_executing() || event.has_output();
    shortest = std::min(shortest, more_follows ? kLinger : std::chrono::milliseconds(0));
  }
  return shortest;
}

}  // namespace

EventSink::EventSink(storage::Database* database, EventApplier* applier, domain::Signals* signals,
                     std::chrono::milliseconds lease_duration)
    : renewer_(database, lease_duration),
      applier_(*applier),
      signals_(*signals),
      thread_([this] { StoreLoop(); }) {}

EventSink::~EventSink() { Shutdown(); }

void EventSink::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

size_t EventSink::CostOf(const v1::TaskEvents& events) {
  return events.ByteSizeLong() + kBytesPerEvent * static_cast<size_t>(events.events_size());
}

size_t EventSink::CostOf(const v1::Heartbeat& heartbeat) {
  return heartbeat.ByteSizeLong() +
         kBytesPerLease * static_cast<size_t>(heartbeat.task_ids_size() + heartbeat.groups_size());
}

void EventSink::AddEvents(std::shared_ptr<WorkerSession> session, v1::TaskEvents events) {
  const size_t bytes = CostOf(events);
  const TimePoint store_at = std::chrono::steady_clock::now() + LingerOf(events);
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    store_at_ = events_.empty() ? store_at : std::min(store_at_, store_at);
    events_bytes_ += bytes;
    events_.push_back({std::move(session), std::move(events), bytes});
  }
  changed_.NotifyAll();
}

void EventSink::AddHeartbeat(std::shared_ptr<WorkerSession> session, v1::Heartbeat heartbeat) {
  const size_t bytes = CostOf(heartbeat);
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    heartbeats_.push_back({std::move(session), std::move(heartbeat), bytes});
  }
  changed_.NotifyAll();
}

void EventSink::AwaitWork() {
  while (!stopping_ && heartbeats_.empty() && !EventsAreDue()) {
    if (events_.empty()) {
      changed_.Wait(&mutex_);
    } else {
      changed_.WaitUntil(&mutex_, store_at_);
    }
  }
}

bool EventSink::EventsAreDue() const {
  return !events_.empty() && (stopping_ || events_bytes_ >= kMaxBatchBytes ||
                              std::chrono::steady_clock::now() >= store_at_);
}

void EventSink::TakeBatch(std::deque<EventItem>* batch) {
  size_t count = 0;
  size_t bytes = 0;
  while (!events_.empty() && count < kMaxBatchEvents && bytes < kMaxBatchBytes) {
    count += events_.front().events.events_size();
    bytes += events_.front().bytes;
    events_bytes_ -= events_.front().bytes;
    batch->push_back(std::move(events_.front()));
    events_.pop_front();
  }
}

void EventSink::StoreLoop() {
  std::deque<EventItem> batch;
  int failures = 0;
  while (true) {
    std::deque<HeartbeatItem> heartbeats;
    {
      MutexLock lock(&mutex_);
      if (batch.empty()) AwaitWork();
      heartbeats.swap(heartbeats_);
      if (batch.empty() && EventsAreDue()) TakeBatch(&batch);
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
  std::vector<WorkerHeartbeat> renewing;
  for (const HeartbeatItem& item : heartbeats) {
    if (item.heartbeat.make_group()) continue;
    renewing.push_back({.worker = item.session->worker(), .heartbeat = &item.heartbeat});
  }
  auto answers = renewer_.Renew(renewing);
  if (!answers.ok()) {
    // The workers ask again; their leases run out if that goes on.
    LOG(WARNING) << "renewing leases: " << answers.status();
  }
  size_t next = 0;
  for (const HeartbeatItem& item : heartbeats) {
    if (!item.heartbeat.make_group() && answers.ok()) {
      Answer(item, std::move((*answers)[next++]));
    }
  }
  MakeGroups(heartbeats, /*is_away=*/!answers.ok());
  for (const HeartbeatItem& item : heartbeats) item.session->Processed(item.bytes);
}

void EventSink::MakeGroups(const std::deque<HeartbeatItem>& heartbeats, bool is_away) {
  // Each is a transaction that everybody waits for, and nobody needs one in a hurry.
  std::set<std::string> served;
  for (const HeartbeatItem& item : heartbeats) {
    if (!item.heartbeat.make_group()) continue;
    const std::string& worker = item.session->worker();
    const bool is_next = !is_away && served.insert(worker).second;
    Answer(item, is_next ? renewer_.MakeGroup({.worker = worker, .heartbeat = &item.heartbeat})
                         : LeaseRenewer::NoGroup(item.heartbeat));
  }
}

void EventSink::Answer(const HeartbeatItem& item, v1::LeasesRenewed renewed) {
  v1::ServerMessage message;
  *message.mutable_leases_renewed() = std::move(renewed);
  item.session->Send(std::move(message));
}

bool EventSink::StoreEvents(const std::deque<EventItem>& batch) {
  std::vector<ReportedEvent> events;
  for (const EventItem& item : batch) {
    for (const v1::TaskEvent& event : item.events.events()) {
      events.push_back({.event = &event, .worker = item.session->worker()});
    }
  }
  ApplyOutcome outcome;
  const auto begun = std::chrono::steady_clock::now();
  LONGSHORE_FAIL_POINT("sink.storing");
  absl::Status status = applier_.Apply(events, &outcome);
  if (storage::IsRowFault(status)) {
    LOG(ERROR) << "a batch of " << events.size() << " events was refused: " << status;
    status = ApplyOneByOne(events, &outcome);
  }
  if (!status.ok()) {
    LOG(WARNING) << "storing " << events.size() << " events, will try again: " << status;
    Metrics().failed_batches.Increment();
    Tell(outcome);
    return false;
  }
  Metrics().events.Increment(static_cast<double>(events.size()));
  Metrics().batch_seconds.Observe(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  LONGSHORE_FAIL_POINT(outcome.tasks_ended ? "sink.ended" : "sink.stored");
  Acknowledge(batch, outcome);
  Tell(outcome);
  return true;
}

void EventSink::Tell(const ApplyOutcome& outcome) {
  if (!outcome.changed_payloads.empty()) {
    signals_.PayloadsChanged({outcome.changed_payloads.begin(), outcome.changed_payloads.end()});
  }
  if (outcome.instances_changed) signals_.InstancesChanged();
  if (outcome.tasks_freed) signals_.TasksDue();
}

absl::Status EventSink::ApplyOneByOne(const std::vector<ReportedEvent>& events,
                                      ApplyOutcome* outcome) {
  for (const ReportedEvent& event : events) {
    ApplyOutcome one;
    absl::Status status = applier_.Apply({event}, &one);
    if (storage::IsRowFault(status)) {
      LOG(ERROR) << "an event for task " << event.event->task_id() << " was refused: " << status;
      status = applier_.Refuse(event, ToString(status), &one);
    }
    if (storage::IsRowFault(status)) {  // The row takes nothing at all.
      one = {};
      one.lost.insert(event.lease());
      status = absl::OkStatus();
    }
    outcome->changed_payloads.merge(one.changed_payloads);
    outcome->lost.merge(one.lost);
    outcome->host_keys.merge(one.host_keys);
    outcome->instances_changed |= one.instances_changed;
    outcome->tasks_ended |= one.tasks_ended;
    outcome->tasks_freed |= one.tasks_freed;
    RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

void EventSink::Acknowledge(const std::deque<EventItem>& batch, const ApplyOutcome& outcome) {
  for (const EventItem& item : batch) {
    v1::ServerMessage message;
    v1::Acknowledge* acknowledge = message.mutable_acknowledge();
    std::set<HeldLease> told;
    for (const v1::TaskEvent& event : item.events.events()) {
      const HeldLease lease =
          ReportedEvent{.event = &event, .worker = item.session->worker()}.lease();
      acknowledge->set_sequence(event.sequence());
      if (outcome.lost.count(lease) > 0 && told.insert(lease).second) {
        SetLost(lease, acknowledge->add_lost());
      }
      if (const auto found = outcome.host_keys.find(lease);
          event.has_host_key_seen() && found != outcome.host_keys.end()) {
        v1::ServerMessage decision;
        decision.mutable_host_key_decision()->set_task_id(lease.task_id);
        decision.mutable_host_key_decision()->set_lease_epoch(lease.lease_epoch);
        decision.mutable_host_key_decision()->set_host_key(found->second);
        item.session->Send(std::move(decision));
      }
    }
    item.session->Send(std::move(message));
    item.session->Processed(item.bytes);
  }
}

}  // namespace longshore::executor
