#include "payload_worker/run/follower.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "common/fail_point.h"
#include "common/output_limit.h"
#include "common/status.h"
#include "payload_worker/run/delivery_metrics.h"
#include "payload_worker/run/task_events.h"

namespace longshore::run {
namespace {

using Kind = RunnerRecord::Kind;
using std::chrono::steady_clock;

// A connection may look alive to TCP while nobody at its other end answers: a frozen sshd,
// something on the way that swallows. So a runner that is silent for a while is asked, and has
// to answer.
constexpr std::chrono::seconds kAskAfter{45};
constexpr std::chrono::seconds kSilenceLimit{90};
// Often, so that few are asked at once: ten thousand questions, and their answers, within a moment
// are more than the queues of a kernel hold (net.core.netdev_max_backlog).
constexpr std::chrono::seconds kSilenceCheck{1};
// An instance may talk on and never say that the run directory is gone.
constexpr std::chrono::seconds kCleanLimit{30};
// What of a connection may be neither output nor records: some for each packet, of which a byte of
// output may need one, and some besides. More is a flood, of SSH_MSG_IGNORE for example.
constexpr uint64_t kMaxOverheadFactor = 128;
constexpr uint64_t kMaxOverheadBytes = 16 << 20;

}  // namespace

Follower::Follower(Outbox* outbox, std::function<void(const LeaseKey& key)> on_done)
    : outbox_(*outbox),
      on_done_(std::move(on_done)),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event = {.events = EPOLLIN, .data = {.fd = wake_fd_}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event);
  thread_ = std::thread([this] { EventLoop(); });
}

Follower::~Follower() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
  runs_.clear();
  close(epoll_fd_);
  close(wake_fd_);
}

void Follower::Post(Command command) {
  {
    MutexLock lock(&mutex_);
    commands_.push_back(std::move(command));
  }
  Wake();
}

void Follower::Add(std::unique_ptr<RemoteRun> run) {
  // std::function wants to be copied.
  auto shared = std::make_shared<std::unique_ptr<RemoteRun>>(std::move(run));
  Post([this, shared] {
    RemoteRun* added = shared->get();
    added->heard_at = steady_clock::now();
    added->command->SetNonBlocking();
    const LeaseKey key = added->key();
    keys_by_fd_[added->command->fd()] = key;
    WatchSocket(*added);
    runs_[key] = std::move(*shared);
    ReadNextTurn(key);
  });
}

void Follower::Cancel(const LeaseKey& key) {
  Post([this, key] {
    RemoteRun* run = Find(key);
    if (run == nullptr || run->finished) return;
    if (const absl::Status status = run->command->Write("cancel\n"); !status.ok()) {
      LoseContact(run, status);
    }
    ReadNextTurn(key);
  });
}

void Follower::Clean(const LeaseKey& key) {
  Post([this, key] {
    RemoteRun* run = Find(key);
    if (run == nullptr) return;
    run->cleaning_since = steady_clock::now();
    if (!run->command->Write("clean\n").ok()) return Remove(key);
    ReadNextTurn(key);
  });
}

void Follower::Drop(const LeaseKey& key) {
  Post([this, key] { Remove(key); });
}

void Follower::ReleaseAll() {
  Post([this] {
    for (auto& [key, run] : runs_) {
      if (run->finished) continue;
      run->finished = true;
      v1::TaskEvent event;
      event.mutable_released();
      outbox_.AddLast(key, std::move(event));
    }
  });
}

void Follower::ExecuteCommands() {
  std::deque<Command> commands;
  {
    MutexLock lock(&mutex_);
    commands.swap(commands_);
  }
  for (const Command& command : commands) command();
}

void Follower::Wake() { eventfd_write(wake_fd_, 1); }

int Follower::WaitForEvents(std::array<epoll_event, 256>* events) {
  const int limit =
      runs_.empty() ? -1 : static_cast<int>(std::chrono::milliseconds(kSilenceCheck).count());
  const int count = epoll_wait(epoll_fd_, events->data(), static_cast<int>(events->size()),
                               unread_.empty() ? limit : 0);
  // Before anything that Wake is called for is looked at: a later Wake must end the next wait.
  eventfd_t value;
  eventfd_read(wake_fd_, &value);
  return count;
}

