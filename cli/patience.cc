#include "cli/patience.h"

#include "cli/server_error.h"
#include "common/backoff.h"

namespace longshore::cli {
namespace {

constexpr BackoffOptions kReconnect{.initial = std::chrono::milliseconds(200),
                                    .maximum = std::chrono::milliseconds(3000)};

bool IsPassing(const grpc::Status& status) {
  return status.ok() || status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::CANCELLED ||
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
}

}  // namespace

void Patience::OnOpen(TimePoint now) {
  if (failures_ == 0) silent_since_ = now;
}

void Patience::OnEvent() {
  heard_ = true;
  client_->Reached();
}

bool Patience::OnFailure(const grpc::Status& status, TimePoint now) {
  if (heard_) {
    heard_ = false;
    failures_ = 0;
    silent_since_ = now;
  }
  if (!IsPassing(status)) return false;
  if (IsAnswer(status)) client_->Reached();
  if (!client_->reached() || now - silent_since_ >= client_->deadline()) return false;
  next_try_ = now + BackoffDelay(kReconnect, ++failures_, UniformRandom());
  return true;
}

Patience::TimePoint Patience::event_due() const {
  return heard_ ? TimePoint::max() : silent_since_ + client_->deadline();
}

}  // namespace longshore::cli
