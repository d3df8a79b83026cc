#include "payload_worker/link/outbox.h"

#include <algorithm>

namespace longshore {
namespace {

constexpr size_t kChunkBytes = 64 * 1024;     // The contract's limit for one chunk.
constexpr int64_t kWindowBytes = 256 * 1024;  // Of one run, unacknowledged.
// While something is in flight, less than this waits for company: a chatty script costs one event a
// round trip.
constexpr size_t kWorthSending = 16 * 1024;
constexpr int kMaxEventsPerMessage = 1000;
constexpr size_t kMaxMessageBytes = 1 << 20;

bool EndsTask(const v1::TaskEvent& event) {
  return event.has_finished() || event.has_retry() || event.has_released() ||
         event.has_provisioned();
}

}  // namespace

Outbox::Outbox(std::function<void()> on_ready, int64_t max_bytes, std::function<void()> on_room)
    : on_ready_(std::move(on_ready)), on_room_(std::move(on_room)), max_bytes_(max_bytes) {}

bool Outbox::AdjustBytes(int64_t bytes) {
  bytes_ += bytes;
  if (bytes_ >= max_bytes_) full_ = true;
  if (bytes_ > max_bytes_ / 4 * 3) return false;
  return full_.exchange(false);
}

bool Outbox::IsFull(const LeaseKey& key) {
  if (!full_) return false;
  MutexLock lock(&mutex_);
  const auto backlog = backlogs_.find(key);
  return full_ && backlog != backlogs_.end() &&
         backlog->second.bytes() >= max_bytes_ / 2 / static_cast<int64_t>(backlogs_.size());
}

void Outbox::Append(const LeaseKey& key, v1::TaskEvent event) {
  event.set_sequence(++last_sequence_);
  event.set_task_id(key.task_id);
  event.set_lease_epoch(key.lease_epoch);
  unacknowledged_.push_back(std::move(event));
}

void Outbox::Add(const LeaseKey& key, v1::TaskEvent event) {
  {
    MutexLock lock(&mutex_);
    Append(key, std::move(event));
  }
  on_ready_();
}

int64_t Outbox::output_bytes() {
  MutexLock lock(&mutex_);
  return bytes_;
}

void Outbox::AddOutput(const LeaseKey& key, const OutputLimit& limit, int64_t offset,
                       std::string_view data) {
  bool has_room = false;
  {
    MutexLock lock(&mutex_);
    Backlog& backlog = backlogs_[key];
    backlog.limit = limit;
    AdjustBytes(static_cast<int64_t>(data.size()));
    if (offset < limit.head) {
      const size_t size = std::min<size_t>(data.size(), limit.head - offset);
      if (backlog.head.empty()) backlog.head_offset = offset;
      backlog.head.append(data.substr(0, size));
      offset += static_cast<int64_t>(size);
      data.remove_prefix(size);
    }
    if (!data.empty()) {
      if (backlog.tail.empty()) backlog.tail_offset = offset;
      backlog.tail.append(data);
      // Whatever is further from the end than `tail` will not be part of what is kept.
      if (static_cast<int64_t>(backlog.tail.size()) > 2 * limit.tail) {
        const size_t excess = backlog.tail.size() - limit.tail;
        backlog.tail.erase(0, excess);
        backlog.tail_offset += static_cast<int64_t>(excess);
        has_room = AdjustBytes(-static_cast<int64_t>(excess));
      }
    }
    MakeEvents(key);
  }
  on_ready_();
  if (has_room) on_room_();
}

void Outbox::AddLast(const LeaseKey& key, v1::TaskEvent event) {
  {
    MutexLock lock(&mutex_);
    backlogs_[key].last = std::move(event);
    MakeEvents(key);
  }
  on_ready_();
}

void Outbox::Drop(const LeaseKey& key) {
  bool has_room = false;
  {
    MutexLock lock(&mutex_);
    const auto backlog = backlogs_.find(key);
    if (backlog == backlogs_.end()) return;
    has_room = AdjustBytes(
        -static_cast<int64_t>(backlog->second.head.size() + backlog->second.tail.size()));
    backlogs_.erase(backlog);
  }
  if (has_room) on_room_();
}

void Outbox::AppendChunk(const LeaseKey& key, Backlog* backlog, std::string* buffer,
                         int64_t* offset) {
  const size_t size = std::min(buffer->size(), kChunkBytes);
  v1::TaskEvent event;
  event.mutable_output()->set_offset(*offset);
  event.mutable_output()->set_data(buffer->substr(0, size));
  buffer->erase(0, size);
  *offset += static_cast<int64_t>(size);
  backlog->in_flight += static_cast<int64_t>(size);
  Append(key, std::move(event));
}

void Outbox::MakeEvents(const LeaseKey& key) {
  const auto found = backlogs_.find(key);
  if (found == backlogs_.end()) return;
  Backlog& backlog = found->second;
  while (backlog.in_flight < kWindowBytes) {
    const size_t available = backlog.head.size() + backlog.tail.size();
    if (available == 0) break;
    if (backlog.in_flight > 0 && available < kWorthSending && !backlog.last.has_value()) return;
    if (!backlog.head.empty()) {
      AppendChunk(key, &backlog, &backlog.head, &backlog.head_offset);
    } else {
      AppendChunk(key, &backlog, &backlog.tail, &backlog.tail_offset);
    }
  }
  if (backlog.head.empty() && backlog.tail.empty() && backlog.last.has_value()) {
    Append(key, *std::move(backlog.last));
    backlogs_.erase(found);
  }
}

bool Outbox::Take(v1::TaskEvents* events) {
  MutexLock lock(&mutex_);
  size_t bytes = 0;
  while (sent_ < unacknowledged_.size() && events->events_size() < kMaxEventsPerMessage &&
         bytes < kMaxMessageBytes) {
    const v1::TaskEvent& event = unacknowledged_[sent_++];
    bytes += event.ByteSizeLong();
    *events->add_events() = event;
  }
  return events->events_size() > 0;
}

void Outbox::Rewind() {
  MutexLock lock(&mutex_);
  sent_ = 0;
}

std::vector<v1::TaskEvent> Outbox::Acknowledge(uint64_t sequence) {
  std::vector<v1::TaskEvent> ended;
  bool has_room = false;
  {
    MutexLock lock(&mutex_);
    while (!unacknowledged_.empty() && unacknowledged_.front().sequence() <= sequence) {
      v1::TaskEvent event = std::move(unacknowledged_.front());
      unacknowledged_.pop_front();
      if (sent_ > 0) --sent_;
      const LeaseKey key{event.task_id(), event.lease_epoch()};
      if (event.has_output()) {
        has_room |= AdjustBytes(-static_cast<int64_t>(event.output().data().size()));
        if (const auto backlog = backlogs_.find(key); backlog != backlogs_.end()) {
          backlog->second.in_flight -= static_cast<int64_t>(event.output().data().size());
          MakeEvents(key);
        }
      } else if (EndsTask(event)) {
        ended.push_back(std::move(event));
      }
    }
  }
  on_ready_();
  if (has_room) on_room_();
  return ended;
}

bool Outbox::Empty() {
  MutexLock lock(&mutex_);
  return unacknowledged_.empty() && backlogs_.empty();
}

}  // namespace longshore