void Follower::CheckSilentRuns() {
  const auto now = steady_clock::now();
  if (now < next_silence_check_) return;
  next_silence_check_ = now + kSilenceCheck;
  std::vector<RemoteRun*> unreachable;
  std::vector<RemoteRun*> violating;
  std::vector<LeaseKey> uncleaned;
  for (auto& [key, run] : runs_) {
    if (paused_.count(key) > 0) run->heard_at = now;  // Nobody listens.
    const auto silent = now - run->heard_at;
    if (silent > kSilenceLimit) {
      unreachable.push_back(run.get());
    } else if (run->output_due_since.has_value() && paused_.count(key) == 0 &&
               now - *run->output_due_since > kSilenceLimit) {
      violating.push_back(run.get());
    } else if (run->cleaning_since.has_value() && now - *run->cleaning_since > kCleanLimit) {
      uncleaned.push_back(key);
    } else if (silent > kAskAfter && !run->ping_sent) {
      run->ping_sent = true;
      if (!run->command->Write("ping\n").ok()) unreachable.push_back(run.get());
    }
  }
  for (RemoteRun* run : unreachable) {
    LoseContact(run, absl::UnavailableError("the instance does not answer any more"));
  }
  for (const LeaseKey& key : uncleaned) Remove(key);  // The server has it done again.
  for (RemoteRun* run : violating) {
    EndAsViolation(
        run,
        ProtocolViolation("it has printed " + std::to_string(run->end->output_size) +
                          " bytes, and none come after byte " + std::to_string(run->next_offset)));
  }
}

void Follower::EventLoop() {
  std::array<epoll_event, 256> events;
  while (true) {
    timer_.End();
    const int count = WaitForEvents(&events);
    timer_.Begin();
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
    }
    ExecuteCommands();
    CheckSilentRuns();
    ResumePaused();
    std::set<LeaseKey> ready;
    ready.swap(unread_);
    for (int i = 0; i < count; ++i) {
      const auto key = keys_by_fd_.find(events[i].data.fd);
      if (key != keys_by_fd_.end()) ready.insert(key->second);
    }
    for (const LeaseKey& key : ready) {
      RemoteRun* run = Find(key);
      if (run != nullptr && ReadShare(run)) unread_.insert(key);
    }
  }
}

void Follower::Pause(RemoteRun* run) {
  if (!paused_.insert(run->key()).second) return;
  // Not only without its input: the end of a connection would be told again and again.
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, run->command->fd(), nullptr);
}

void Follower::WatchSocket(const RemoteRun& run) {
  epoll_event event = {.events = EPOLLIN, .data = {.fd = run.command->fd()}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, run.command->fd(), &event);
}

void Follower::ResumePaused() {
  for (auto key = paused_.begin(); key != paused_.end();) {
    RemoteRun* run = Find(*key);
    if (run != nullptr && outbox_.IsFull(*key)) {
      ++key;
      continue;
    }
    if (run != nullptr) {
      WatchSocket(*run);
      ReadNextTurn(*key);
    }
    key = paused_.erase(key);
  }
}

RemoteRun* Follower::Find(const LeaseKey& key) {
  const auto found = runs_.find(key);
  return found == runs_.end() ? nullptr : found->second.get();
}

