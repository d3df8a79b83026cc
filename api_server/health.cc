#include "api_server/health.h"

#include <utility>

namespace longshore {
namespace {

constexpr std::chrono::seconds kPeriod{2};
constexpr std::chrono::seconds kLongestCheck{3};

}  // namespace

Health::Health(std::function<absl::Status()> check, std::function<void(bool)> set_serving)
    : check_(std::move(check)),
      set_serving_(std::move(set_serving)),
      loop_("health", [this] { return Round(); }) {}

void Health::BeginDrain() {
  MutexLock lock(&mutex_);
  SetServing(false);
  draining_ = true;
  checked_.NotifyAll();
}

void Health::Shutdown() {
  BeginDrain();
  loop_.Shutdown();
  work_.Shutdown();
}

absl::StatusOr<std::chrono::milliseconds> Health::Round() {
  const auto deadline = std::chrono::steady_clock::now() + kLongestCheck;
  MutexLock lock(&mutex_);
  if (!checking_) {
    checking_ = true;
    work_.Add([this] { Check(); });
  }
  while (checking_ && !draining_ && std::chrono::steady_clock::now() < deadline) {
    checked_.WaitUntil(&mutex_, deadline);
  }
  SetServing(!checking_ && is_good_);
  return std::chrono::milliseconds(kPeriod);
}

void Health::Check() {
  const bool is_good = check_().ok();
  MutexLock lock(&mutex_);
  checking_ = false;
  is_good_ = is_good;
  checked_.NotifyAll();
}

void Health::SetServing(bool serving) {
  if (draining_ || serving == serving_) return;
  serving_ = serving;
  set_serving_(serving);
}

}  // namespace longshore
