#include "api_server/services/payload_watch.h"

#include <deque>
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
        attempt_(request.attempt()) {}

  absl::Status Open(const domain::Caller& caller) override {
    scope_ = caller.scope;
    RETURN_IF_ERROR(domain::CheckId("payload_id", payload_id_));
    if (offset_ < 0) {
      return domain::InvalidField("output_offset", std::to_string(offset_), "must not be negative");
    }
    if (attempt_ >= 0) return absl::OkStatus();
    return domain::InvalidField("attempt", std::to_string(attempt_), "must not be negative");
  }

  // All output comes before the event with the terminal status.
  absl::StatusOr<std::optional<v1::PayloadEvent>> Next() override {
    std::optional<storage::StoredPayload> stored;
    storage::OutputChunk chunk;
    RETURN_IF_ERROR(database_.Run([&](storage::Connection& connection) -> absl::Status {
      // The payload first: when it is terminal here, all of its output is there to be read next.
      ASSIGN_OR_RETURN(stored, storage::payload_store::Get(connection, *scope_, payload_id_));
      if (!stored.has_value()) return absl::OkStatus();
      FollowAttempt(stored->payload.attempt());
      if (offset_ >= stored->payload.output_bytes()) return absl::OkStatus();
      ASSIGN_OR_RETURN(chunk, storage::output_store::ReadFrom(connection, payload_id_, offset_,
                                                              kMaxOutputPerEvent, attempt_));
      return absl::OkStatus();
    }));
    if (!stored.has_value()) return domain::PayloadNotFound(payload_id_);
    Take(stored->payload, std::move(chunk));
    return AtHand();
  }

  std::optional<v1::PayloadEvent> AtHand() override {
    if (at_hand_.empty()) return std::nullopt;
    v1::PayloadEvent event = std::move(at_hand_.front());
    at_hand_.pop_front();
    return event;
  }
  bool HasMore() const override { return !at_hand_.empty(); }
  bool SawAll() const override { return saw_all_; }

  bool IsLast(const v1::PayloadEvent& event) const override {
    return event.has_payload() && IsTerminal(event.payload().status());
  }

 private:
  void FollowAttempt(int attempt) {
    if (attempt_ != 0 && attempt_ != attempt) {  // Retried: another output begins.
      offset_ = 0;
      status_sent_.reset();
    }
    attempt_ = attempt;
  }

  // Puts at hand what a look has found.
  void Take(const v1::Payload& payload, storage::OutputChunk chunk) {
    const bool news = status_sent_ != payload.status();
    const bool ended = IsTerminal(payload.status());
    if (news && !ended) AddStatus(payload);
    const bool is_all = chunk.data.empty();
    if (!is_all) AddOutput(std::move(chunk));
    // What is missing within an output is never found.
    saw_all_ = is_all || offset_ >= payload.output_bytes();
    if (news && ended && saw_all_) AddStatus(payload);
  }

  void AddStatus(const v1::Payload& payload) {
    *at_hand_.emplace_back().mutable_payload() = payload;
    status_sent_ = payload.status();
  }

  void AddOutput(storage::OutputChunk chunk) {
    v1::PayloadOutput& output = *at_hand_.emplace_back().mutable_output();
    offset_ = chunk.offset + static_cast<int64_t>(chunk.data.size());
    output.set_offset(chunk.offset);
    output.set_attempt(attempt_);
    output.set_data(std::move(chunk.data));
  }

  storage::Database& database_;
  const int64_t payload_id_;
  std::optional<storage::Scope> scope_;
  int64_t offset_;
  int attempt_;  // That offset_ counts in; 0: whichever it is at the first look.
  std::optional<v1::PayloadStatus> status_sent_;  // Of that attempt.
  std::deque<v1::PayloadEvent> at_hand_;          // One with output and one with a status, at most.
  bool saw_all_ = false;
};

}  // namespace

grpc::ServerWriteReactor<v1::PayloadEvent>* StartPayloadWatch(
    WatchHub* hub, Admission admission, const v1::WatchPayloadRequest& request) {
  return new WatchReactor<v1::PayloadEvent>(
      hub, std::move(admission), hub->OfPayload(request.payload_id()),
      std::make_unique<PayloadSource>(&hub->database(), request));
}

}  // namespace longshore::services
