#include "api_server/executor/worker_stream.h"

#include <glog/logging.h>
#include <grpcpp/alarm.h>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "api_server/executor/event_rules.h"
#include "common/grpc_status.h"
#include "common/log_fields.h"
#include "common/mutex.h"
#include "common/policy.h"
#include "common/status_macros.h"
#include "common/tls.h"
#include "common/utf8.h"
#include "storage/script_store.h"
#include "storage/worker_store.h"

namespace longshore::executor {
namespace {

using Reactor = grpc::ServerBidiReactor<v1::WorkerMessage, v1::ServerMessage>;

// What one stream has said may come to this much before the stream is not read any more until some
// of it is dealt with.
constexpr size_t kMaxUnprocessedBytes = 16 << 20;
// A script is at most 4 MiB, and what asks for it is next to nothing: it counts as what it brings.
constexpr size_t kScriptRequestBytes = 2 << 20;
// What waits to be written to a worker: past the first it is not read any more, so that it cannot
// ask for more; past the second it is taken to be gone.
constexpr size_t kMaxQueuedBytesToRead = 4 << 20;
constexpr size_t kMaxQueuedBytes = 64 << 20;
constexpr std::chrono::seconds kHelloLimit{10};
constexpr size_t kMaxShown = 100;
// payload_workers of this version, and of none after it, name runs by PAYLOAD.ATTEMPT: they would
// start a second time what has an id.
constexpr char kVersionWithoutRunIds[] = "0.1.0";

// How soon a name that is added to the refused ones takes effect.
constexpr std::chrono::milliseconds kRefusalPeriod{2000};

absl::Status Refused() { return absl::PermissionDeniedError("this worker is refused"); }

// The part of a stream that outlives its reactor: whoever holds it may Send at any time.
//
// At most one write is outstanding; the rest is queued. Nothing is written after Close.
class StreamSession : public WorkerSession, public std::enable_shared_from_this<StreamSession> {
 public:
  StreamSession(LiveCount* streams, Reactor* reactor) : member_(streams), reactor_(reactor) {}

  // Begins to read, and ends the stream if it has not Joined in time.
  void Begin() {
    // The alarm keeps its callback for as long as it exists itself: the callback must not keep the
    // session, whose part the alarm is.
    hello_alarm_.Set(std::chrono::system_clock::now() + kHelloLimit,
                     [weak = weak_from_this()](bool due) {
                       const auto session = weak.lock();
                       if (due && session != nullptr) session->EndUnlessJoined();
                     });
    ReadOn(0);
  }

  // Before anything of it is acted upon.
  void Join(std::string worker, std::vector<std::string> names) {
    worker_ = std::move(worker);
    names_ = std::move(names);
    names_.push_back(worker_);
    MutexLock lock(&mutex_);
    joined_ = true;
  }
  const std::string& worker() const override { return worker_; }
  std::vector<std::string> names() const override { return names_; }

  bool Send(v1::ServerMessage message) override {
    MutexLock lock(&mutex_);
    if (reactor_ == nullptr || finished_) return false;
    queued_bytes_ += message.ByteSizeLong();
    if (queued_bytes_ > kMaxQueuedBytes) {
      LOG(WARNING) << "worker '" << ToPrintableLine(worker_, kMaxShown) << "' does not read";
      FinishLocked(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "you do not read"));
      return false;
    }
    queue_.push_back(std::move(message));
    WriteNext();
    return true;
  }

  void Processed(size_t bytes) override {
    MutexLock lock(&mutex_);
    unprocessed_bytes_ -= std::min(unprocessed_bytes_, bytes);
    MaybeRead();
  }

  void OnWriteDone(bool ok) {
    MutexLock lock(&mutex_);
    writing_ = false;
    queued_bytes_ -= outgoing_bytes_;
    if (!ok) {
      queue_.clear();
      queued_bytes_ = 0;
    }
    WriteNext();
    MaybeRead();
  }

  // Reads on, unless too much is not dealt with, `bytes` more from now on: then Processed does, or
  // what is written.
  void ReadOn(size_t bytes) {
    MutexLock lock(&mutex_);
    unprocessed_bytes_ += bytes;
    read_paused_ = true;
    MaybeRead();
  }

  void End(const absl::Status& why) override { Finish(ToGrpcStatus(why)); }

  // Ends the stream, once.
  void Finish(const grpc::Status& status) {
    MutexLock lock(&mutex_);
    FinishLocked(status);
  }

