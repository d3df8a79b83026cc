#include "api_server/executor/worker_stream.h"

#include <glog/logging.h>

#include <deque>
#include <utility>

#include "api_server/executor/event_rules.h"
#include "common/grpc_status.h"
#include "common/mutex.h"
#include "common/status_macros.h"
#include "storage/lease_store.h"
#include "storage/script_store.h"

namespace longshore::executor {
namespace {

using Reactor = grpc::ServerBidiReactor<v1::WorkerMessage, v1::ServerMessage>;

// Events of one stream that may wait for the database before the stream stops being read.
constexpr size_t kMaxUnstoredBytes = 16 << 20;

// The part of a stream that outlives its reactor: whoever holds it may Send at any time.
//
// At most one write is outstanding; the rest is queued. Nothing is written after Close.
class StreamSession : public WorkerSession {
 public:
  explicit StreamSession(Reactor* reactor) : reactor_(reactor) {}

  bool Send(v1::ServerMessage message) override {
    MutexLock lock(&mutex_);
    if (reactor_ == nullptr || finished_) return false;
    queue_.push_back(std::move(message));
    WriteNext();
    return true;
  }

  void EventsStored(size_t bytes) override {
    MutexLock lock(&mutex_);
    unstored_bytes_ -= std::min(unstored_bytes_, bytes);
    if (read_paused_ && unstored_bytes_ < kMaxUnstoredBytes && reactor_ != nullptr && !finished_) {
      read_paused_ = false;
      reactor_->StartRead(&incoming_);
    }
  }

  void OnWriteDone(bool ok) {
    MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) queue_.clear();
    WriteNext();
  }

  // Reads on, unless too much waits to be stored: then EventsStored does.
  void ReadOn(size_t event_bytes) {
    MutexLock lock(&mutex_);
    if (reactor_ == nullptr || finished_) return;
    unstored_bytes_ += event_bytes;
    if (unstored_bytes_ >= kMaxUnstoredBytes) {
      read_paused_ = true;
    } else {
      reactor_->StartRead(&incoming_);
    }
  }

  // Ends the stream, once.
  void Finish(const grpc::Status& status) {
    MutexLock lock(&mutex_);
    if (reactor_ == nullptr || finished_) return;
    finished_ = true;
    reactor_->Finish(status);
  }

  // The reactor is about to be deleted.
  void Close() {
    MutexLock lock(&mutex_);
    reactor_ = nullptr;
  }

  // Only between a read's start and its end.
  v1::WorkerMessage& incoming() { return incoming_; }

 private:
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || queue_.empty() || reactor_ == nullptr || finished_) return;
    outgoing_ = std::move(queue_.front());
    queue_.pop_front();
    writing_ = true;
    reactor_->StartWrite(&outgoing_);
  }

  Mutex mutex_;
  Reactor* reactor_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::ServerMessage> queue_ ABSL_GUARDED_BY(mutex_);
  v1::ServerMessage outgoing_;
  v1::WorkerMessage incoming_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool read_paused_ ABSL_GUARDED_BY(mutex_) = false;
  size_t unstored_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Waiting for hello -> connected -> ended. Reactions run one at a time, apart from OnWriteDone and
