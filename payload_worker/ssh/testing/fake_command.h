// A command on an instance for tests; the test decides what the command does.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_TESTING_FAKE_COMMAND_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_TESTING_FAKE_COMMAND_H_

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/mutex.h"
#include "payload_worker/ssh/errors.h"
#include "payload_worker/ssh/remote_command.h"

namespace longshore::ssh {

// The instance's end. Thread-safe. The waits have no time limit of their own; the test's limit
// applies.
class FakeInstance {
 public:
  using Stream = RemoteCommand::Stream;

  FakeInstance() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~FakeInstance() { close(fd_); }
  FakeInstance(const FakeInstance&) = delete;
  FakeInstance& operator=(const FakeInstance&) = delete;

  // Returns the worker's end. Called once; the instance outlives what it returns.
  std::unique_ptr<RemoteCommand> NewCommand();

  void Say(Stream stream, std::string_view bytes) {
    MutexLock lock(&mutex_);
    (stream == Stream::kOutput ? output_ : errors_) += bytes;
    sent_ += bytes.size();
    eventfd_write(fd_, 1);
  }
  // Sends bytes that are neither output nor error.
  void SendOverhead(uint64_t bytes) {
    MutexLock lock(&mutex_);
    sent_ += bytes;
    eventfd_write(fd_, 1);
  }
  // Moves what has been said to the worker's buffers, so that the socket does not show it any more.
  void EmptySocket() {
    MutexLock lock(&mutex_);
    ReceiveLocked();
  }
  // Ends the command: after what it has said nothing more comes.
  void End() {
    MutexLock lock(&mutex_);
    ended_ = true;
    eventfd_write(fd_, 1);
  }
  void Break() {
    MutexLock lock(&mutex_);
    broken_ = true;
    eventfd_write(fd_, 1);
  }
  // Makes the worker's writes fail from now on.
  void BreakWrites() {
    MutexLock lock(&mutex_);
    writes_broken_ = true;
  }

  // Waits until the worker has written as much as `text`. Returns true if it is `text`, and removes
  // it.
  bool Hears(std::string_view text) {
    MutexLock lock(&mutex_);
    while (heard_.size() < text.size() && !let_go_) changed_.Wait(&mutex_);
    if (heard_.substr(0, text.size()) != text) return false;
    heard_.erase(0, text.size());
    return true;
  }
  // Returns what the worker has written and Hears has not removed.
  std::string heard() {
    MutexLock lock(&mutex_);
    return heard_;
  }
  size_t unread_output() {
    MutexLock lock(&mutex_);
    return output_.size();
  }
  // Returns whether the worker has said that the command is done.
  bool is_finished() {
    MutexLock lock(&mutex_);
    return finished_;
  }
  void AwaitLetGo() {
    MutexLock lock(&mutex_);
    while (!let_go_) changed_.Wait(&mutex_);
  }

 private:
  class Command;

  void ReceiveLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    eventfd_t value;
    eventfd_read(fd_, &value);
    received_ = sent_;
  }

  const int fd_;
  Mutex mutex_;
  CondVar changed_;
  std::string output_ ABSL_GUARDED_BY(mutex_);
  std::string errors_ ABSL_GUARDED_BY(mutex_);
  uint64_t sent_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t received_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string heard_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool writes_broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool let_go_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

// Like a Session, a read of either stream empties the socket into the buffers of both.
class FakeInstance::Command : public RemoteCommand {
 public:
  explicit Command(FakeInstance* instance) : instance_(*instance) {}
  ~Command() override {
    MutexLock lock(&instance_.mutex_);
    instance_.let_go_ = true;
    instance_.changed_.NotifyAll();  // Under the lock: the instance may be gone right after.
  }

  absl::StatusOr<bool> Read(Stream stream, std::string* data) override {
    MutexLock lock(&instance_.mutex_);
    instance_.ReceiveLocked();
    std::string& said = stream == Stream::kOutput ? instance_.output_ : instance_.errors_;
    const size_t size = std::min(said.size(), kMaxRead);
    data->append(said, 0, size);
    said.erase(0, size);
    bytes_read_ += size;
    if (size > 0) return true;
    if (instance_.broken_) return Unreachable("the connection broke");
    return !instance_.ended_;
  }
  uint64_t bytes_received() const override {
    MutexLock lock(&instance_.mutex_);
    return instance_.received_;
  }
  uint64_t bytes_read() const override { return bytes_read_; }
  absl::Status Write(std::string_view text) override {
    MutexLock lock(&instance_.mutex_);
    if (instance_.writes_broken_) return Unreachable("the connection broke");
    instance_.heard_ += text;
    instance_.changed_.NotifyAll();
    return absl::OkStatus();
  }
  void Finish() override {
    MutexLock lock(&instance_.mutex_);
    instance_.finished_ = true;
  }
  void SetNonBlocking() override {}
  int fd() const override { return instance_.fd_; }

 private:
  static constexpr size_t kMaxRead = size_t{256} * 1024;

  FakeInstance& instance_;
  uint64_t bytes_read_ = 0;
};

inline std::unique_ptr<RemoteCommand> FakeInstance::NewCommand() {
  return std::make_unique<Command>(this);
}

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_TESTING_FAKE_COMMAND_H_
