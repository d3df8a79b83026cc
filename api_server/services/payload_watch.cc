#include "api_server/services/payload_watch.h"

#include <memory>
#include <optional>
#include <utility>

#include "api_server/domain/fields.h"
#include "api_server/services/watch_stream.h"
#include "common/payload_status.h"
#include "common/status_macros.h"
#include "storage/output_store.h"
#include "storage/payload_store.h"

namespace longshore::services {
namespace {

// Thousands of streams may each have one in memory, and by HTTP in base64 as well.
constexpr int64_t kMaxOutputPerEvent = 64 * 1024;

class PayloadSource : public WatchSource<v1::PayloadEvent> {
 public:
  PayloadSource(storage::Database* database, const v1::WatchPayloadRequest& request)
      : database_(*database),
        payload_id_(request.payload_id()),
        offset_(request.output_offset()),
        asked_attempt_(request.attempt()) {}

  absl::Status Open(const domain::Caller& caller) override {
    scope_ = caller.scope;
    RETURN_IF_ERROR(domain::CheckId("payload_id", payload_id_));
    if (offset_ < 0) {
      return domain::InvalidField("output_offset", std::to_string(offset_), "must not be negative");
    }
    if (asked_attempt_ >= 0) return absl::OkStatus();
    return domain::InvalidField("attempt", std::to_string(asked_attempt_), "must not be negative");
  }

  // All output comes before the event with the terminal status.
  absl::StatusOr<std::optional<v1::PayloadEvent>> Next() override {
    std::optional<storage::StoredPayload> stored;
    storage::OutputChunk chunk;
    RETURN_IF_ERROR(database_.Run([&](storage::Connection& connection) -> absl::Status {
      // The payload first: when it is terminal here, all of its output is there to be read next.
      ASSIGN_OR_RETURN(stored, storage::payload_store::Get(connection, *scope_, payload_id_));
      if (!stored.has_value()) return absl::OkStatus();
      if (asked_attempt_ != 0 && asked_attempt_ != stored->payload.attempt()) offset_ = 0;
      asked_attempt_ = 0;
      ASSIGN_OR_RETURN(chunk, storage::output_store::ReadFrom(connection, payload_id_, offset_,
                                                              kMaxOutputPerEvent));
      return absl::OkStatus();
    }));
    if (!stored.has_value()) return domain::PayloadNotFound(payload_id_);
    const v1::Payload& payload = stored->payload;
    if (attempt_ != 0 && attempt_ != payload.attempt()) {  // Retried: another output begins.
      offset_ = 0;
      return StatusEvent(payload);
    }
    const bool news = status_sent_ != payload.status();
    if (news && !IsTerminal(payload.status())) return StatusEvent(payload);
    if (!chunk.data.empty()) {
      v1::PayloadEvent event;
      event.mutable_output()->set_offset(chunk.offset);
      event.mutable_output()->set_attempt(payload.attempt());
      attempt_ = payload.attempt();
      offset_ = chunk.offset + static_cast<int64_t>(chunk.data.size());
      event.mutable_output()->set_data(std::move(chunk.data));
      return event;
    }
    if (news) return StatusEvent(payload);
    return std::nullopt;
  }

  bool IsLast(const v1::PayloadEvent& event) const override {
    return event.has_payload() && IsTerminal(event.payload().status());
  }

 private:
  v1::PayloadEvent StatusEvent(const v1::Payload& payload) {
    v1::PayloadEvent event;
    *event.mutable_payload() = payload;
    status_sent_ = payload.status();
    attempt_ = payload.attempt();
    return event;
  }

  storage::Database& database_;
  const int64_t payload_id_;
  std::optional<storage::Scope> scope_;
  int64_t offset_;
  int asked_attempt_;  // That offset_ counts in; 0 once that is settled.
  std::optional<v1::PayloadStatus> status_sent_;
  int attempt_ = 0;
};

}  // namespace

grpc::ServerWriteReactor<v1::PayloadEvent>* StartPayloadWatch(
    WatchHub* hub, Admission admission, const v1::WatchPayloadRequest& request) {
  return new WatchReactor<v1::PayloadEvent>(
      hub, std::move(admission), hub->OfPayload(request.payload_id()),
      std::make_unique<PayloadSource>(&hub->database(), request));
}

}  // namespace longshore::services
