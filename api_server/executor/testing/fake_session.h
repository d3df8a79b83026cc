// A worker's stream for tests, which keeps the messages that it is sent.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_TESTING_FAKE_SESSION_H_
#define LONGSHORE_API_SERVER_EXECUTOR_TESTING_FAKE_SESSION_H_

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "api_server/executor/worker_registry.h"
#include "common/mutex.h"
#include "longshore/v1/worker_service.pb.h"

namespace longshore::executor {

// Thread-safe. The waits have no time limit of their own; the test's limit applies.
class FakeSession : public WorkerSession {
 public:
  explicit FakeSession(std::string worker) : worker_(std::move(worker)) {}

  const std::string& worker() const override { return worker_; }

  void End(const absl::Status& /*why*/) override {}

  bool Send(v1::ServerMessage message) override {
    {
      MutexLock lock(&mutex_);
      if (gone_) return false;
      messages_.push_back(std::move(message));
    }
    changed_.NotifyAll();
    return true;
  }

  void Processed(size_t bytes) override {
    {
      MutexLock lock(&mutex_);
      processed_bytes_ += bytes;
    }
    changed_.NotifyAll();
  }

  // Ends the stream: from now on Send fails.
  void Leave() {
    MutexLock lock(&mutex_);
    gone_ = true;
  }

  // Waits for the next message and removes it.
  v1::ServerMessage Take() {
    MutexLock lock(&mutex_);
    while (messages_.empty()) changed_.Wait(&mutex_);
    v1::ServerMessage message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }

  // Removes the messages that have come so far and returns the assignments among them.
  std::vector<v1::Assignment> TakeAssignments() {
    MutexLock lock(&mutex_);
    std::vector<v1::Assignment> assignments;
    for (const v1::ServerMessage& message : messages_) {
      if (message.has_assignment()) assignments.push_back(message.assignment());
    }
    messages_.clear();
    return assignments;
  }

  bool HasMessages() {
    MutexLock lock(&mutex_);
    return !messages_.empty();
  }

  void AwaitProcessed(size_t bytes) {
    MutexLock lock(&mutex_);
    while (processed_bytes_ < bytes) changed_.Wait(&mutex_);
  }

  size_t processed_bytes() {
    MutexLock lock(&mutex_);
    return processed_bytes_;
  }

 private:
  const std::string worker_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<v1::ServerMessage> messages_ ABSL_GUARDED_BY(mutex_);
  size_t processed_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_TESTING_FAKE_SESSION_H_
