// The stream of a watching RPC, as an explicit state machine.
#ifndef LONGSHORE_API_SERVER_SERVICES_WATCH_STREAM_H_
#define LONGSHORE_API_SERVER_SERVICES_WATCH_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/statusor.h"
#include "api_server/domain/errors.h"
#include "api_server/services/guarded.h"
#include "api_server/services/watch_hub.h"
#include "api_server/services/watch_tokens.h"
#include "common/grpc_status.h"
#include "common/mutex.h"
#include "common/status_macros.h"

namespace longshore::services {

// Produces the events of a stream.
template <typename Event>
class WatchSource {
 public:
  virtual ~WatchSource() = default;
  // Called once, before the others: checks the request, and that the caller may see what it names.
  // It may wait for the database.
  virtual absl::Status Open(const domain::Caller& caller) = 0;
  // Returns the next event, or nullopt when there is nothing new. One thread at a time calls it. It
  // may wait for the database.
  virtual absl::StatusOr<std::optional<Event>> Next() = 0;
  // Returns the next event if it is at hand. Must not wait.
  virtual std::optional<Event> AtHand() { return std::nullopt; }
  // Returns true when AtHand has an event to return.
  virtual bool HasMore() const { return false; }
  // Returns true when the last look found no more than it returned or has at hand: before the next
  // wake there is nothing to look for.
  virtual bool SawAll() const { return false; }
  // Returns true when the stream ends with OK after this event.
  virtual bool IsLast(const Event& event) const = 0;
};

// Goes from idle to looking (in the database) to writing to looking and so on until it is finished;
// from writing to idle where there is nothing to look for.
// It keeps one event in memory at a time, besides what its source has at hand, so a slow reader
// costs no more than that. A wake that comes while it looks or writes is remembered in one bit.
template <typename Event>
class WatchStream : public Watcher,
                    public TokenHolder,
                    public std::enable_shared_from_this<WatchStream<Event>> {
 public:
  using Reactor = grpc::ServerWriteReactor<Event>;

  WatchStream(WatchHub* hub, Reactor* reactor, Admission admission,
              std::unique_ptr<WatchTopic> topic, std::unique_ptr<WatchSource<Event>> source)
      : member_(hub->streams()),
        hub_(*hub),
        admission_(std::move(admission)),
        topic_(std::move(topic)),
        source_(std::move(source)),
        reactor_(reactor) {}

  void Wake(const std::set<int64_t>* /*payload_ids*/) override {
    MutexLock lock(&mutex_);
    if (state_ == State::kIdle) {
      StartLooking();
    } else {
      woken_ = true;
    }
  }

  void Stop() override {
    Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE,
                        "the server is going away; watch again where this stream ended"));
  }

  void Refuse(const absl::Status& why) override { Finish(ToGrpcStatus(why)); }

  void Finish(const grpc::Status& status) {
    MutexLock lock(&mutex_);
    FinishLocked(status);
  }

  void OnWriteDone(bool ok) {
    MutexLock lock(&mutex_);
    if (state_ == State::kFinished) return;
    if (!ok) {
      FinishLocked(grpc::Status::CANCELLED);
    } else if (source_->IsLast(std::exchange(event_, Event()))) {  // Nothing is kept meanwhile.
      FinishLocked(grpc::Status::OK);
    } else if (std::optional<Event> event = source_->AtHand(); event.has_value()) {
      Write(*std::move(event));
    } else if (source_->SawAll() && !woken_) {
      state_ = State::kIdle;
    } else {
      StartLooking();
    }
  }

  // The reactor is about to be deleted.
  void Close() {
    {
      MutexLock lock(&mutex_);
      state_ = State::kFinished;
      reactor_ = nullptr;
    }
    topic_->Remove(this->shared_from_this());
  }

 private:
  enum class State { kIdle, kLooking, kWriting, kFinished };

  void StartLooking() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    state_ = State::kLooking;
    woken_ = false;
    hub_.work().Add([self = this->shared_from_this()] { self->Look(); });
  }

  // The first look also finds out who watches: that waits for the database, so it is done here.
  // Before that nothing is read for the watch, and nothing wakes it.
  absl::Status Open() {
    ASSIGN_OR_RETURN(const domain::Caller caller, admission_());
    RETURN_IF_ERROR(source_->Open(caller));
    RETURN_IF_ERROR(hub_.tokens().Add(caller.token_id, this->weak_from_this()));
    opened_ = true;
    topic_->Add(this->shared_from_this());
    bool closed = false;
    {
      MutexLock lock(&mutex_);
      woken_ = false;  // The look that has begun comes after that.
      closed = reactor_ == nullptr;
    }
    // Close may have come before Add. Not under the lock: a topic holds its own while it wakes us.
    if (closed) topic_->Remove(this->shared_from_this());
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Event>> Next() {
    if (!opened_) RETURN_IF_ERROR(Open());
    return source_->Next();
  }

  void Look() {
    auto event = Next();
    MutexLock lock(&mutex_);
    if (state_ == State::kFinished) return;
    if (!event.ok()) {
      FinishLocked(ToGrpcStatus(domain::FromStorage(event.status())));
    } else if (event->has_value()) {
      Write(**std::move(event));
    } else if (woken_) {
      StartLooking();
    } else {
      state_ = State::kIdle;
    }
  }

  // The events of one look go to the network together.
  void Write(Event event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    event_ = std::move(event);
    state_ = State::kWriting;
    grpc::WriteOptions options;
    if (source_->HasMore()) options.set_buffer_hint();
    reactor_->StartWrite(&event_, options);
  }

  void FinishLocked(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (state_ == State::kFinished) return;
    state_ = State::kFinished;
    reactor_->Finish(status);
  }

  const LiveCount::Member member_;
  WatchHub& hub_;
  const Admission admission_;
  const std::unique_ptr<WatchTopic> topic_;
  const std::unique_ptr<WatchSource<Event>> source_;
  bool opened_ = false;  // Used by looks alone.
  Mutex mutex_;
  Reactor* reactor_ ABSL_GUARDED_BY(mutex_);
  State state_ ABSL_GUARDED_BY(mutex_) = State::kIdle;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  Event event_;
};

// The gRPC end of a WatchStream. It deletes itself when the stream is done.
template <typename Event>
class WatchReactor : public grpc::ServerWriteReactor<Event> {
 public:
  // Sends the events of `source` when `topic` changes, if the caller is admitted.
  WatchReactor(WatchHub* hub, Admission admission, std::unique_ptr<WatchTopic> topic,
               std::unique_ptr<WatchSource<Event>> source)
      : stream_(std::make_shared<WatchStream<Event>>(hub, this, std::move(admission),
                                                     std::move(topic), std::move(source))),
        opening_(hub->OfNothing()) {
    opening_->Add(stream_);
  }

  void OnWriteDone(bool ok) override { stream_->OnWriteDone(ok); }
  void OnCancel() override { stream_->Finish(grpc::Status::CANCELLED); }
  void OnDone() override {
    opening_->Remove(stream_);
    stream_->Close();
    delete this;
  }

 private:
  const std::shared_ptr<WatchStream<Event>> stream_;
  const std::unique_ptr<WatchTopic> opening_;
};

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_WATCH_STREAM_H_
