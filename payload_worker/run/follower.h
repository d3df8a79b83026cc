// One event loop that follows every running payload of this worker: thousands of them, at no cost
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
#include "payload_worker/link/lease_key.h"
#include "payload_worker/link/outbox.h"
#include "payload_worker/run/remote_run.h"

namespace longshore::run {

// Thread-safe; one thread of its own, which alone touches the runs handed to it.
class Follower {
 public:
  // `on_done` is called from the follower's thread when it has let a run go.
  Follower(Outbox* outbox, std::function<void(const LeaseKey& key)> on_done);
  ~Follower();

  void Add(std::unique_ptr<RemoteRun> run);
  // Stops the script: TERM, and KILL 5 s later.
  void Cancel(const LeaseKey& key);
  // The run's result is stored: removes the run directory and lets the run go.
  void Clean(const LeaseKey& key);
  // The lease is lost: lets the run go as it is.
  void Drop(const LeaseKey& key);
  // Hands every run over: its last event is Released.
  void ReleaseAll();
  // The outbox has room again.
  void Wake();

 private:
  using Command = std::function<void()>;
  void Post(Command command) ABSL_LOCKS_EXCLUDED(mutex_);
  void EventLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  void ExecuteCommands() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for sockets or a wake; returns how many events there are. Does not wait when there is
  // more to do already.
  int WaitForEvents(std::array<epoll_event, 256>* events);

  // The rest is the loop's own.
  // Lets go of connections that only look alive.
  void CheckSilentRuns();
  RemoteRun* Find(const LeaseKey& key);
  // Reads a share of what has come; true when there may be more at once. A run has one share a
  // turn of the loop, however much its instance sends.
  bool ReadShare(RemoteRun* run);
  // The run has its share in the next turn. For whoever has touched its command outside of the
  // loop: what libssh has taken from the socket meanwhile does not show there.
  void ReadNextTurn(const LeaseKey& key) { unread_.insert(key); }
  // The outbox has no room for the run's output: its socket is not looked at until it has.
  void Pause(RemoteRun* run);
  // From now on the loop wakes for its socket.
  void WatchSocket(const RemoteRun& run);
  void ResumePaused();
  // What the instance says of the run cannot be: ends it.
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
