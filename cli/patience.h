// How long one goes on with an api_server that is silent.
#ifndef LONGSHORE_CLI_PATIENCE_H_
#define LONGSHORE_CLI_PATIENCE_H_

#include <grpcpp/support/status.h>

#include <chrono>

#include "cli/client.h"

namespace longshore::cli {

// Of one stream that is opened again after each failure. A server that says nothing for the
// client's deadline is given up; so is, at once, one that was never reached. Not thread-safe.
class Patience {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `client` must outlive this object.
  explicit Patience(Client* client) : client_(client) {}

  void OnOpen(TimePoint now);
  void OnEvent();
  // Whether to open it again, at next_try().
  bool OnFailure(const grpc::Status& status, TimePoint now);

  TimePoint next_try() const { return next_try_; }
  // When the first event of an open stream is overdue; far off once there was one.
  TimePoint event_due() const;

 private:
  Client* client_;
  bool heard_ = false;
  int failures_ = 0;
  TimePoint silent_since_{};
  TimePoint next_try_{};
};

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_PATIENCE_H_
