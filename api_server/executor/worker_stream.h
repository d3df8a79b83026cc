// WorkerService: the stream of each worker, as an explicit state machine.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_WORKER_STREAM_H_
#define LONGSHORE_API_SERVER_EXECUTOR_WORKER_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>

#include "api_server/executor/event_sink.h"
#include "api_server/executor/refused_workers.h"
#include "api_server/executor/round_loop.h"
#include "api_server/executor/worker_registry.h"
#include "common/live_count.h"
#include "common/work_queue.h"
#include "longshore/v1/worker_service.grpc.pb.h"
#include "storage/database.h"

namespace longshore::executor {

// What the streams use. All of it outlives the streams.
struct WorkerStreamContext {
  storage::Database* database;
  WorkerRegistry* registry;
  EventSink* sink;
  WorkQueue* database_work;         // Does what a reaction must not wait for.
  std::function<void()> on_credit;  // Called when a worker has more credit. Must not block.
  std::chrono::milliseconds lease_duration;
  bool lease_groups = false;  // Workers may use them.
  // A worker is who its certificate says. False without TLS: it is who it says.
  bool names_by_certificate = false;
  RefusedWorkers* refused = nullptr;
};

class WorkerServiceImpl final : public v1::WorkerService::CallbackService {
 public:
  explicit WorkerServiceImpl(WorkerStreamContext context);

  grpc::ServerBidiReactor<v1::WorkerMessage, v1::ServerMessage>* Connect(
      grpc::CallbackServerContext* context) override;

  // Returns when no stream is left. gRPC tells a stream that it is over at some time after the
  // server's Shutdown has returned.
  void AwaitStreams() { streams_.AwaitNone(); }

 private:
  // Ends the streams of workers that are refused since they connected.
  absl::StatusOr<std::chrono::milliseconds> EndRefused();

  const WorkerStreamContext context_;
  LiveCount streams_;
  RoundLoop refusals_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_WORKER_STREAM_H_
