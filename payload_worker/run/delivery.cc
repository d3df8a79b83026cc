#include "payload_worker/run/delivery.h"

#include <glog/logging.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <thread>
#include <utility>

#include "common/fail_point.h"
#include "common/status_macros.h"
#include "payload_worker/run/delivery_metrics.h"
#include "payload_worker/run/task_events.h"
#include "payload_worker/ssh/become.h"
#include "payload_worker/ssh/errors.h"

namespace longshore::run {
namespace {

using Kind = RunnerRecord::Kind;

constexpr std::chrono::seconds kScriptLimit{30};
constexpr std::chrono::milliseconds kLeaseForUpload{100};
constexpr std::chrono::seconds kLeaseLimit{5};
// What the runner may take from its look at the clock to the start.
constexpr std::chrono::milliseconds kRunnerLimit{500};

bool IsOfTheEnd(Kind kind) {
  return kind == Kind::kEnd || kind == Kind::kLost || kind == Kind::kTruncated;
}

// What the runner may say when it is asked for `mode`; anything else is a violation.
bool MaySay(RunnerMode mode, Kind kind) {
  switch (kind) {
    case Kind::kError:
      return true;
    case Kind::kReady:
    case Kind::kNeedScript:
    case Kind::kRefused:
    case Kind::kLate:
      return mode == RunnerMode::kStart || mode == RunnerMode::kPlace;
    case Kind::kRunning:
      return mode == RunnerMode::kStart || mode == RunnerMode::kAttach;
    case Kind::kPlaced:
      return mode == RunnerMode::kPlace;
    case Kind::kNotPlaced:
      return mode == RunnerMode::kStart || mode == RunnerMode::kPlace;
    case Kind::kAbsent:
      return mode == RunnerMode::kAttach;
    case Kind::kCleaned:
      return mode == RunnerMode::kClean;
    default:
      return false;
  }
}

}  // namespace

ssh::Target TargetOf(const v1::Assignment& assignment) {
  ssh::Target target{.address = assignment.address(),
                     .port = assignment.port(),
                     .user = assignment.ssh_user(),
                     .host_key = assignment.host_key(),
                     .become = assignment.become(),
                     .jump = {}};
  for (const v1::JumpHost& host : assignment.jump()) {
    target.jump.push_back({.address = host.address(),
                           .port = host.port(),
                           .user = host.ssh_user(),
                           .host_key = host.host_key()});
  }
  return target;
}

Delivery::Delivery(const DeliveryContext& context, v1::Assignment assignment,
                   ssh::OnSocket on_socket)
    : context_(context),
      on_socket_(std::move(on_socket)),
      assignment_(std::move(assignment)),
      key_{assignment_.task_id(), assignment_.lease_epoch()} {}

absl::StatusOr<std::unique_ptr<RemoteRun>> Delivery::End(v1::TaskEvent event) {
  context_.outbox->AddLast(key_, std::move(event));
  return nullptr;
}

std::unique_ptr<RemoteRun> Delivery::Deliver() {
  auto run = TryDeliver();
  if (run.ok()) return *std::move(run);
  LOG(WARNING) << "payload " << assignment_.payload_id() << " on instance "
               << assignment_.instance_id() << ": " << run.status();
  WaitUntilGoExpires();
  v1::TaskEvent event =
      FailedEvent(run.status(), assignment_.executing() || told_to_start_ || is_running_);
  if (event.has_retry()) event.mutable_retry()->set_maybe_started(told_to_start_);
  End(std::move(event)).IgnoreError();
  return nullptr;
}

void Delivery::WaitUntilGoExpires() const {
  if (!go_unanswered_since_.has_value()) return;
  // Whoever holds the task next believes the instance when it says that there is no run. So the
  // lease, which is good for as long, is not given up while "go" may still be taken: it may be in a
  // pipe of an sshd, or the runner may not have been scheduled.
  std::this_thread::sleep_until(*go_unanswered_since_ + go_limit_ + kRunnerLimit);
}

bool Delivery::Reuse() {
  session_ = context_.sessions->Take(assignment_.instance_id(), TargetOf(assignment_));
  if (session_ == nullptr) return false;
  Metrics().reused.Increment();
  on_socket_(session_->first_socket());
  LONGSHORE_FAIL_POINT("worker.connecting");
  return true;
}

bool Delivery::MayReconnect(const absl::Status& status) const {
  return absl::IsUnavailable(status) && !told_to_go_ && session_ != nullptr &&
         session_->IsSuspect() && context_.leases->IsValid(key_);
}

void Delivery::GiveBackSession() {
  on_socket_(-1);
  context_.sessions->Put(assignment_.instance_id(), std::move(session_));
}

void Delivery::DropSession() {
  on_socket_(-1);
  session_.reset();
}

absl::Status Delivery::Connect() {
  const auto key = ssh::KeyOf(context_.keys, assignment_.project());
  if (!key.ok()) {
    return Counted("login", assignment_.traceparent(), [&key] { return key.status(); });
  }
  ASSIGN_OR_RETURN(auto session, Counted("connect", assignment_.traceparent(),
                                         [&] { return OpenSession(**key); }));
  Metrics().round_trips.Observe(std::chrono::duration<double>(session->round_trip()).count());
  RETURN_IF_ERROR(
      Counted("login", assignment_.traceparent(), [&] { return session->Login(**key); }));
  session_ = std::move(session);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ssh::Session>> Delivery::OpenSession(const ssh::PrivateKey& key) {
  const auto pin = [this](const std::string& host_key) {
    return context_.pin_host_key(key_, host_key);
  };
  return ssh::Connect(TargetOf(assignment_), key, context_.dialer, pin, on_socket_);
}

absl::Status Delivery::Upload() {
  return Counted("upload", assignment_.traceparent(), [this] { return SendScript(); });
}

absl::Status Delivery::SendScript() {
  ASSIGN_OR_RETURN(const ScriptCache::Content content,
                   context_.scripts->Get(assignment_.script_sha256(), kScriptLimit));
  // One that was stopped past its lease, while it connected, must not send for nobody.
  if (!context_.leases->WaitValid(key_, kLeaseForUpload, kLeaseLimit)) {
    return ssh::Unreachable("the lease could not be confirmed before the transfer");
  }
  // A runner that waits at the end of a connection that broke removes its own upload when it
  // notices.
  std::string suffix = std::to_string(key_.task_id) + "-" + std::to_string(key_.lease_epoch);
  if (uploads_ > 0) suffix += "-" + std::to_string(uploads_);
  const ssh::UploadOptions options{
      .owner = UploadOwner(assignment_),
      .suffix = suffix,
      .is_first = assignment_.first_lease() && assignment_.transfer() && uploads_ == 0,
      .wanted = [this] { return context_.leases->IsValid(key_); }};
  ++uploads_;
  ASSIGN_OR_RETURN(const ssh::UploadedFile file,
                   session_->Upload(assignment_.remote_path(), *content, options));
  Metrics().script_bytes.Increment(static_cast<double>(content->size()));
  assignment_.set_remote_path(file.path);
  upload_ = file.temporary;
  return absl::OkStatus();
}

void Delivery::ReportTransferred() {
  if (upload_.empty()) return;
  upload_.clear();
  v1::TaskEvent event;
  event.mutable_transferred()->set_remote_path(assignment_.remote_path());
  context_.outbox->Add(key_, std::move(event));
}

absl::StatusOr<RunnerRecord> Delivery::NextRecord() {
  std::optional<RunnerRecord> early;
  const auto deadline = std::chrono::steady_clock::now() + context_.dialer.timeouts.command;
  while (true) {
    std::string bytes;
    ASSIGN_OR_RETURN(const bool open, session_->Read(ssh::Session::Stream::kError, &bytes));
    const std::vector<RunnerRecord> records = run_->records.Add(bytes);
    // The runner says one thing, then waits or follows; what comes after "running" is the
    // follower's. The end of a script that ends at once is told by another process, and may come
    // first.
    const auto answer = std::find_if_not(records.begin(), records.end(), [this](const auto& r) {
      return told_to_go_ && IsOfTheEnd(r.kind);
    });
    for (auto record = records.begin(); record != answer; ++record) {
      run_->Apply(*record);
      early = *record;
    }
    if (answer != records.end()) {
      if (answer->kind == Kind::kRunning) {
        for (auto record = answer + 1; record != records.end(); ++record) run_->Apply(*record);
      }
      return *answer;
    }
    if (!open && early.has_value()) return *early;
    if (!open && told_to_start_) {
      return ssh::Unreachable("the remote runner ended before it said what became of the start");
    }
    if (!open && assignment_.become() && ssh::IsSaidBySudo(run_->records.noise())) {
      return ssh::SudoRefused(assignment_.ssh_user(), run_->records.noise());
    }
    if (!open) {
      return ssh::InternalFailure("the remote runner ended without a word; the instance said: " +
                                  run_->records.noise());
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || (bytes.empty() && !session_->WaitReadable(left))) {
      if (early.has_value()) return *early;
      return ssh::Unreachable("the remote runner did not answer in time");
    }
  }
}

absl::Status Delivery::Go() {
  // The runner refuses a "go" that comes later than go_limit_ after its "ready", so a lease that is
  // good for longer than that now is good at the start, wherever this process or the link may be
  // held up from here on.
  const auto needed = go_limit_ + kRunnerLimit;
  if (!context_.leases->WaitValid(key_, needed, go_limit_)) {
    return ssh::Unreachable("the lease could not be confirmed before the start");
  }
  told_to_start_ = assignment_.execute();
  told_to_go_ = true;
  go_unanswered_since_ = std::chrono::steady_clock::now();
  return session_->Write("go\n");
}

absl::StatusOr<RunnerRecord> Delivery::StartRunner(RunnerMode mode) {
  return Counted("start", assignment_.traceparent(), [this, mode] { return AskRunner(mode); });
}

absl::StatusOr<RunnerRecord> Delivery::AskRunner(RunnerMode mode) {
  go_limit_ = context_.lease_duration() / 4;
  told_to_go_ = false;
  const std::string nonce = RandomNonce();
  run_ = std::make_unique<RemoteRun>(RemoteRun{
      .assignment = assignment_, .records = RecordReader(nonce), .output = OutputReader(nonce)});
  const RunnerRequest request{.mode = mode,
                              .nonce = nonce,
                              .remote_path = assignment_.remote_path(),
                              .go_limit = go_limit_,
                              .upload = upload_};
  const RunnerCommandLine runner = RunnerCommand(assignment_, request);
  RETURN_IF_ERROR(session_->Execute(runner.command, runner.input));
  ASSIGN_OR_RETURN(const RunnerRecord record, NextRecord());
  if (record.kind != Kind::kReady || context_.cancelled(key_)) return record;
  LONGSHORE_FAIL_POINT("worker.ready");
  RETURN_IF_ERROR(Go());
  ASSIGN_OR_RETURN(const RunnerRecord answer, NextRecord());
  go_unanswered_since_.reset();
  return answer;
}

absl::StatusOr<std::unique_ptr<RemoteRun>> Delivery::MakeRemoteRun(const RunnerRecord& running) {
  LONGSHORE_FAIL_POINT("worker.started");
  is_running_ = true;
  ReportTransferred();
  v1::TaskEvent event;
  event.mutable_executing();
  context_.outbox->Add(key_, std::move(event));
  RETURN_IF_ERROR(CheckOffset(assignment_, running.offset));
  if (!run_->violation.empty()) return ProtocolViolation(run_->violation);
  run_->assignment = assignment_;
  run_->next_offset = running.offset;
  run_->command = std::make_unique<ssh::PooledCommand>(context_.sessions, assignment_.instance_id(),
                                                       std::move(session_));
  return std::move(run_);
}

absl::StatusOr<std::unique_ptr<RemoteRun>> Delivery::TryDeliver() {
  // Where nobody can have started it there is nothing to stop.
  if (context_.cancelled(key_) && !assignment_.executing() &&
      (assignment_.first_lease() || !assignment_.execute())) {
    return End(CancelledEvent());
  }
  if (Reuse()) {
    auto run = DeliverOverSession();
    if (run.ok() || !MayReconnect(run.status())) return run;
    DropSession();
    upload_.clear();
  }
  RETURN_IF_ERROR(Connect());
  return DeliverOverSession();
}

absl::StatusOr<std::unique_ptr<RemoteRun>> Delivery::DeliverOverSession() {
  // A later holder looks for the run of an earlier one before it sends anything.
  if (assignment_.transfer() && (assignment_.first_lease() || !assignment_.execute())) {
    RETURN_IF_ERROR(Upload());
  }
  RunnerMode mode = RunnerMode::kStart;
  if (!assignment_.execute()) {
    mode = RunnerMode::kPlace;
  } else if (assignment_.executing() || context_.cancelled(key_)) {
    mode = RunnerMode::kAttach;
  }
  LONGSHORE_FAIL_POINT("worker.uploaded");
  ASSIGN_OR_RETURN(RunnerRecord record, StartRunner(mode));
  if (record.kind == Kind::kNeedScript && upload_.empty()) {
    session_->CloseChannel();
    RETURN_IF_ERROR(Upload());
    ASSIGN_OR_RETURN(record, StartRunner(mode));
  }
  return Conclude(mode, record);
}

absl::Status Delivery::CheckAnswer(RunnerMode mode, const RunnerRecord& record) const {
  if (record.kind == Kind::kMalformed) return ProtocolViolation("a record '" + record.text + "'");
  // "ready" is said once, and not again in answer to "go".
  if (!MaySay(mode, record.kind) || (record.kind == Kind::kReady && told_to_go_)) {
    return ProtocolViolation("a record '" + std::string(RecordWord(record.kind)) +
                             "' that is no answer to what the remote runner was asked");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RemoteRun>> Delivery::Conclude(RunnerMode mode,
                                                              const RunnerRecord& record) {
  RETURN_IF_ERROR(CheckAnswer(mode, record));
  switch (record.kind) {
    case Kind::kRunning:
      return MakeRemoteRun(record);
    case Kind::kPlaced: {
      ReportTransferred();
      GiveBackSession();
      v1::TaskEvent event;
      event.mutable_finished()->set_status(v1::PAYLOAD_STATUS_TRANSFERRED);
      return End(std::move(event));
    }
    case Kind::kNotPlaced:
      told_to_start_ = false;
      return ssh::TransferFailed("rename to " + assignment_.remote_path() + ": " + record.text);
    case Kind::kReady:  // Cancelled meanwhile; it was never told to go.
      return End(CancelledEvent());
    case Kind::kAbsent:
      if (!assignment_.executing()) return End(CancelledEvent());
      return End(FinishedEvent(assignment_, {.kind = Kind::kLost},
                               {.next_offset = assignment_.output_offset()}));
    case Kind::kRefused:
      told_to_start_ = false;
      return ssh::RemotePathRefused(record.text);
    case Kind::kError:
      told_to_start_ = false;
      return ssh::InternalFailure("the run could not be set up on the instance: " + record.text);
    case Kind::kNeedScript:
      return ssh::Unreachable("the script was changed on the instance during its delivery");
    default:
      return ssh::Unreachable(
          "the start came too late, or somebody else is starting the run; trying again");
  }
}

absl::Status Delivery::Clean() {
  if (Reuse()) {
    absl::Status status = CleanOverSession();
    if (!absl::IsUnavailable(status)) return status;
    DropSession();
  }
  RETURN_IF_ERROR(Connect());
  return CleanOverSession();
}

absl::Status Delivery::CleanOverSession() {
  ASSIGN_OR_RETURN(const RunnerRecord record, StartRunner(RunnerMode::kClean));
  RETURN_IF_ERROR(CheckAnswer(RunnerMode::kClean, record));
  if (record.kind == Kind::kCleaned) {
    GiveBackSession();
    return absl::OkStatus();
  }
  return ssh::InternalFailure("the run directory could not be removed: " + record.text);
}

}  // namespace longshore::run
