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

bool Outbox::Count(int64_t bytes) {
  bytes_ += bytes;
  if (bytes_ >= max_bytes_) full_ = true;
  if (bytes_ > max_bytes_ / 4 * 3) return false;
  return full_.exchange(false);
}

bool Outbox::IsFull(const LeaseKey& key) {
  if (!full_) return false;
  MutexLock lock(&mutex_);
  const auto run = runs_.find(key);
  return full_ && run != runs_.end() &&
         run->second.bytes() >= max_bytes_ / 2 / static_cast<int64_t>(runs_.size());
}

void Outbox::Push(const LeaseKey& key, v1::TaskEvent event) {
  event.set_sequence(++last_sequence_);
  event.set_task_id(key.task_id);
  event.set_lease_epoch(key.lease_epoch);
  unacknowledged_.push_back(std::move(event));
}

void Outbox::Add(const LeaseKey& key, v1::TaskEvent event) {
  {
    MutexLock lock(&mutex_);
    Push(key, std::move(event));
  }
  on_ready_();
}

void Outbox::AddOutput(const LeaseKey& key, const OutputLimit& limit, int64_t offset,
                       std::string_view data) {
  bool has_room = false;
  {
    MutexLock lock(&mutex_);
    Run& run = runs_[key];
    run.limit = limit;
    Count(static_cast<int64_t>(data.size()));
    if (offset < limit.head) {
      const size_t size = std::min<size_t>(data.size(), limit.head - offset);
      if (run.head.empty()) run.head_offset = offset;
      run.head.append(data.substr(0, size));
      offset += static_cast<int64_t>(size);
      data.remove_prefix(size);
    }
    if (!data.empty()) {
      if (run.tail.empty()) run.tail_offset = offset;
      run.tail.append(data);
      // Whatever is further from the end than `tail` will not be part of what is kept.
      if (static_cast<int64_t>(run.tail.size()) > 2 * limit.tail) {
        const size_t excess = run.tail.size() - limit.tail;
        run.tail.erase(0, excess);
        run.tail_offset += static_cast<int64_t>(excess);
        has_room = Count(-static_cast<int64_t>(excess));
      }
    }
    Pump(key);
  }
  on_ready_();
  if (has_room) on_room_();
}

void Outbox::AddLast(const LeaseKey& key, v1::TaskEvent event) {
  {
    MutexLock lock(&mutex_);
    runs_[key].last = std::move(event);
    Pump(key);
  }
  on_ready_();
}

void Outbox::Drop(const LeaseKey& key) {
  bool has_room = false;
  {
    MutexLock lock(&mutex_);
    const auto run = runs_.find(key);
    if (run == runs_.end()) return;
    has_room = Count(-static_cast<int64_t>(run->second.head.size() + run->second.tail.size()));
    runs_.erase(run);
  }
  if (has_room) on_room_();
}

void Outbox::PushChunk(const LeaseKey& key, Run* run, std::string* buffer, int64_t* offset) {
  const size_t size = std::min(buffer->size(), kChunkBytes);
  v1::TaskEvent event;
  event.mutable_output()->set_offset(*offset);
  event.mutable_output()->set_data(buffer->substr(0, size));
  buffer->erase(0, size);
  *offset += static_cast<int64_t>(size);
  run->in_flight += static_cast<int64_t>(size);
  Push(key, std::move(event));
}

void Outbox::Pump(const LeaseKey& key) {
  const auto found = runs_.find(key);
  if (found == runs_.end()) return;
  Run& run = found->second;
  while (run.in_flight < kWindowBytes) {
    const size_t available = run.head.size() + run.tail.size();
    if (available == 0) break;
    if (run.in_flight > 0 && available < kWorthSending && !run.last.has_value()) return;
    if (!run.head.empty()) {
      PushChunk(key, &run, &run.head, &run.head_offset);
    } else {
      PushChunk(key, &run, &run.tail, &run.tail_offset);
    }
  }
  if (run.head.empty() && run.tail.empty() && run.last.has_value()) {
    Push(key, *std::move(run.last));
    runs_.erase(found);
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
        has_room |= Count(-static_cast<int64_t>(event.output().data().size()));
        if (const auto run = runs_.find(key); run != runs_.end()) {
          run->second.in_flight -= static_cast<int64_t>(event.output().data().size());
          Pump(key);
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
  return unacknowledged_.empty() && runs_.empty();
}

}  // namespace longshore
