// The events that a worker has to report, in order, until the api_server has acknowledged them.
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

// Thread-safe. Memory is bounded. Of each run's output it holds at most a window of unacknowledged
// chunks, the head, and twice the tail; what lies between is dropped when the server is slower than
// the script. All runs together hold at most one and a half times `max_bytes`, provided that
// whoever adds output obeys IsFull.
class Outbox {
 public:
  // Calls `on_ready` when there may be something to take, and `on_room` when no run is full any
  // more, both without any lock held.
  explicit Outbox(
      std::function<void()> on_ready, int64_t max_bytes = kDefaultMaxBytes,
      std::function<void()> on_room = [] {});

  static constexpr int64_t kDefaultMaxBytes = 256 << 20;

  // Adds an event to be sent.
  void Add(const LeaseKey& key, v1::TaskEvent event) ABSL_LOCKS_EXCLUDED(mutex_);
  // Adds output of a run, which begins at `offset`. It is turned into chunks as acknowledgements
  // make room.
  void AddOutput(const LeaseKey& key, const OutputLimit& limit, int64_t offset,
                 std::string_view data) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns how many bytes of output have been added and not acknowledged.
  int64_t output_bytes() ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns true when no more output of this run may be added until `on_room` is called; until then
  // it stays on the instance. This happens when all runs together have reached the limit, and lasts
  // until they are down to three quarters of it. It applies to runs that hold more than their
  // share, which is half of the limit divided by the number of runs, so that one that floods does
  // not hold up the others.
  bool IsFull(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // Adds the run's last event, to be sent after all its output.
  void AddLast(const LeaseKey& key, v1::TaskEvent event) ABSL_LOCKS_EXCLUDED(mutex_);
  // Forgets what has not become an event yet, because the lease is lost.
  void Drop(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes the next events to send. Returns false when there are none.
  bool Take(v1::TaskEvents* events) ABSL_LOCKS_EXCLUDED(mutex_);
  // Makes Take return everything that is not acknowledged once more, because a new stream begins.
  void Rewind() ABSL_LOCKS_EXCLUDED(mutex_);
  // Forgets the events up to `sequence`. Returns those among them that ended a task.
  std::vector<v1::TaskEvent> Acknowledge(uint64_t sequence) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns true when there is nothing to send and everything is acknowledged.
  bool Empty() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // The output of one run that has not become events yet.
  struct Backlog {
    OutputLimit limit{0};
    std::string head;  // Output before limit.head, beginning at head_offset.
    int64_t head_offset = 0;
    std::string tail;  // Output after it, beginning at tail_offset.
    int64_t tail_offset = 0;
    int64_t in_flight = 0;              // Bytes in chunks that are not acknowledged.
    std::optional<v1::TaskEvent> last;  // See AddLast.
    int64_t bytes() const { return static_cast<int64_t>(head.size() + tail.size()) + in_flight; }
  };

  void Append(const LeaseKey& key, v1::TaskEvent event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Turns output that may be sent now into events.
  void MakeEvents(const LeaseKey& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Makes a chunk of the beginning of `buffer`.
  void AppendChunk(const LeaseKey& key, Backlog* backlog, std::string* buffer, int64_t* offset)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Adds to the count of output held. Returns true when this ends the state in which runs are full.
  bool AdjustBytes(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<void()> on_ready_;
  const std::function<void()> on_room_;
  const int64_t max_bytes_;
  std::atomic<bool> full_ = false;  // Written under mutex_.
  Mutex mutex_;
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // Of output, in backlogs_ and unacknowledged_.
  std::deque<v1::TaskEvent> unacknowledged_ ABSL_GUARDED_BY(mutex_);
  size_t sent_ ABSL_GUARDED_BY(mutex_) = 0;  // How many of them have been taken for this stream.
  uint64_t last_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<LeaseKey, Backlog> backlogs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_LINK_OUTBOX_H_
