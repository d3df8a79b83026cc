// Follows all running payloads of this worker in one event loop. Thousands of runs cost nothing
// while they are silent.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_FOLLOWER_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_FOLLOWER_H_

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "common/turn_timer.h"
#include "payload_worker/link/lease_key.h"
#include "payload_worker/link/outbox.h"
#include "payload_worker/run/remote_run.h"

namespace longshore::run {

// Thread-safe. It has one thread, and only that thread touches the runs that were handed over.
class Follower {
 public:
  // Calls `on_done` on the follower's thread when it has let go of a run.
  Follower(Outbox* outbox, std::function<void(const LeaseKey& key)> on_done);
  ~Follower();

  // Begins to follow a run.
  void Add(std::unique_ptr<RemoteRun> run);
  // Stops the script: TERM, and KILL 5 s later.
  void Cancel(const LeaseKey& key);
  // Called when the run's result is stored: removes the run directory on the instance, then lets go
  // of the run.
  void Clean(const LeaseKey& key);
  // Lets go of a run whose lease is lost, and leaves it running on the instance.
  void Drop(const LeaseKey& key);
  // Hands over all runs: the last event of each is Released.
  void ReleaseAll();
  // Called when the outbox has room again.
  void Wake();
  // Returns how long the turn of its loop has taken until now; zero while it waits.
  std::chrono::nanoseconds TurnTaken() const { return timer_.Taken(); }

 private:
  using Command = std::function<void()>;
  void Post(Command command) ABSL_LOCKS_EXCLUDED(mutex_);
  void EventLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  void ExecuteCommands() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for sockets or a wake, or not at all when there is more to do already. Returns the number
  // of events.
  int WaitForEvents(std::array<epoll_event, 256>* events);

  // Everything from here on is used by the loop's thread alone.
  void CheckSilentRuns();
  RemoteRun* Find(const LeaseKey& key);
  // Reads a share of what has come. Returns true when there may be more. A run gets one share in
  // each turn of the loop, however much its instance sends.
  bool ReadShare(RemoteRun* run);
  // Lets the run have its share in the next turn. Needed after its command was used outside of the
  // loop's reads, because libssh may have taken bytes from the socket, which then is not readable
  // any more.
  void ReadNextTurn(const LeaseKey& key) { unread_.insert(key); }
  // Stops watching the run's socket until the outbox has room for its output.
  void Pause(RemoteRun* run);
  // Lets the loop wake for the run's socket.
  void WatchSocket(const RemoteRun& run);
  void ResumePaused();
  // Ends the run because the instance broke the protocol.
  void EndAsViolation(RemoteRun* run, const absl::Status& violation);
  void HandleRecords(RemoteRun* run, std::string_view bytes);
  void HandleOutput(RemoteRun* run, std::string_view bytes);
  void FinishIfComplete(RemoteRun* run);
  void LoseContact(RemoteRun* run, const absl::Status& status);
  void Remove(const LeaseKey& key);

  Outbox& outbox_;
  const std::function<void(const LeaseKey&)> on_done_;
  const int epoll_fd_;
  const int wake_fd_;
  TurnTimer timer_;
  std::map<LeaseKey, std::unique_ptr<RemoteRun>> runs_;
  std::map<int, LeaseKey> keys_by_fd_;
  std::chrono::steady_clock::time_point next_silence_check_;
  std::set<LeaseKey> paused_;
  std::set<LeaseKey> unread_;  // Runs with bytes left over from the last turn.
  Mutex mutex_;
  std::deque<Command> commands_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_FOLLOWER_H_
