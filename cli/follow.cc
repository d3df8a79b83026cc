#include "cli/follow.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <memory>
#include <thread>

#include "cli/patience.h"
#include "cli/server_error.h"
#include "common/mutex.h"
#include "common/payload_status.h"
#include "common/status_macros.h"
#include "longshore/v1/instance_service.grpc.pb.h"
#include "longshore/v1/payload_service.grpc.pb.h"

namespace longshore::cli {
namespace {

using std::chrono::steady_clock;

// Streams open at a time; the rest wait their turn.
constexpr size_t kMaxStreams = 500;

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
    explicit Entry(Client* client) : patience(client) {}
    v1::Payload last;
    int64_t offset = 0;
    bool done = false;
    Patience patience;
    grpc::ClientContext* stream = nullptr;  // Of the stream that is open.
  };
  std::map<int64_t, Entry> entries ABSL_GUARDED_BY(mutex);
  size_t open ABSL_GUARDED_BY(mutex) = 0;
  absl::Status error ABSL_GUARDED_BY(mutex);
};

class WatchStream : public grpc::ClientReadReactor<v1::PayloadEvent> {
 public:
  // Deletes itself at its end.
  static void Open(const Client& client, v1::PayloadService::Stub* stub, Board* board, int64_t id,
                   Board::Entry* entry, const FollowOptions& options)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(board->mutex) {
    auto* stream = new WatchStream(board, id, entry->offset, options);
    client.Authorize(&stream->context_);
    entry->stream = &stream->context_;
    entry->patience.OnOpen(steady_clock::now());
    ++board->open;
    stub->async()->WatchPayload(&stream->context_, &stream->request_, stream);
    stream->StartRead(&stream->event_);
    stream->StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    {
      MutexLock lock(&board_.mutex);
      Board::Entry& entry = board_.entries.at(id_);
      entry.patience.OnEvent();
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
      Board::Entry& entry = board_.entries.at(id_);
      entry.stream = nullptr;
      --board_.open;
      if (!entry.done && !entry.patience.OnFailure(status, steady_clock::now()) &&
          board_.error.ok()) {
        board_.error = ServerError(status);
      }
      board_.changed.NotifyAll();
    }
    delete this;
  }

 private:
  WatchStream(Board* board, int64_t id, int64_t offset, const FollowOptions& options)
      : board_(*board), id_(id), options_(options) {
    request_.set_payload_id(id);
    request_.set_output_offset(offset);
  }

  Board& board_;
  const int64_t id_;
  const FollowOptions options_;
  grpc::ClientContext context_;
  v1::WatchPayloadRequest request_;
  v1::PayloadEvent event_;
};

