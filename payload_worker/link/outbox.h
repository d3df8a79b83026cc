// What a worker has to tell, in order, until it is acknowledged.
#ifndef LONGSHORE_PAYLOAD_WORKER_LINK_OUTBOX_H_
#define LONGSHORE_PAYLOAD_WORKER_LINK_OUTBOX_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "common/output_limit.h"
#include "longshore/v1/worker_service.pb.h"
#include "payload_worker/link/lease_key.h"

namespace longshore {

// Thread-safe. Memory is bounded: of each run's output at most a window of unacknowledged chunks,
// the head and twice the tail are held; what lies between is dropped when the server is slower than
// the script. And of all runs together one and a half times `max_bytes`, for whoever adds output
// heeds IsFull.
class Outbox {
 public:
  // `on_ready` is called when there may be something to take, `on_room` when no run is full any
  // more; both without any lock held.
  explicit Outbox(
      std::function<void()> on_ready, int64_t max_bytes = kDefaultMaxBytes,
      std::function<void()> on_room = [] {});

  static constexpr int64_t kDefaultMaxBytes = 256 << 20;

  // Adds an event at once.
  void Add(const LeaseKey& key, v1::TaskEvent event) ABSL_LOCKS_EXCLUDED(mutex_);
  // Adds output; becomes chunks as acknowledgements make room.
  void AddOutput(const LeaseKey& key, const OutputLimit& limit, int64_t offset,
                 std::string_view data) ABSL_LOCKS_EXCLUDED(mutex_);
  // No more output of this run is to be added until on_room is called: it waits on the instance
  // meanwhile. Once all runs together have come to the limit, until they are at three quarters of
  // it, those wait that hold more than their share, half of the limit divided by all runs: one
  // that floods does not hold up the others.
  bool IsFull(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // Adds the run's last event, after all its output.
  void AddLast(const LeaseKey& key, v1::TaskEvent event) ABSL_LOCKS_EXCLUDED(mutex_);
  // The lease is lost: forgets what is not an event yet.
  void Drop(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes the next events to send; false when there are none.
  bool Take(v1::TaskEvents* events) ABSL_LOCKS_EXCLUDED(mutex_);
  // A new stream: everything not acknowledged is to be sent again.
  void Rewind() ABSL_LOCKS_EXCLUDED(mutex_);
  // Forgets what is acknowledged; returns the events that ended a task among it.
  std::vector<v1::TaskEvent> Acknowledge(uint64_t sequence) ABSL_LOCKS_EXCLUDED(mutex_);
  // Nothing to tell and nothing unacknowledged.
  bool Empty() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Backlog {
    OutputLimit limit{0};
    std::string head;  // Bytes before limit.head, from head_offset on.
    int64_t head_offset = 0;
    std::string tail;  // Bytes after it, from tail_offset on.
    int64_t tail_offset = 0;
    int64_t in_flight = 0;
    std::optional<v1::TaskEvent> last;
    int64_t bytes() const { return static_cast<int64_t>(head.size() + tail.size()) + in_flight; }
  };

  void Append(const LeaseKey& key, v1::TaskEvent event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Turns what may be sent now into events.
  void MakeEvents(const LeaseKey& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes one chunk from the front of `buffer`.
  void AppendChunk(const LeaseKey& key, Backlog* backlog, std::string* buffer, int64_t* offset)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Counts output that has come (positive) or gone; true when no run is full any more.
  bool AdjustBytes(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<void()> on_ready_;
  const std::function<void()> on_room_;
  const int64_t max_bytes_;
  std::atomic<bool> full_ = false;  // Written under mutex_.
  Mutex mutex_;
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // Of output, in backlogs_ and unacknowledged_.
  std::deque<v1::TaskEvent> unacknowledged_ ABSL_GUARDED_BY(mutex_);
  size_t sent_ ABSL_GUARDED_BY(mutex_) = 0;  // How many of them have been taken.
  uint64_t last_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<LeaseKey, Backlog> backlogs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_LINK_OUTBOX_H_
