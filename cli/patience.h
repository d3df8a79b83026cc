// How long the command line tries to reach an api_server that is silent.
#ifndef LONGSHORE_CLI_PATIENCE_H_
#define LONGSHORE_CLI_PATIENCE_H_

#include <grpcpp/support/status.h>

#include <chrono>

#include "cli/client.h"

namespace longshore::cli {

// Decides about one stream that is opened again after each failure. A server that says nothing for
// the client's deadline is given up, and one that was never reached is given up at once. Not
// thread-safe.
class Patience {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `client` must outlive this object.
  explicit Patience(Client* client) : client_(client) {}

  void OnOpen(TimePoint now);
  void OnEvent();
  // Returns whether to open the stream again, at next_try().
  bool OnFailure(const grpc::Status& status, TimePoint now);

  TimePoint next_try() const { return next_try_; }
  // Returns when the first event of an open stream is overdue, or a time far away once there was
  // one.
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
