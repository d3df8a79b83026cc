#include "api_server/http/readiness.h"

#include <glog/logging.h>

#include <string>
#include <utility>

#include "api_server/http/error_json.h"
#include "common/status.h"

namespace longshore::api_http {
namespace {

constexpr std::chrono::seconds kLongestCheck{3};
constexpr char kDatabaseAway[] = "the database does not answer";

// Which pools lack a worker is not told to everybody.
void Answer(http::Exchange* exchange, const absl::StatusOr<int64_t>& lacking) {
  exchange->Respond(
      lacking.ok() ? JsonResponse(200, {{"ready", true}, {"pools_without_worker", *lacking}})
                   : JsonResponse(503, {{"ready", false}, {"why", ToString(lacking.status())}}));
}

}  // namespace

Readiness::Readiness(std::function<absl::StatusOr<int64_t>()> check) : check_(std::move(check)) {}

void Readiness::Handle(std::shared_ptr<http::Exchange> exchange) {
  absl::Status refusal;
  {
    MutexLock lock(&mutex_);
    if (draining_) {
      refusal = absl::UnavailableError("it is going away");
    } else if (checking_ && std::chrono::steady_clock::now() - begun_ > kLongestCheck) {
      refusal = absl::UnavailableError(kDatabaseAway);
    } else {
      waiting_.push_back(std::move(exchange));
      if (checking_) return;
      checking_ = true;
      begun_ = std::chrono::steady_clock::now();
    }
  }
  if (!refusal.ok()) return Answer(exchange.get(), refusal);
  work_.Add([this] { Check(); });
}

void Readiness::Check() {
  absl::StatusOr<int64_t> lacking = check_();
  if (absl::IsUnavailable(lacking.status())) {
    // Where the database is is nobody's business.
    LOG(WARNING) << "not ready: " << lacking.status();
    lacking = absl::UnavailableError(kDatabaseAway);
  }
  std::vector<std::shared_ptr<http::Exchange>> waiting;
  {
    MutexLock lock(&mutex_);
    checking_ = false;
    waiting.swap(waiting_);
  }
  for (const auto& exchange : waiting) Answer(exchange.get(), lacking);
}

void Readiness::BeginDrain() {
  MutexLock lock(&mutex_);
  draining_ = true;
}

void Readiness::Shutdown() {
  BeginDrain();
  work_.Shutdown();
  std::vector<std::shared_ptr<http::Exchange>> dropped;
  MutexLock lock(&mutex_);
  dropped.swap(waiting_);
}

}  // namespace longshore::api_http