bool Follower::ReadShare(RemoteRun* run) {
  const LeaseKey key = run->key();
  if (outbox_.IsFull(key)) {
    Pause(run);
    return false;
  }
  std::string output;
  std::string errors;
  const uint64_t received = run->command->bytes_received();
  const auto output_open = run->command->Read(ssh::RemoteCommand::Stream::kOutput, &output);
  HandleOutput(run, output);
  if (!output_open.ok()) {
    LoseContact(run, output_open.status());
    return false;
  }
  const auto errors_open = run->command->Read(ssh::RemoteCommand::Stream::kError, &errors);
  if (run->command->bytes_received() != run->received) {
    run->received = run->command->bytes_received();
    run->heard_at = steady_clock::now();
    run->ping_sent = false;
  }
  HandleRecords(run, errors);
  if (Find(key) == nullptr) return false;  // Cleaned and gone.
  if (!run->violation.empty() && !run->finished) {
    EndAsViolation(run, ProtocolViolation(run->violation));
    return false;
  }
  const bool more =
      !output.empty() || !errors.empty() || run->command->bytes_received() != received;
  // Of an output that was cut short nobody knows the end: it is over when nothing more comes.
  if (!run->output_missing || output.empty()) FinishIfComplete(run);
  if (!errors_open.ok()) {
    LoseContact(run, errors_open.status());
    return false;
  }
  if (!*output_open || !*errors_open) {
    LoseContact(run, absl::UnavailableError("the remote runner ended before the run"));
    return false;
  }
  if (run->command->bytes_received() >
      kMaxOverheadFactor * run->command->bytes_read() + kMaxOverheadBytes) {
    LoseContact(run, absl::UnavailableError("the instance floods its connection with what is no"
                                            " output"));
    return false;
  }
  return more;
}

void Follower::HandleOutput(RemoteRun* run, std::string_view bytes) {
  const std::string_view printed = run->output.Add(bytes);
  if (printed.empty() || run->finished) return;
  LONGSHORE_FAIL_POINT("worker.printing");
  outbox_.AddOutput(run->key(), OutputLimit(run->assignment.max_output_bytes()), run->next_offset,
                    printed);
  Metrics().output_bytes.Increment(static_cast<double>(printed.size()));
  run->next_offset += static_cast<int64_t>(printed.size());
  if (run->output_due_since.has_value()) run->output_due_since = steady_clock::now();
}

void Follower::HandleRecords(RemoteRun* run, std::string_view bytes) {
  for (const RunnerRecord& record : run->records.Add(bytes)) {
    run->Apply(record);
    // Only what has ended, and has been stored, is asked to be cleaned.
    if (record.kind == Kind::kCleaned && run->finished) {
      v1::TaskEvent event;
      event.mutable_cleaned()->set_payload_id(run->assignment.payload_id());
      event.mutable_cleaned()->set_attempt(run->assignment.attempt());
      outbox_.Add(run->key(), std::move(event));
      run->command->Finish();
      Remove(run->key());
      return;
    }
  }
}

void Follower::FinishIfComplete(RemoteRun* run) {
  if (run->finished || !run->end.has_value()) return;
  // Both streams of the channel have their own pace: the end may be told before the last output has
  // come.
  if (!run->OutputIsComplete()) {
    if (run->output_due_since.has_value()) return;
    run->output_due_since = steady_clock::now();
    v1::TaskEvent event;
    event.mutable_executing()->set_ended(true);
    outbox_.Add(run->key(), std::move(event));
    return;
  }
  LONGSHORE_FAIL_POINT("worker.finished");
  run->finished = true;
  outbox_.AddLast(run->key(),
                  FinishedEvent(run->assignment, *run->end,
                                {.next_offset = run->next_offset, .missing = run->output_missing}));
}

void Follower::EndAsViolation(RemoteRun* run, const absl::Status& violation) {
  const LeaseKey key = run->key();
  if (!run->finished) outbox_.AddLast(key, FailedEvent(violation, /*executed=*/true));
  Remove(key);
}

void Follower::LoseContact(RemoteRun* run, const absl::Status& status) {
  const LeaseKey key = run->key();
  if (!run->finished) {
    outbox_.AddLast(key, RetryEvent(v1::FAILURE_REASON_UNREACHABLE, ToString(status)));
  }
  Remove(key);
}

void Follower::Remove(const LeaseKey& key) {
  const auto found = runs_.find(key);
  if (found == runs_.end()) return;
  const int fd = found->second->command->fd();
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  keys_by_fd_.erase(fd);
  paused_.erase(key);
  unread_.erase(key);
  runs_.erase(found);
  on_done_(key);
}

}  // namespace longshore::run
