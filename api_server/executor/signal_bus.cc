#include "api_server/executor/signal_bus.h"

#include <glog/logging.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <charconv>
#include <random>
#include <utility>

#include "common/backoff.h"

namespace longshore::executor {
namespace {

constexpr char kChannel[] = "longshore";
constexpr size_t kMaxNotifyBytes = 7900;  // PostgreSQL takes less than 8,000.
// At most one NOTIFY in this time; what is said meanwhile goes with the next. Each is a transaction
// that every other one which notifies waits for.
constexpr std::chrono::milliseconds kNotifyInterval{50};
// How often to look who listens. Who begins to says so; an api_server of a version before this does
// not, and one that has ended does not either.
constexpr std::chrono::seconds kLookInterval{30};
constexpr std::chrono::seconds kHelloRetry{1};
constexpr BackoffOptions kReconnect{.initial = std::chrono::milliseconds(200),
                                    .maximum = std::chrono::milliseconds(3000)};

// What may have changed since nobody was told.
const SignalSet kEverything{.tasks_due = true, .instances = true, .all_payloads = true};

std::string RandomOrigin() {
  std::random_device device;
  return std::to_string((static_cast<uint64_t>(device()) << 32) | device());
}

std::string IdList(char kind, const std::set<int64_t>& ids) {
  std::string text = {' ', kind};
  for (int64_t id : ids) {
    if (text.size() > 2) text.push_back(',');
    text += std::to_string(id);
  }
  return text;
}

void ParseIds(std::string_view list, std::set<int64_t>* ids) {
  const char* at = list.data();
  const char* end = at + list.size();
  while (at < end) {
    int64_t id = 0;
    const auto parsed = std::from_chars(at, end, id);
    if (parsed.ec != std::errc()) return;
    ids->insert(id);
    at = parsed.ptr + 1;
  }
}

void Merge(const SignalSet& from, SignalSet* into) {
  into->tasks_due |= from.tasks_due;
  into->payload_tasks_due |= from.payload_tasks_due;
  into->instances |= from.instances;
  into->all_payloads |= from.all_payloads;
  into->hello |= from.hello;
  into->payloads.insert(from.payloads.begin(), from.payloads.end());
  into->cancels.insert(from.cancels.begin(), from.cancels.end());
  into->recalls.insert(from.recalls.begin(), from.recalls.end());
}

}  // namespace

std::string EncodeSignals(std::string_view origin, const SignalSet& signals) {
  std::string text(origin);
  if (signals.hello) text += " h";
  if (signals.tasks_due || signals.payload_tasks_due) text += " t";
  if (signals.instances) text += " i";
  for (const auto& [kind, ids] :
       {std::pair('c', &signals.cancels), std::pair('r', &signals.recalls)}) {
    if (ids->empty()) continue;
    const std::string list = IdList(kind, *ids);
    // Too many to name: the next heartbeat of their workers tells them.
    if (text.size() + list.size() < kMaxNotifyBytes / 2) text += list;
  }
  if (signals.all_payloads) return text + " p*";
  if (!signals.payloads.empty()) {
    const std::string payloads = IdList('p', signals.payloads);
    text += text.size() + payloads.size() < kMaxNotifyBytes ? payloads : " p*";
  }
  return text;
}

bool DecodeSignals(std::string_view text, std::string_view own_origin, SignalSet* signals) {
  size_t space = text.find(' ');
  if (space == std::string_view::npos || text.substr(0, space) == own_origin) return false;
  while (space != std::string_view::npos) {
    text.remove_prefix(space + 1);
    space = text.find(' ');
    const std::string_view part = text.substr(0, space);
    if (part == "h") signals->hello = true;
    if (part == "t") signals->tasks_due = true;
    if (part == "i") signals->instances = true;
    if (part == "p*") signals->all_payloads = true;
    if (part.size() > 1 && part[0] == 'p' && part[1] != '*') {
      ParseIds(part.substr(1), &signals->payloads);
    }
    if (part.size() > 1 && part[0] == 'c') ParseIds(part.substr(1), &signals->cancels);
    if (part.size() > 1 && part[0] == 'r') ParseIds(part.substr(1), &signals->recalls);
  }
  return true;
}

SignalBus::SignalBus(storage::Database* database, std::function<void(const SignalSet&)> handler)
    : database_(*database),
      handler_(std::move(handler)),
      origin_(RandomOrigin()),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      sender_([this] { SendLoop(); }),
      listener_([this] { ListenLoop(); }) {}

SignalBus::~SignalBus() {
  Shutdown();
  close(wake_fd_);
}

void SignalBus::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  eventfd_write(wake_fd_, 1);
  if (sender_.joinable()) sender_.join();
  if (listener_.joinable()) listener_.join();
}

bool SignalBus::stopping() {
  MutexLock lock(&mutex_);
  return stopping_;
}

