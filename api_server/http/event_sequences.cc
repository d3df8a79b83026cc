#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "api_server/http/event_stream.h"
#include "common/payload_status.h"
#include "http/target.h"

namespace longshore::api_http {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

// A change is stored at most so long after the time that it bears.
constexpr int64_t kLongestTransactionMs = 5 * 60 * 1000;

constexpr std::string_view kEnd = "end";

// The numbers of an id such as "2-1234" or "2-1234-end": `count` of them.
struct EventId {
  std::vector<int64_t> numbers;
  bool is_end = false;
};
std::optional<EventId> ReadEventId(const std::string& text, size_t count) {
  std::vector<std::string> parts = absl::StrSplit(text, '-');
  EventId id;
  if (parts.back() == kEnd) {
    id.is_end = true;
    parts.pop_back();
  }
  for (const std::string& part : parts) {
    const std::optional<int64_t> number = http::Integer(part);
    if (!number.has_value() || *number < 0) return std::nullopt;
    id.numbers.push_back(*number);
  }
  if (id.numbers.size() != count) return std::nullopt;
  return id;
}

// An id is ATTEMPT-OFFSET: the output of that attempt of the payload before this byte was sent.
class PayloadSequence : public EventSequence {
 public:
  explicit PayloadSequence(const v1::WatchPayloadRequest& request)
      : request_(request), attempt_(request.attempt()), offset_(request.output_offset()) {}

  bool Resume(const std::string& last_event_id) override {
    const std::optional<EventId> id = ReadEventId(last_event_id, 2);
    if (!id.has_value()) return false;
    request_.set_attempt(static_cast<int32_t>(id->numbers[0]));
    request_.set_output_offset(id->numbers[1]);
    attempt_ = id->numbers[0];
    offset_ = id->numbers[1];
    return id->is_end;
  }
  const MethodDescriptor& GetMethod() const override {
    return PublicMethod("PayloadService.GetPayloadStatus");
  }
  std::unique_ptr<Message> GetRequest() const override {
    auto request = std::make_unique<v1::GetPayloadStatusRequest>();
    request->set_payload_id(request_.payload_id());
    return request;
  }
  bool HasEnded(const Message& resource) const override {
    const auto& payload = static_cast<const v1::Payload&>(resource);
    return payload.attempt() == attempt_ && IsTerminal(payload.status());
  }
  std::unique_ptr<Message> WatchRequest() const override {
    return std::make_unique<v1::WatchPayloadRequest>(request_);
  }
  const MethodDescriptor& WatchMethod() const override {
    return PublicMethod("PayloadService.WatchPayload");
  }
  std::optional<std::string> Next(const Message& message) override {
    const auto& event = static_cast<const v1::PayloadEvent&>(message);
    const bool is_output = event.has_output();
    const int64_t attempt = is_output ? event.output().attempt() : event.payload().attempt();
    const int64_t before = std::exchange(attempt_, attempt);
    if (before != 0 && before != attempt) offset_ = 0;
    if (is_output) {
      offset_ = event.output().offset() + static_cast<int64_t>(event.output().data().size());
    }
    const bool is_end = event.has_payload() && IsTerminal(event.payload().status());
    return std::to_string(attempt_) + "-" + std::to_string(offset_) + (is_end ? "-end" : "");
  }

 private:
  v1::WatchPayloadRequest request_;
  int64_t attempt_;  // 0 when any would do, and none has been seen.
  int64_t offset_;
};

// An id is the time, in milliseconds since 1970, of the latest change of those that were sent;
// until every payload has been sent once it stays what it was, for they come in another order. A
// stream that is resumed leaves out what had changed long before.
class DeploymentSequence : public EventSequence {
 public:
  explicit DeploymentSequence(const v1::WatchDeploymentRequest& request) : request_(request) {}

  bool Resume(const std::string& last_event_id) override {
    const std::optional<EventId> id = ReadEventId(last_event_id, 1);
    if (!id.has_value()) return false;
    shown_ = latest_ = id->numbers[0];
    had_until_ = latest_ - kLongestTransactionMs;
    return id->is_end;
  }
  const MethodDescriptor& GetMethod() const override {
    return PublicMethod("PayloadService.GetDeployment");
  }
  std::unique_ptr<Message> GetRequest() const override {
    auto request = std::make_unique<v1::GetDeploymentRequest>();
    request->set_deployment_id(request_.deployment_id());
    return request;
  }
  bool HasEnded(const Message& resource) const override {
    return AllTerminal(static_cast<const v1::Deployment&>(resource).counts());
  }
  std::unique_ptr<Message> WatchRequest() const override {
    return std::make_unique<v1::WatchDeploymentRequest>(request_);
  }
  const MethodDescriptor& WatchMethod() const override {
    return PublicMethod("PayloadService.WatchDeployment");
  }
  std::optional<std::string> Next(const Message& message) override {
    const auto& event = static_cast<const v1::DeploymentEvent&>(message);
    if (event.has_payload()) {
      const int64_t changed =
          google::protobuf::util::TimeUtil::TimestampToMilliseconds(event.payload().updated_at());
      latest_ = std::max(latest_, changed);
      if (++payloads_ >= total_) shown_ = latest_;
      if (changed < had_until_) return std::nullopt;
    } else {
      total_ = event.deployment().counts().total();
    }
    const bool is_end = event.has_deployment() && AllTerminal(event.deployment().counts());
    return std::to_string(shown_) + (is_end ? "-end" : "");
  }

 private:
  const v1::WatchDeploymentRequest request_;
  int64_t total_ = 0;     // Payloads of the deployment.
  int64_t payloads_ = 0;  // Events of payloads; the first `total_` are one of each.
  int64_t latest_ = 0;
  int64_t shown_ = 0;
  int64_t had_until_ = 0;
};

}  // namespace

std::unique_ptr<EventSequence> PayloadEvents(const v1::WatchPayloadRequest& request) {
  return std::make_unique<PayloadSequence>(request);
}

std::unique_ptr<EventSequence> DeploymentEvents(const v1::WatchDeploymentRequest& request) {
  return std::make_unique<DeploymentSequence>(request);
}

}  // namespace longshore::api_http
