#include "common/service_notifier.h"

#include <systemd/sd-daemon.h>

#include <cstdint>
#include <cstdlib>
#include <utility>

namespace longshore {
namespace {

// Nothing depends on whether it comes through: who does not hear of the program ends it.
void Notify(const std::string& words) { sd_notify(/*unset_environment=*/0, words.c_str()); }

// A line feed would end the status and begin something else.
std::string StatusWord(std::string status) {
  for (char& c : status) {
    if (c == '\n') c = ' ';
  }
  return "STATUS=" + status;
}

}  // namespace

ServiceNotifier::ServiceNotifier(std::function<ServiceState()> look) : look_(std::move(look)) {}

ServiceNotifier::~ServiceNotifier() {
  {
    MutexLock lock(&mutex_);
    ended_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void ServiceNotifier::Ready() {
  if (std::getenv("NOTIFY_SOCKET") == nullptr) return;
  Notify("READY=1\n" + StatusWord(look_().status));
  uint64_t limit = 0;
  if (sd_watchdog_enabled(/*unset_environment=*/0, &limit) <= 0) return;
  thread_ = std::thread([this, limit] { Watch(std::chrono::microseconds(limit / 2)); });
}

void ServiceNotifier::Stopping(const std::string& status) {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  Notify("STOPPING=1\n" + StatusWord(status));
}

void ServiceNotifier::Watch(std::chrono::microseconds interval) {
  while (true) {
    Ping();
    const auto next = std::chrono::steady_clock::now() + interval;
    MutexLock lock(&mutex_);
    while (!ended_ && std::chrono::steady_clock::now() < next) changed_.WaitUntil(&mutex_, next);
    if (ended_) return;
  }
}

void ServiceNotifier::Ping() {
  const ServiceState state = look_();
  if (!state.alive) return;
  bool stopping = false;
  {
    MutexLock lock(&mutex_);
    stopping = stopping_;
  }
  Notify(stopping ? "WATCHDOG=1" : "WATCHDOG=1\n" + StatusWord(state.status));
}

}  // namespace longshore
