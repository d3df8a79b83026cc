#include "cli/follow.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <memory>

#include "common/backoff.h"
#include "common/grpc_status.h"
#include "common/mutex.h"
#include "common/payload_status.h"
#include "common/status_macros.h"
#include "longshore/v1/payload_service.grpc.pb.h"

namespace longshore::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr BackoffOptions kReconnect{.initial = milliseconds(200), .maximum = milliseconds(3000)};
// A server that stays away for longer is an error.
constexpr int kMaxFailures = 40;
// Streams open at a time; the rest wait their turn.
constexpr size_t kMaxStreams = 500;

bool IsPassing(const grpc::Status& status) {
  return status.ok() || status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::CANCELLED ||
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

bool HasEnded(const v1::Payload& payload, const FollowOptions& options) {
  return IsTerminal(payload.status()) ||
         (options.until_transferred && payload.status() == v1::PAYLOAD_STATUS_TRANSFERRED);
}

// What all streams report to; handlers run under its lock, one at a time.
struct Board {
  explicit Board(const FollowHandlers& follow_handlers) : handlers(follow_handlers) {}
  const FollowHandlers& handlers;
  Mutex mutex;
  CondVar changed;
  struct Entry {
    v1::Payload last;
    int64_t offset = 0;
    int failures = 0;
    bool open = false;
    bool done = false;
    steady_clock::time_point not_before{};
  };
  std::map<int64_t, Entry> entries ABSL_GUARDED_BY(mutex);
  size_t open ABSL_GUARDED_BY(mutex) = 0;
  absl::Status error ABSL_GUARDED_BY(mutex);
};

class WatchStream : public grpc::ClientReadReactor<v1::PayloadEvent> {
 public:
  WatchStream(v1::PayloadService::Stub* stub, Board* board, int64_t id, int64_t offset,
              const FollowOptions& options)
      : board_(*board), id_(id), options_(options) {
    request_.set_payload_id(id);
    request_.set_output_offset(offset);
    stub->async()->WatchPayload(&context_, &request_, this);
    StartRead(&event_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    {
      MutexLock lock(&board_.mutex);
      Board::Entry& entry = board_.entries[id_];
      entry.failures = 0;
      if (event_.has_output()) {
        entry.offset =
            event_.output().offset() + static_cast<int64_t>(event_.output().data().size());
        board_.handlers.on_output(id_, event_.output().offset(), event_.output().data());
      } else {
        entry.last = event_.payload();
        entry.done = HasEnded(entry.last, options_);
        board_.handlers.on_status(entry.last);
        if (entry.done) context_.TryCancel();
      }
    }
    StartRead(&event_);
  }

  void OnDone(const grpc::Status& status) override {
    {
      MutexLock lock(&board_.mutex);
      Board::Entry& entry = board_.entries[id_];
      entry.open = false;
      --board_.open;
      if (!entry.done) Failed(status, &entry);
      board_.changed.NotifyAll();
    }
    delete this;
  }

 private:
  void Failed(const grpc::Status& status, Board::Entry* entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(board_.mutex) {
    if (IsPassing(status) && ++entry->failures < kMaxFailures) {
      entry->not_before =
          steady_clock::now() + BackoffDelay(kReconnect, entry->failures, UniformRandom());
    } else if (board_.error.ok()) {
      board_.error = FromGrpcStatus(status);
    }
  }

  Board& board_;
  const int64_t id_;
  const FollowOptions options_;
  grpc::ClientContext context_;
  v1::WatchPayloadRequest request_;
  v1::PayloadEvent event_;
};

}  // namespace

absl::StatusOr<std::vector<v1::Payload>> FollowPayloads(
    const std::shared_ptr<grpc::Channel>& channel, const std::vector<int64_t>& ids,
    const FollowOptions& options, const FollowHandlers& handlers) {
  const auto stub = v1::PayloadService::NewStub(channel);
  Board board(handlers);
  MutexLock lock(&board.mutex);
  for (int64_t id : ids) board.entries[id].offset = options.output_offset;
  while (true) {
    bool all_done = true;
    auto wake = steady_clock::now() + std::chrono::seconds(60);
    for (auto& [id, entry] : board.entries) {
      if (entry.done) continue;
      all_done = false;
      if (entry.open || !board.error.ok() || board.open >= kMaxStreams) continue;
      if (entry.not_before > steady_clock::now()) {
        wake = std::min(wake, entry.not_before);
        continue;
      }
      entry.open = true;
      ++board.open;
      new WatchStream(stub.get(), &board, id, entry.offset, options);
    }
    if (board.open == 0 && (all_done || !board.error.ok())) break;
    board.changed.WaitUntil(&board.mutex, wake);
  }
  if (!board.error.ok()) return board.error;
  std::vector<v1::Payload> payloads;
  for (int64_t id : ids) payloads.push_back(board.entries[id].last);
  return payloads;
}

absl::Status WatchDeploymentEvents(
    const std::shared_ptr<grpc::Channel>& channel, int64_t deployment_id,
    const std::function<bool(const v1::DeploymentEvent&)>& on_event) {
  const auto stub = v1::PayloadService::NewStub(channel);
  v1::WatchDeploymentRequest request;
  request.set_deployment_id(deployment_id);
  for (int failures = 1;; ++failures) {
    grpc::ClientContext context;
    const auto reader = stub->WatchDeployment(&context, request);
    v1::DeploymentEvent event;
    bool more = true;
    while (more && reader->Read(&event)) {
      failures = 1;
      more = on_event(event);
    }
    if (!more) context.TryCancel();
    const grpc::Status status = reader->Finish();
    if (!more || status.ok()) return absl::OkStatus();
    if (!IsPassing(status) || failures == kMaxFailures) return FromGrpcStatus(status);
    Mutex mutex;
    CondVar never;
    MutexLock lock(&mutex);
    const auto until = steady_clock::now() + BackoffDelay(kReconnect, failures, UniformRandom());
    while (steady_clock::now() < until) never.WaitUntil(&mutex, until);
  }
}

absl::StatusOr<std::vector<v1::Payload>> FollowDeployment(
    const std::shared_ptr<grpc::Channel>& channel, int64_t deployment_id,
    const std::vector<int64_t>& ids, const FollowOptions& options, const FollowHandlers& handlers) {
  std::map<int64_t, v1::Payload> last;
  for (int64_t id : ids) last[id];
  size_t ended = 0;
  RETURN_IF_ERROR(
      WatchDeploymentEvents(channel, deployment_id, [&](const v1::DeploymentEvent& event) {
        const auto found = last.find(event.payload().id());
        if (found == last.end()) return true;
        ended -= HasEnded(found->second, options) ? 1 : 0;
        found->second = event.payload();
        ended += HasEnded(found->second, options) ? 1 : 0;
        handlers.on_status(found->second);
        return ended < last.size();
      }));
  std::vector<v1::Payload> payloads;
  for (int64_t id : ids) payloads.push_back(last[id]);
  return payloads;
}

}  // namespace longshore::cli
