#include "api_server/services/payload_watch.h"

#include <memory>
#include <utility>

#include "api_server/domain/errors.h"
#include "api_server/domain/fields.h"
#include "common/grpc_status.h"
#include "common/mutex.h"
#include "common/payload_status.h"
#include "common/status_macros.h"

namespace longshore::services {
namespace {

using Reactor = grpc::ServerWriteReactor<v1::PayloadEvent>;

// Idle -> looking (in the database) -> writing -> looking ... -> finished. One event is in memory
// at a time, so a slow reader costs one event; a wake that comes meanwhile is remembered in one
// bit.
class PayloadWatcher : public Watcher, public std::enable_shared_from_this<PayloadWatcher> {
 public:
  PayloadWatcher(WatchHub* hub, Reactor* reactor, WatchPosition position)
      : hub_(*hub), payload_id_(position.payload_id), reactor_(reactor), position_(position) {}

  int64_t payload_id() const override { return payload_id_; }

  void Wake() override {
    MutexLock lock(&mutex_);
    if (state_ == State::kIdle) {
      StartLooking();
    } else {
      woken_ = true;
    }
  }

  void Stop() override {
    Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE,
                        "the server is going away; watch again at the next offset"));
  }

  void Finish(const grpc::Status& status) {
    MutexLock lock(&mutex_);
    FinishLocked(status);
  }

  void OnWriteDone(bool ok) {
    MutexLock lock(&mutex_);
    if (state_ == State::kFinished) return;
    if (!ok) {
      FinishLocked(grpc::Status::CANCELLED);
    } else if (event_.has_payload() && IsTerminal(event_.payload().status())) {
      FinishLocked(grpc::Status::OK);
    } else {
      StartLooking();
    }
  }

  // The reactor is about to be deleted.
  void Close() {
    MutexLock lock(&mutex_);
    state_ = State::kFinished;
    reactor_ = nullptr;
  }

 private:
  enum class State { kIdle, kLooking, kWriting, kFinished };

  void StartLooking() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    state_ = State::kLooking;
    woken_ = false;
    hub_.work().Add([self = shared_from_this()] { self->Look(); });
  }

  void Look() {
    // Only the one look that is under way touches position_.
    auto event = NextWatchEvent(hub_.database(), &position_);
    MutexLock lock(&mutex_);
    if (state_ == State::kFinished) return;
    if (!event.ok()) {
      FinishLocked(ToGrpcStatus(domain::FromStorage(event.status())));
    } else if (event->has_value()) {
      event_ = **std::move(event);
      state_ = State::kWriting;
      reactor_->StartWrite(&event_);
    } else if (woken_) {
      StartLooking();
    } else {
      state_ = State::kIdle;
    }
  }

  void FinishLocked(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (state_ == State::kFinished) return;
    state_ = State::kFinished;
    reactor_->Finish(status);
  }

  WatchHub& hub_;
  const int64_t payload_id_;
  Mutex mutex_;
  Reactor* reactor_ ABSL_GUARDED_BY(mutex_);
  State state_ ABSL_GUARDED_BY(mutex_) = State::kIdle;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  v1::PayloadEvent event_;
  WatchPosition position_;
};

class WatchReactor : public Reactor {
 public:
  WatchReactor(WatchHub* hub, const v1::WatchPayloadRequest& request)
      : hub_(*hub),
        watcher_(std::make_shared<PayloadWatcher>(
            hub, this,
            WatchPosition{.payload_id = request.payload_id(),
                          .output_offset = request.output_offset()})) {
    if (const absl::Status status = Check(request); !status.ok()) {
      watcher_->Finish(ToGrpcStatus(status));
    } else {
      hub_.Add(watcher_);
    }
  }

  void OnWriteDone(bool ok) override { watcher_->OnWriteDone(ok); }
  void OnCancel() override { watcher_->Finish(grpc::Status::CANCELLED); }
  void OnDone() override {
    hub_.Remove(watcher_);
    watcher_->Close();
    delete this;
  }

 private:
  static absl::Status Check(const v1::WatchPayloadRequest& request) {
    RETURN_IF_ERROR(domain::CheckId("payload_id", request.payload_id()));
    if (request.output_offset() >= 0) return absl::OkStatus();
    return domain::InvalidField("output_offset", std::to_string(request.output_offset()),
                                "must not be negative");
  }

  WatchHub& hub_;
  const std::shared_ptr<PayloadWatcher> watcher_;
};

}  // namespace

Reactor* StartPayloadWatch(WatchHub* hub, const v1::WatchPayloadRequest& request) {
  return new WatchReactor(hub, request);
}

}  // namespace longshore::services