  // The reactor is about to be deleted.
  void Close() {
    hello_alarm_.Cancel();
    MutexLock lock(&mutex_);
    reactor_ = nullptr;
  }

  // Only between a read's start and its end.
  v1::WorkerMessage& incoming() { return incoming_; }

 private:
  void EndUnlessJoined() {
    MutexLock lock(&mutex_);
    if (!joined_) {
      FinishLocked(grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "no hello came in time"));
    }
  }

  void FinishLocked(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (reactor_ == nullptr || finished_) return;
    finished_ = true;
    queue_.clear();
    reactor_->Finish(status);
  }

  void MaybeRead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!read_paused_ || reactor_ == nullptr || finished_) return;
    if (unprocessed_bytes_ >= kMaxUnprocessedBytes || queued_bytes_ >= kMaxQueuedBytesToRead) {
      return;
    }
    read_paused_ = false;
    incoming_.Clear();
    reactor_->StartRead(&incoming_);
  }

  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || queue_.empty() || reactor_ == nullptr || finished_) return;
    outgoing_ = std::move(queue_.front());
    outgoing_bytes_ = outgoing_.ByteSizeLong();
    queue_.pop_front();
    writing_ = true;
    reactor_->StartWrite(&outgoing_);
  }

  const LiveCount::Member member_;
  std::vector<std::string> names_;
  std::string worker_;  // Both are set once, in a reaction, before anybody else has the session.
  grpc::Alarm hello_alarm_;
  Mutex mutex_;
  Reactor* reactor_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::ServerMessage> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // With what is being written.
  v1::ServerMessage outgoing_;
  size_t outgoing_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  v1::WorkerMessage incoming_;
  bool joined_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool read_paused_ ABSL_GUARDED_BY(mutex_) = false;
  size_t unprocessed_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Waiting for hello -> connected -> ended. Reactions run one at a time, apart from OnWriteDone and
