#include "api_server/executor/round_loop.h"

#include <glog/logging.h>

#include <utility>

#include "common/backoff.h"

namespace longshore::executor {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr BackoffOptions kDatabaseAway{.initial = milliseconds(100), .maximum = milliseconds(2000)};

}  // namespace

RoundLoop::RoundLoop(std::string name, std::function<absl::StatusOr<milliseconds>()> round)
    : name_(std::move(name)), round_(std::move(round)), thread_([this] { Loop(); }) {}

RoundLoop::~RoundLoop() { Shutdown(); }

void RoundLoop::Wake() {
  {
    MutexLock lock(&mutex_);
    woken_ = true;
  }
  changed_.NotifyAll();
}

void RoundLoop::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void RoundLoop::Loop() {
  int failures = 0;
  while (true) {
    timer_.Begin();
    const auto round = round_();
    timer_.End();
    if (!round.ok()) LOG(WARNING) << name_ << ": " << round.status();
    failures = round.ok() ? 0 : failures + 1;
    const milliseconds wait =
        round.ok() ? *round : BackoffDelay(kDatabaseAway, failures, UniformRandom());
    const auto deadline = steady_clock::now() + wait;
    MutexLock lock(&mutex_);
    // While the database is away a signal changes nothing.
    while (!stopping_ && !(woken_ && failures == 0) && steady_clock::now() < deadline) {
      changed_.WaitUntil(&mutex_, deadline);
    }
    if (stopping_) return;
    woken_ = false;
  }
}

}  // namespace longshore::executor
