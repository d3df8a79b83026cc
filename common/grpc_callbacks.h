// Works around the teardown of gRPC 1.51's callback threads.
#ifndef LONGSHORE_COMMON_GRPC_CALLBACKS_H_
#define LONGSHORE_COMMON_GRPC_CALLBACKS_H_

#include <grpcpp/channel.h>

#include <memory>

namespace longshore {

// gRPC runs callback streams on a queue that the channels share and that ends with the last of
// them; ending it races with its own threads ("assertion failed: prior > 0" in
// completion_queue.cc). Keeps `channel`, of the first call, to the end of the process, so that the
// queue never ends. Call before a channel's first callback stream. Thread-safe.
inline void KeepCallbackQueue(std::shared_ptr<grpc::Channel> channel) {
  static const auto* kept = new std::shared_ptr<grpc::Channel>(std::move(channel));
  (void)kept;
}

}  // namespace longshore

#endif  // LONGSHORE_COMMON_GRPC_CALLBACKS_H_
