// Connections by way of other hosts: moves bytes between an SSH connection to a host on the way,
// which has one open to the next host, and a socket of this process.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_TUNNELS_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_TUNNELS_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "payload_worker/ssh/session.h"

struct epoll_event;

namespace longshore::ssh {

// Thread-safe. It has one thread, which waits for none of the hosts: each tunnel that can go on
// gets a share in each turn of the loop. Of a tunnel no more than a share is held in memory; who
// does not read on one side is not read from on the other. One whose host sends what is no part of
// the connection, much of it or to its error stream, is ended.
class Tunnels {
 public:
  Tunnels();
  // Ends all tunnels.
  ~Tunnels();
  Tunnels(const Tunnels&) = delete;
  Tunnels& operator=(const Tunnels&) = delete;

  // Takes over `host`, which has opened a connection (Session::OpenTunnel). Returns a socket that
  // is the near end of that, and the caller's. When either end is closed so is the other one, with
  // `host`. Errors: Unreachable (no descriptors are left).
  absl::StatusOr<int> Add(std::unique_ptr<Session> host) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Tunnel;
  using Events = std::array<epoll_event, 256>;
  enum class Progress { kNone, kSome, kEnded };

  void EventLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Everything from here on is used by the loop's thread alone. Takes what was added; returns false
  // when the loop is to end.
  bool TakeAdded() ABSL_LOCKS_EXCLUDED(mutex_);
  // Does one share of what can be done without waiting.
  Progress Move(Tunnel* tunnel);
  Progress MoveToHost(Tunnel* tunnel);
  Progress MoveFromHost(Tunnel* tunnel);
  void Erase(int64_t id);
  // Says what the loop is to wake for.
  void Watch(int64_t id, Tunnel* tunnel);

  const int epoll_fd_;
  const int wake_fd_;
  std::map<int64_t, std::unique_ptr<Tunnel>> tunnels_;
  std::set<int64_t> unread_;  // Those that may go on at once.
  int64_t last_id_ = 0;
  Mutex mutex_;
  std::vector<std::unique_ptr<Tunnel>> added_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_TUNNELS_H_