// Cancels a call at `when`, unless it is dismissed before. Thread-safe.
class Watchdog {
 public:
  Watchdog(grpc::ClientContext* context, steady_clock::time_point when)
      : thread_([this, context, when] {
          MutexLock lock(&mutex_);
          while (!dismissed_ && steady_clock::now() < when) changed_.WaitUntil(&mutex_, when);
          if (!dismissed_) context->TryCancel();
        }) {}
  ~Watchdog() {
    Dismiss();
    thread_.join();
  }
  void Dismiss() {
    MutexLock lock(&mutex_);
    dismissed_ = true;
    changed_.NotifyAll();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool dismissed_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// Hands the events of the stream that `open` opens to `on_event`, until that returns false or the
// stream ends well. Opens it again when it breaks off.
template <typename Event, typename Open>
absl::Status WatchEvents(Client* client, const Open& open,
                         const std::function<bool(const Event&)>& on_event) {
  Patience patience(client);
  while (true) {
    grpc::ClientContext context;
    client->Authorize(&context);
    patience.OnOpen(steady_clock::now());
    Watchdog watchdog(&context, patience.event_due());
    const auto reader = open(&context);
    Event event;
    bool more = true;
    while (more && reader->Read(&event)) {
      patience.OnEvent();
      watchdog.Dismiss();
      more = on_event(event);
    }
    if (!more) context.TryCancel();
    const grpc::Status status = reader->Finish();
    if (!more || status.ok()) return absl::OkStatus();
    if (!patience.OnFailure(status, steady_clock::now())) return ServerError(status);
    std::this_thread::sleep_until(patience.next_try());
  }
}

}  // namespace

absl::StatusOr<std::vector<v1::Payload>> FollowPayloads(Client* client,
                                                        const std::vector<int64_t>& ids,
                                                        const FollowOptions& options,
                                                        const FollowHandlers& handlers) {
  const auto stub = v1::PayloadService::NewStub(client->channel());
  Board board(handlers);
  MutexLock lock(&board.mutex);
  for (int64_t id : ids) {
    board.entries.try_emplace(id, client).first->second.offset = options.output_offset;
  }
  while (true) {
    bool all_done = true;
    const auto now = steady_clock::now();
    auto wake = now + std::chrono::seconds(60);
    for (auto& [id, entry] : board.entries) {
      if (entry.done) continue;
      all_done = false;
      if (entry.stream != nullptr) {
        if (!board.error.ok() || entry.patience.event_due() <= now) entry.stream->TryCancel();
      } else if (board.error.ok() && board.open < kMaxStreams && entry.patience.next_try() <= now) {
        WatchStream::Open(*client, stub.get(), &board, id, &entry, options);
      }
      const bool open = entry.stream != nullptr;
      const auto next = open ? entry.patience.event_due() : entry.patience.next_try();
      if (next > now) wake = std::min(wake, next);
    }
    if (board.open == 0 && (all_done || !board.error.ok())) break;
    board.changed.WaitUntil(&board.mutex, wake);
  }
  if (!board.error.ok()) return board.error;
  std::vector<v1::Payload> payloads;
  payloads.reserve(ids.size());
  for (int64_t id : ids) payloads.push_back(board.entries.at(id).last);
  return payloads;
}

absl::Status WatchDeploymentEvents(
    Client* client, int64_t deployment_id,
    const std::function<bool(const v1::DeploymentEvent&)>& on_event) {
  const auto stub = v1::PayloadService::NewStub(client->channel());
  v1::WatchDeploymentRequest request;
  request.set_deployment_id(deployment_id);
  return WatchEvents<v1::DeploymentEvent>(
      client, [&](grpc::ClientContext* context) { return stub->WatchDeployment(context, request); },
      on_event);
}

absl::StatusOr<std::vector<v1::Instance>> FollowInstances(Client* client,
                                                          const std::vector<int64_t>& ids) {
  const auto stub = v1::InstanceService::NewStub(client->channel());
  v1::WatchInstancesRequest request;
  request.mutable_instance_ids()->Add(ids.begin(), ids.end());
  std::map<int64_t, v1::Instance> last;
  RETURN_IF_ERROR(WatchEvents<v1::Instance>(
      client, [&](grpc::ClientContext* context) { return stub->WatchInstances(context, request); },
      [&](const v1::Instance& instance) {
        last[instance.id()] = instance;
        return true;
      }));
  std::vector<v1::Instance> instances;
  instances.reserve(ids.size());
  for (const int64_t id : ids) instances.push_back(last[id]);
  return instances;
}

absl::StatusOr<std::vector<v1::Payload>> FollowDeployment(Client* client, int64_t deployment_id,
                                                          const std::vector<int64_t>& ids,
                                                          const FollowOptions& options,
                                                          const FollowHandlers& handlers) {
  std::map<int64_t, v1::Payload> last;
  for (int64_t id : ids) last[id];
  size_t ended = 0;
  RETURN_IF_ERROR(
      WatchDeploymentEvents(client, deployment_id, [&](const v1::DeploymentEvent& event) {
        const auto found = last.find(event.payload().id());
        if (found == last.end()) return true;
        ended -= HasEnded(found->second, options) ? 1 : 0;
        found->second = event.payload();
        ended += HasEnded(found->second, options) ? 1 : 0;
        handlers.on_status(found->second);
        return ended < last.size();
      }));
  std::vector<v1::Payload> payloads;
  payloads.reserve(ids.size());
  for (int64_t id : ids) payloads.push_back(last[id]);
  return payloads;
}

}  // namespace longshore::cli
