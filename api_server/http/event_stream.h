// GET .../events: a watch as text/event-stream, which goes on where Last-Event-ID says.
#ifndef LONGSHORE_API_SERVER_HTTP_EVENT_STREAM_H_
#define LONGSHORE_API_SERVER_HTTP_EVENT_STREAM_H_

#include <google/protobuf/message.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api_server/http/rpc_client.h"
#include "http/message.h"
#include "longshore/v1/payload_service.pb.h"

namespace longshore::api_http {

// What differs between the streams of payloads and of deployments. One thread at a time uses it.
class EventSequence {
 public:
  virtual ~EventSequence() = default;
  // Takes in a Last-Event-ID; what nobody has sent counts as none. Returns true when that was the
  // last event of its stream.
  virtual bool Resume(const std::string& last_event_id) = 0;
  // How the resource is got, and whether nothing has been added to its stream since the end that
  // Resume has taken in.
  virtual const google::protobuf::MethodDescriptor& GetMethod() const = 0;
  virtual std::unique_ptr<google::protobuf::Message> GetRequest() const = 0;
  virtual bool HasEnded(const google::protobuf::Message& resource) const = 0;
  // How it is watched.
  virtual const google::protobuf::MethodDescriptor& WatchMethod() const = 0;
  virtual std::unique_ptr<google::protobuf::Message> WatchRequest() const = 0;
  // Returns the id of an event; nullopt when the client has had it.
  virtual std::optional<std::string> Next(const google::protobuf::Message& event) = 0;
};

std::unique_ptr<EventSequence> PayloadEvents(const v1::WatchPayloadRequest& request);
std::unique_ptr<EventSequence> DeploymentEvents(const v1::WatchDeploymentRequest& request);

// Answers with the events of `sequence`: each has a message of the watch as its data, and is named
// after what is in it. After the last comes the event "end", or "problem" with an error as REST has
// it; whoever comes again after the end gets 204, which ends an EventSource.
void StreamEvents(RpcClient* rpc, const RpcCaller& caller, std::unique_ptr<EventSequence> sequence,
                  std::shared_ptr<http::Exchange> exchange);

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_EVENT_STREAM_H_
