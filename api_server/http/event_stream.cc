#include "api_server/http/event_stream.h"

#include <chrono>
#include <utility>

#include "api_server/http/error_json.h"
#include "api_server/http/json_mapper.h"
#include "common/mutex.h"

namespace longshore::api_http {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Proxies and clients give up what is silent for a minute or so.
constexpr std::chrono::seconds kHeartbeatPeriod{15};

std::string EventText(const std::string& id, const std::string& name, const Json& data) {
  const std::string id_line = id.empty() ? "" : "id: " + id + "\n";
  return id_line + "event: " + name + "\ndata: " + Text(data) + "\n\n";
}

// The one field of an event that is set.
std::string NameOf(const Message& event) {
  const FieldDescriptor* field =
      event.GetReflection()->GetOneofFieldDescriptor(event, event.GetDescriptor()->oneof_decl(0));
  return field == nullptr ? "event" : field->name();
}

// Between a watch and a client: it asks for an event when the one before has been sent.
class EventStream : public http::StreamClient,
                    public RpcStreamReader,
                    public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(std::unique_ptr<EventSequence> sequence, std::shared_ptr<http::Exchange> exchange)
      : sequence_(std::move(sequence)), exchange_(std::move(exchange)) {}

  void Start(RpcClient* rpc, const RpcCaller& caller) {
    std::shared_ptr<RpcStream> stream =
        rpc->Watch(sequence_->WatchMethod(), caller, sequence_->WatchRequest(), shared_from_this());
    if (stream == nullptr) return;  // OnEnd has been called.
    {
      MutexLock lock(&mutex_);
      stream_ = stream;
    }
    stream->Next();
  }

  void OnMessage(const Message& message) override {
    const std::optional<std::string> id = sequence_->Next(message);
    MutexLock lock(&mutex_);
    if (!id.has_value()) return stream_->Next();
    asked_ = false;
    pending_ = EventText(*id, NameOf(message), ToJson(message));
    Send();
  }

  void OnEnd(const absl::Status& status) override {
    MutexLock lock(&mutex_);
    stream_ = nullptr;
    if (gone_) return;
    if (!begun_ && !status.ok()) {  // The client has seen nothing yet.
      exchange_->Respond(ErrorResponse(status));
      return;
    }
    ended_ = true;
    pending_ += status.ok() ? EventText("", "end", Json::object())
                            : EventText("", "problem", RestError(status));
    Send();
  }

  void OnWritable() override {
    MutexLock lock(&mutex_);
    writable_ = true;
    Send();
  }

  void OnGone() override {
    std::shared_ptr<RpcStream> stream;
    {
      MutexLock lock(&mutex_);
      gone_ = true;
      stream = stream_;
    }
    if (stream != nullptr) stream->Cancel();
  }

 private:
  void Send() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!begun_) {
      begun_ = true;
      exchange_->Begin(
          {.headers = {{"content-type", "text/event-stream"}, {"x-accel-buffering", "no"}}},
          shared_from_this(), {.text = ": alive\n\n", .period = kHeartbeatPeriod});
      return;
    }
    if (!writable_) return;
    if (!pending_.empty()) {
      writable_ = false;
      exchange_->Write(std::exchange(pending_, ""));
    } else if (ended_) {
      exchange_->End();
    } else if (stream_ != nullptr && !asked_) {
      asked_ = true;
      stream_->Next();
    }
  }

  const std::unique_ptr<EventSequence> sequence_;
  const std::shared_ptr<http::Exchange> exchange_;
  Mutex mutex_;
  std::shared_ptr<RpcStream> stream_ ABSL_GUARDED_BY(mutex_);  // Null when it has ended.
  std::string pending_ ABSL_GUARDED_BY(mutex_);
  bool begun_ ABSL_GUARDED_BY(mutex_) = false;
  bool writable_ ABSL_GUARDED_BY(mutex_) = false;
  bool asked_ ABSL_GUARDED_BY(mutex_) = true;  // For the next event, as Start does.
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

void StreamEvents(RpcClient* rpc, const RpcCaller& caller, std::unique_ptr<EventSequence> sequence,
                  std::shared_ptr<http::Exchange> exchange) {
  const bool at_end =
      sequence->Resume(std::string(http::HeaderValue(exchange->request(), "last-event-id")));
  if (!at_end) {
    std::make_shared<EventStream>(std::move(sequence), std::move(exchange))->Start(rpc, caller);
    return;
  }
  // An EventSource comes again after the end, until it is told that there is no more.
  const google::protobuf::MethodDescriptor& method = sequence->GetMethod();
  std::unique_ptr<Message> request = sequence->GetRequest();
  auto shared = std::make_shared<std::unique_ptr<EventSequence>>(std::move(sequence));
  rpc->Call(method, caller, std::move(request),
            [rpc, caller, shared, exchange](const absl::Status& status,
                                            std::unique_ptr<Message> resource) {
              if (!status.ok()) {
                exchange->Respond(ErrorResponse(status));
              } else if ((*shared)->HasEnded(*resource)) {
                exchange->Respond({.status = 204});
              } else {
                std::make_shared<EventStream>(std::move(*shared), exchange)->Start(rpc, caller);
              }
            });
}

}  // namespace longshore::api_http