// OnCancel.
class WorkerStream : public Reactor {
 public:
  WorkerStream(const WorkerStreamContext& context, LiveCount* streams,
               std::vector<std::string> certified_names)
      : context_(context),
        certified_names_(std::move(certified_names)),
        session_(std::make_shared<StreamSession>(streams, this)) {
    session_->Begin();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Leave();
      session_->Finish(grpc::Status::OK);
      return;
    }
    size_t unprocessed_bytes = 0;
    const absl::Status status = Handle(session_->incoming(), &unprocessed_bytes);
    if (!status.ok()) {
      const LogFields about{{"worker", name_}};
      LOG(WARNING) << "worker '" << name_ << "': " << status;
      Leave();
      session_->Finish(ToGrpcStatus(status));
      return;
    }
    session_->ReadOn(unprocessed_bytes);
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
  // Acts upon the message. *unprocessed_bytes is how much of it is dealt with later: whoever does
  // so says Processed.
  absl::Status Handle(v1::WorkerMessage& message, size_t* unprocessed_bytes) {
    if (key_ == 0) {
      if (!message.has_hello()) {
        return absl::InvalidArgumentError("the first message must be hello");
      }
      return Join(message.hello());
    }
    switch (message.kind_case()) {
      case v1::WorkerMessage::kEvents:
        RETURN_IF_ERROR(CheckSequence(message.events(), last_sequence_));
        if (message.events().events_size() == 0) return absl::OkStatus();
        last_sequence_ = message.events().events().rbegin()->sequence();
        *unprocessed_bytes = EventSink::CostOf(message.events());
        context_.sink->AddEvents(session_, std::move(*message.mutable_events()));
        return absl::OkStatus();
      case v1::WorkerMessage::kHeartbeat:
        RETURN_IF_ERROR(CheckHeartbeat(message.heartbeat()));
        *unprocessed_bytes = EventSink::CostOf(message.heartbeat());
        context_.sink->AddHeartbeat(session_, std::move(*message.mutable_heartbeat()));
        return absl::OkStatus();
      case v1::WorkerMessage::kScriptRequest:
        *unprocessed_bytes = kScriptRequestBytes;
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

  absl::Status CheckName(const std::string& name) const {
    const bool certified =
        std::find(certified_names_.begin(), certified_names_.end(), name) != certified_names_.end();
    if (context_.names_by_certificate && !certified) {
      return absl::PermissionDeniedError("the worker's certificate does not name '" + name +
                                         "': --name must be a DNS or URI name in it");
    }
    // Whoever is refused by one name does not come back by another.
    const bool refused =
        context_.refused->Has(name) ||
        std::any_of(certified_names_.begin(), certified_names_.end(),
                    [this](const std::string& other) { return context_.refused->Has(other); });
    return refused ? Refused() : absl::OkStatus();
  }

  absl::Status Join(const v1::WorkerHello& hello) {
    RETURN_IF_ERROR(CheckHello(hello));
    RETURN_IF_ERROR(CheckName(hello.name()));
    name_ = hello.name();
    if (hello.version() == kVersionWithoutRunIds) {
      return absl::FailedPreconditionError("a payload_worker of version " + hello.version() +
                                           " does not know the ids of runs: it must be replaced");
    }
    const LogFields about{{"worker", name_}};
    LOG(INFO) << "worker '" << name_ << "' (" << hello.incarnation() << ", version "
              << hello.version() << ") connected, takes " << hello.capacity();
    session_->Join(name_, certified_names_);
    v1::ServerMessage welcome;
    const auto lease = context_.lease_duration;
    welcome.mutable_welcome()->mutable_lease_duration()->set_seconds(lease.count() / 1000);
    welcome.mutable_welcome()->mutable_lease_duration()->set_nanos(
        static_cast<int32_t>(lease.count() % 1000 * 1000000));
    welcome.mutable_welcome()->set_lease_groups(context_.lease_groups);
    session_->Send(std::move(welcome));
    const std::set<std::string> named(hello.projects().begin(), hello.projects().end());
    storage::Reach reach;
    if (!named.empty()) reach.projects = storage::Scope::Of({named.begin(), named.end()});
    if (!hello.pool().empty()) reach.pool = hello.pool();
    key_ = context_.registry->Add(session_, name_, hello.capacity(), reach);
    context_.on_credit();
    context_.database_work->Add([database = context_.database, hello, pool = reach.pool] {
      database
          ->Run([&](storage::Connection& connection) {
            return storage::worker_store::Upsert(connection, {.name = hello.name(),
                                                              .incarnation = hello.incarnation(),
                                                              .version = hello.version(),
                                                              .capacity = hello.capacity(),
                                                              .pool = pool});
          })
          .IgnoreError();  // For people only.
    });
    return absl::OkStatus();
  }

  void Leave() {
    if (key_ <= 0) return;
    const LogFields about{{"worker", name_}};
    LOG(INFO) << "worker '" << name_ << "' left";
    context_.registry->Remove(key_);
    key_ = -1;
  }

  // Only of a task that the worker holds: a script may hold what is not everybody's to know.
  void SendScript(const std::string& sha256) {
    context_.database_work->Add([database = context_.database, session = session_, sha256] {
      std::optional<std::string> content;
      const absl::Status status =
          database->Run([&](storage::Connection& connection) -> absl::Status {
            ASSIGN_OR_RETURN(content, storage::script_store::GetForHolder(connection, sha256,
                                                                          session->worker()));
            return absl::OkStatus();
          });
      // Without an answer the worker's wait for it ends, and the task is tried again, if it is
      // still its task.
      if (status.ok() && content.has_value()) {
        v1::ServerMessage message;
        message.mutable_script()->set_sha256(sha256);
        message.mutable_script()->set_content(*std::move(content));
        session->Send(std::move(message));
      }
      session->Processed(kScriptRequestBytes);
    });
  }

  const WorkerStreamContext& context_;
  const std::vector<std::string> certified_names_;
  const std::shared_ptr<StreamSession> session_;
  int64_t key_ = 0;         // In the registry; 0 before hello, -1 after the end.
  std::string name_ = "?";  // As it says hello: printable.
  uint64_t last_sequence_ = 0;
};

}  // namespace

WorkerServiceImpl::WorkerServiceImpl(WorkerStreamContext context)
    : context_(std::move(context)), refusals_("refused workers", [this] { return EndRefused(); }) {}

absl::StatusOr<std::chrono::milliseconds> WorkerServiceImpl::EndRefused() {
  if (!context_.refused->enabled()) return policy::kSafetyPoll;
  RETURN_IF_ERROR(context_.refused->Read());
  context_.registry->End([this](const std::string& name) { return context_.refused->Has(name); },
                         Refused());
  return kRefusalPeriod;
}

Reactor* WorkerServiceImpl::Connect(grpc::CallbackServerContext* context) {
  return new WorkerStream(context_, &streams_,
                          context_.names_by_certificate ? PeerNames(*context->auth_context())
                                                        : std::vector<std::string>());
}

}  // namespace longshore::executor