// OnCancel.
class WorkerStream : public Reactor {
 public:
  explicit WorkerStream(const WorkerStreamContext& context)
      : context_(context), session_(std::make_shared<StreamSession>(this)) {
    session_->ReadOn(0);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Leave();
      session_->Finish(grpc::Status::OK);
      return;
    }
    size_t event_bytes = 0;
    const absl::Status status = Handle(session_->incoming(), &event_bytes);
    if (!status.ok()) {
      LOG(WARNING) << "worker '" << name_ << "': " << status;
      Leave();
      session_->Finish(ToGrpcStatus(status));
      return;
    }
    session_->ReadOn(event_bytes);
  }

  void OnWriteDone(bool ok) override { session_->OnWriteDone(ok); }

  void OnCancel() override {
    // A read that is not outstanding (paused) would not notice.
    session_->Finish(grpc::Status::CANCELLED);
  }

  void OnDone() override {
    Leave();
    session_->Close();
    delete this;
  }

 private:
  absl::Status Handle(v1::WorkerMessage& message, size_t* event_bytes) {
    if (key_ == 0) {
      if (!message.has_hello())
        return absl::InvalidArgumentError("the first message must be hello");
      return Join(message.hello());
    }
    switch (message.kind_case()) {
      case v1::WorkerMessage::kEvents:
        RETURN_IF_ERROR(CheckEvents(message.events(), last_sequence_, context_.head_bytes));
        if (message.events().events_size() == 0) return absl::OkStatus();
        last_sequence_ = message.events().events().rbegin()->sequence();
        *event_bytes = message.events().ByteSizeLong();
        context_.sink->AddEvents(session_, std::move(*message.mutable_events()));
        return absl::OkStatus();
      case v1::WorkerMessage::kHeartbeat:
        RETURN_IF_ERROR(CheckHeartbeat(message.heartbeat()));
        context_.sink->AddHeartbeat(session_, std::move(*message.mutable_heartbeat()));
        return absl::OkStatus();
      case v1::WorkerMessage::kScriptRequest:
        SendScript(message.script_request().sha256());
        return absl::OkStatus();
      case v1::WorkerMessage::kCredit:
        context_.registry->AddCredit(key_, message.credit().count());
        context_.on_credit();
        return absl::OkStatus();
      default:
        return absl::InvalidArgumentError("a message of unknown kind, or a second hello");
    }
  }

  absl::Status Join(const v1::WorkerHello& hello) {
    RETURN_IF_ERROR(CheckHello(hello));
    name_ = hello.name();
    LOG(INFO) << "worker '" << name_ << "' (" << hello.incarnation() << ", version "
              << hello.version() << ") connected, takes " << hello.capacity();
    v1::ServerMessage welcome;
    const auto lease = context_.lease_duration;
    welcome.mutable_welcome()->mutable_lease_duration()->set_seconds(lease.count() / 1000);
    welcome.mutable_welcome()->mutable_lease_duration()->set_nanos(
        static_cast<int32_t>(lease.count() % 1000 * 1000000));
    session_->Send(std::move(welcome));
    key_ = context_.registry->Add(session_, name_, hello.capacity());
    context_.on_credit();
    context_.database_work->Add([database = context_.database, hello] {
      database
          ->Run([&](storage::Connection& connection) {
            return storage::WorkerStore::Upsert(connection, hello);
          })
          .IgnoreError();  // For people only.
    });
    return absl::OkStatus();
  }

  void Leave() {
    if (key_ <= 0) return;
    LOG(INFO) << "worker '" << name_ << "' left";
    context_.registry->Remove(key_);
    key_ = -1;
  }

  void SendScript(const std::string& sha256) {
    context_.database_work->Add([database = context_.database, session = session_, sha256] {
      std::optional<std::string> content;
      const absl::Status status =
          database->Run([&](storage::Connection& connection) -> absl::Status {
            ASSIGN_OR_RETURN(content, storage::ScriptStore::Get(connection, sha256));
            return absl::OkStatus();
          });
      if (!status.ok()) return;  // The worker's wait for it ends, and the task is tried again.
      v1::ServerMessage message;
      message.mutable_script()->set_sha256(sha256);
      message.mutable_script()->set_content(content.value_or(""));
      session->Send(std::move(message));
    });
  }

  const WorkerStreamContext& context_;
  const std::shared_ptr<StreamSession> session_;
  int64_t key_ = 0;  // In the registry; 0 before hello, -1 after the end.
  std::string name_ = "?";
  uint64_t last_sequence_ = 0;
};

}  // namespace

WorkerServiceImpl::WorkerServiceImpl(WorkerStreamContext context) : context_(std::move(context)) {}

Reactor* WorkerServiceImpl::Connect(grpc::CallbackServerContext* /*context*/) {
  return new WorkerStream(context_);
}

}  // namespace longshore::executor
