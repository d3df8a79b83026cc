// Keeps connections to instances for the next task there: to connect, to exchange keys and to log
// in costs both sides most of what a small payload costs.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_SESSION_POOL_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_SESSION_POOL_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "payload_worker/ssh/remote_command.h"
#include "payload_worker/ssh/session.h"

namespace longshore::ssh {

struct SessionPoolLimits {
  std::chrono::milliseconds idle{60000};  // Zero: nothing is kept.
  // A session older than that is not kept: a key that was withdrawn is no good any more by then.
  std::chrono::milliseconds age{900000};
  size_t sessions = 1000;  // Each is a descriptor here, and two processes on its instance.
  size_t sessions_of_instance = 2;
};

// Thread-safe. It has one thread, which closes what has been idle for long enough.
class SessionPool {
 public:
  explicit SessionPool(SessionPoolLimits limits);
  ~SessionPool();
  SessionPool(const SessionPool&) = delete;
  SessionPool& operator=(const SessionPool&) = delete;

  // Returns a session of the instance with just this target, the way to it included, or null. The
  // last one that was put in comes first. Its connection may have died unnoticed.
  std::unique_ptr<Session> Take(int64_t instance_id, const Target& target)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes a session whose command is over. Keeps it or closes it.
  void Put(int64_t instance_id, std::unique_ptr<Session> session) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns how many are kept.
  size_t size() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    int64_t instance_id;
    std::chrono::steady_clock::time_point put_at;
    std::unique_ptr<Session> session;
  };
  void CloseLoop() ABSL_LOCKS_EXCLUDED(mutex_);

  const SessionPoolLimits limits_;
  Mutex mutex_;
  CondVar changed_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // The one that was put in first comes first.
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// The command of a session. When it is destroyed after Finish, the session goes to the pool.
class PooledCommand : public RemoteCommand {
 public:
  // `pool` outlives the command.
  PooledCommand(SessionPool* pool, int64_t instance_id, std::unique_ptr<Session> session);
  ~PooledCommand() override;

  absl::StatusOr<bool> Read(Stream stream, std::string* data) override {
    return session_->Read(stream, data);
  }
  uint64_t bytes_received() const override { return session_->bytes_received(); }
  uint64_t bytes_read() const override { return session_->bytes_read(); }
  absl::Status Write(std::string_view text) override { return session_->Write(text); }
  void Finish() override { is_finished_ = true; }
  void SetNonBlocking() override { session_->SetNonBlocking(); }
  int fd() const override { return session_->fd(); }

 private:
  SessionPool& pool_;
  const int64_t instance_id_;
  std::unique_ptr<Session> session_;
  bool is_finished_ = false;
};

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_SESSION_POOL_H_
