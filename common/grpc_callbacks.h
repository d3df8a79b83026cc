// A workaround for a race in gRPC 1.51 when its callback threads end.
#ifndef LONGSHORE_COMMON_GRPC_CALLBACKS_H_
#define LONGSHORE_COMMON_GRPC_CALLBACKS_H_

#include <grpcpp/channel.h>

#include <memory>

namespace longshore {

// gRPC runs callback streams on a queue that all channels share and that ends with the last
// channel. Its end races with its own threads ("assertion failed: prior > 0" in
// completion_queue.cc). This function keeps the first `channel` that it is given until the process
// ends, so that the queue never ends. Call it before a channel's first callback stream.
// Thread-safe.
inline void KeepCallbackQueue(std::shared_ptr<grpc::Channel> channel) {
  static const auto* kept = new std::shared_ptr<grpc::Channel>(std::move(channel));
  (void)kept;
}

}  // namespace longshore

#endif  // LONGSHORE_COMMON_GRPC_CALLBACKS_H_
