#include "payload_worker/run/follower.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "common/fail_point.h"
#include "common/status.h"
#include "payload_worker/run/runner_command.h"

namespace longshore::run {
namespace {

using Kind = RunnerRecord::Kind;
using std::chrono::steady_clock;

// A connection may look alive to TCP while nobody at its other end answers: a frozen sshd,
// something on the way that swallows. So a runner that is silent for a while is asked, and has to
// answer.
constexpr std::chrono::seconds kAskAfter{45};
constexpr std::chrono::seconds kSilenceLimit{90};
constexpr std::chrono::seconds kSilenceCheck{10};

}  // namespace

Follower::Follower(Outbox* outbox, std::function<void(const LeaseKey& key)> on_done)
    : outbox_(*outbox),
      on_done_(std::move(on_done)),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event = {.events = EPOLLIN, .data = {.fd = wake_fd_}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event);
  thread_ = std::thread([this] { Loop(); });
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

void Follower::Add(std::unique_ptr<Run> run) {
  // std::function wants to be copied.
  auto shared = std::make_shared<std::unique_ptr<Run>>(std::move(run));
  Post([this, shared] {
    Run* added = shared->get();
    added->heard_at = steady_clock::now();
    added->session->SetNonBlocking();
    const LeaseKey key = added->key();
    const int fd = added->session->fd();
    epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
    epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);
    keys_by_fd_[fd] = key;
    runs_[key] = std::move(*shared);
    PumpUntilIdle(key);
  });
}

void Follower::Cancel(const LeaseKey& key) {
  Post([this, key] {
    Run* run = Find(key);
    if (run == nullptr || run->finished) return;
    if (const absl::Status status = run->session->Write("cancel\n"); !status.ok()) {
      LoseContact(run, status);
    }
    PumpUntilIdle(key);
  });
}

void Follower::Clean(const LeaseKey& key) {
  Post([this, key] {
    Run* run = Find(key);
    if (run != nullptr && !run->session->Write("clean\n").ok()) Remove(key);
    PumpUntilIdle(key);
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

void Follower::RunCommands() {
  std::deque<Command> commands;
  {
    MutexLock lock(&mutex_);
    commands.swap(commands_);
  }
  for (const Command& command : commands) command();
}

void Follower::Wake() { eventfd_write(wake_fd_, 1); }

int Follower::WaitForEvents(std::array<epoll_event, 256>* events, bool more) {
  const int limit =
      runs_.empty() ? -1 : static_cast<int>(std::chrono::milliseconds(kSilenceCheck).count());
  if (outbox_.Full()) {
    // Nothing is read: what the scripts print waits on their instances.
    pollfd wake = {.fd = wake_fd_, .events = POLLIN};
    if (poll(&wake, 1, limit) <= 0) return 0;
    (*events)[0] = {.events = EPOLLIN, .data = {.fd = wake_fd_}};
    return 1;
  }
  return epoll_wait(epoll_fd_, events->data(), static_cast<int>(events->size()), more ? 0 : limit);
}

void Follower::AskTheSilent() {
  const auto now = steady_clock::now();
  if (now < next_silence_check_) return;
  next_silence_check_ = now + kSilenceCheck;
  std::vector<Run*> gone;
  for (auto& [key, run] : runs_) {
    if (outbox_.Full()) run->heard_at = now;  // Nobody listens.
    const auto silent = now - run->heard_at;
    if (silent > kSilenceLimit) {
      gone.push_back(run.get());
    } else if (silent > kAskAfter && !run->asked) {
      run->asked = true;
      if (!run->session->Write("ping\n").ok()) gone.push_back(run.get());
    }
  }
  for (Run* run : gone) {
    LoseContact(run, absl::UnavailableError("the instance does not answer any more"));
  }
}

void Follower::Loop() {
  std::array<epoll_event, 256> events;
  std::set<LeaseKey> more;  // Runs with bytes left over from the last turn.
  while (true) {
    const int count = WaitForEvents(&events, !more.empty());
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
    }
    std::set<LeaseKey> ready;
    ready.swap(more);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == wake_fd_) {
        eventfd_t value;
        eventfd_read(wake_fd_, &value);
      } else if (const auto key = keys_by_fd_.find(events[i].data.fd); key != keys_by_fd_.end()) {
        ready.insert(key->second);
      }
    }
    RunCommands();
    AskTheSilent();
    ready.merge(unread_);
    unread_.clear();
    for (const LeaseKey& key : ready) {
      Run* run = Find(key);
      if (run != nullptr && Pump(run)) more.insert(key);
    }
  }
}