void SignalBus::TasksDue() { Publish({.tasks_due = true}); }

void SignalBus::PayloadTasksDue() { Publish({.payload_tasks_due = true}); }

void SignalBus::PayloadsChanged(const std::vector<int64_t>& payload_ids) {
  Publish({.payloads = {payload_ids.begin(), payload_ids.end()}});
}

void SignalBus::InstancesChanged() { Publish({.instances = true}); }

void SignalBus::CancelRequested(const std::vector<int64_t>& task_ids) {
  Publish({.cancels = {task_ids.begin(), task_ids.end()}});
}

void SignalBus::RecallRequested(const std::vector<int64_t>& task_ids) {
  Publish({.recalls = {task_ids.begin(), task_ids.end()}});
}

void SignalBus::Publish(const SignalSet& signals) {
  handler_(signals);
  Tell(signals);
}

void SignalBus::Tell(const SignalSet& signals) {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;
    Merge(signals, &pending_);
  }
  changed_.NotifyAll();
}

bool SignalBus::IsAlone() {
  MutexLock lock(&mutex_);
  return alone_;
}

bool SignalBus::OthersListen() {
  int pid = 0;
  int64_t heard = 0;
  {
    MutexLock lock(&mutex_);
    if (listener_pid_ == 0) return true;
    if (std::chrono::steady_clock::now() < look_at_) return !alone_;
    pid = listener_pid_;
    heard = heard_;
  }
  const auto others = database_.HasOtherListeners(kChannel, pid);
  MutexLock lock(&mutex_);
  look_at_ = std::chrono::steady_clock::now() + kLookInterval;
  const bool was_alone = alone_;
  // Who was heard of meanwhile may have come too late for the look.
  alone_ = others.ok() && !*others && heard_ == heard && listener_pid_ == pid;
  // They may have begun to listen before something that was not sent.
  if (was_alone && !alone_) Merge(kEverything, &pending_);
  return !alone_;
}

void SignalBus::Hear(const SignalSet& signals) {
  bool was_alone = false;
  {
    MutexLock lock(&mutex_);
    ++heard_;
    was_alone = std::exchange(alone_, false);
  }
  if (was_alone) Tell(kEverything);
  if (!signals.empty()) handler_(signals);
}

void SignalBus::SendLoop() {
  auto next = std::chrono::steady_clock::now();
  while (true) {
    SignalSet signals;
    {
      MutexLock lock(&mutex_);
      while (pending_.empty() && !stopping_) changed_.Wait(&mutex_);
      while (!stopping_ && std::chrono::steady_clock::now() < next) {
        changed_.WaitUntil(&mutex_, next);
      }
      if (pending_.empty()) return;
      std::swap(signals, pending_);
    }
    next = std::chrono::steady_clock::now() + kNotifyInterval;
    if (!signals.hello && !OthersListen()) continue;
    const bool told = database_.Notify(kChannel, EncodeSignals(origin_, signals)).ok();
    // But for a hello it is not worth a retry: listeners look again by themselves, and at
    // everything after a reconnect.
    if (told || !signals.hello) continue;
    Tell({.hello = true});
    next = std::chrono::steady_clock::now() + kHelloRetry;
  }
}

void SignalBus::ListenLoop() {
  int failures = 0;
  while (!stopping()) {
    ListenOnce();
    const auto deadline =
        std::chrono::steady_clock::now() + BackoffDelay(kReconnect, ++failures, UniformRandom());
    MutexLock lock(&mutex_);
    while (!stopping_ && std::chrono::steady_clock::now() < deadline) {
      changed_.WaitUntil(&mutex_, deadline);
    }
  }
}

void SignalBus::ListenOnce() {
  auto connection = storage::Connection::Open(database_.url());
  if (!connection.ok()) return;
  if (!(*connection)->ExecuteScript(std::string("LISTEN ") + kChannel).ok()) return;
  {
    MutexLock lock(&mutex_);
    listener_pid_ = (*connection)->pid();
    look_at_ = {};
  }
  Tell({.hello = true});
  // Whatever was said while nobody listened.
  handler_(kEverything);
  while (!stopping()) {
    const auto notifications = (*connection)->WaitForNotifications(wake_fd_);
    if (!notifications.ok()) {
      LOG(WARNING) << "listening for notifications: " << notifications.status();
      break;
    }
    SignalSet signals;
    bool heard = false;
    for (const auto& notification : *notifications) {
      heard |= DecodeSignals(notification.payload, origin_, &signals);
    }
    if (heard) Hear(signals);
  }
  MutexLock lock(&mutex_);
  if (stopping_) return;  // What is left to be sent concerns who is known.
  listener_pid_ = 0;
  // Somebody's hello may have gone unheard.
  if (std::exchange(alone_, false)) Merge(kEverything, &pending_);
  changed_.NotifyAll();
}

}  // namespace longshore::executor