Run* Follower::Find(const LeaseKey& key) {
  const auto found = runs_.find(key);
  return found == runs_.end() ? nullptr : found->second.get();
}

void Follower::PumpUntilIdle(const LeaseKey& key) {
  while (Find(key) != nullptr && Pump(Find(key))) {
  }
}

bool Follower::Pump(Run* run) {
  const LeaseKey key = run->key();
  if (outbox_.Full()) {
    unread_.insert(key);
    return false;
  }
  std::string output;
  std::string errors;
  const uint64_t received = run->session->bytes_received();
  const auto output_open = run->session->Read(ssh::Session::Stream::kOutput, &output);
  TakeOutput(run, output);
  if (!output_open.ok()) {
    LoseContact(run, output_open.status());
    return false;
  }
  const auto errors_open = run->session->Read(ssh::Session::Stream::kError, &errors);
  if (run->session->bytes_received() != run->received) {
    run->received = run->session->bytes_received();
    run->heard_at = steady_clock::now();
    run->asked = false;
  }
  TakeRecords(run, errors);
  if (Find(key) == nullptr) return false;  // Cleaned and gone.
  FinishIfComplete(run);
  if (!errors_open.ok()) {
    LoseContact(run, errors_open.status());
    return false;
  }
  if (!*output_open || !*errors_open) {
    LoseContact(run, absl::UnavailableError("the remote runner ended before the run"));
    return false;
  }
  return !output.empty() || !errors.empty() || run->session->bytes_received() != received;
}

void Follower::TakeOutput(Run* run, std::string_view bytes) {
  const std::string_view printed = run->output.Add(bytes);
  if (printed.empty() || run->finished) return;
  LONGSHORE_FAIL_POINT("worker.printing");
  outbox_.AddOutput(run->key(), {OutputHead(run->assignment), OutputTail(run->assignment)},
                    run->next_offset, printed);
  run->next_offset += static_cast<int64_t>(printed.size());
}

void Follower::TakeRecords(Run* run, std::string_view bytes) {
  for (const RunnerRecord& record : run->records.Add(bytes)) {
    if (record.kind == Kind::kEnd || record.kind == Kind::kLost) {
      run->end = record;
    } else if (record.kind == Kind::kCleaned) {
      v1::TaskEvent event;
      event.mutable_cleaned()->set_payload_id(run->assignment.payload_id());
      event.mutable_cleaned()->set_attempt(run->assignment.attempt());
      outbox_.Add(run->key(), std::move(event));
      Remove(run->key());
      return;
    }
  }
}

void Follower::FinishIfComplete(Run* run) {
  if (run->finished || !run->end.has_value()) return;
  // Both streams of the channel have their own pace: the end may be told before the last output has
  // come.
  if (run->next_offset < run->end->output_size) return;
  LONGSHORE_FAIL_POINT("worker.finished");
  run->finished = true;
  outbox_.AddLast(run->key(), FinishedEvent(run->assignment, *run->end, run->next_offset));
}

void Follower::LoseContact(Run* run, const absl::Status& status) {
  const LeaseKey key = run->key();
  if (!run->finished) {
    outbox_.AddLast(key, RetryEvent(v1::FAILURE_REASON_UNREACHABLE, ToString(status)));
  }
  Remove(key);
}

void Follower::Remove(const LeaseKey& key) {
  const auto found = runs_.find(key);
  if (found == runs_.end()) return;
  const int fd = found->second->session->fd();
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  keys_by_fd_.erase(fd);
  runs_.erase(found);
  on_done_(key);
}

}  // namespace longshore::run
