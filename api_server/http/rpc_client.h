// Calls the public services of this process, as any client does: by a channel that leads through
// the same guard, limits and audit (docs/adr/0014-http-is-a-client.md).
#ifndef LONGSHORE_API_SERVER_HTTP_RPC_CLIENT_H_
#define LONGSHORE_API_SERVER_HTTP_RPC_CLIENT_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/mutex.h"

namespace longshore::api_http {

// Who calls, for the guard.
struct RpcCaller {
  std::vector<std::string> authorization;  // The values of that header.
  std::string peer;                        // Where the HTTP request comes from.
  std::vector<std::string> traceparent{};  // The values of that header.
};

// Returns the method of a public service, for example "PayloadService.GetPayloadStatus", which must
// be there.
const google::protobuf::MethodDescriptor& PublicMethod(std::string_view name);
// Returns all methods of the public services.
std::vector<const google::protobuf::MethodDescriptor*> PublicMethods();

// Returns an empty message of this type.
std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor& type);

// Gets the messages of a stream. Its functions are called one after the other.
class RpcStreamReader {
 public:
  virtual ~RpcStreamReader() = default;
  // The next message is wanted by RpcStream::Next.
  virtual void OnMessage(const google::protobuf::Message& message) = 0;
  // The last call.
  virtual void OnEnd(const absl::Status& status) = 0;
};

// A stream of messages. Thread-safe.
class RpcStream {
 public:
  virtual ~RpcStream() = default;
  // Asks for the next message. Only after OnMessage, or once at the beginning.
  virtual void Next() = 0;
  // Ends the stream; OnEnd still comes.
  virtual void Cancel() = 0;
};

// Thread-safe. Answers come on other threads, and must not be waited for there; refusals of Close
// may come at once.
class RpcClient {
 public:
  explicit RpcClient(std::shared_ptr<grpc::Channel> channel) : channel_(std::move(channel)) {}

  // The response is null when the status is an error.
  using Done =
      std::function<void(const absl::Status&, std::unique_ptr<google::protobuf::Message> response)>;
  // Calls a method that answers once. Errors: those of the method; DeadlineExceeded after a minute.
  void Call(const google::protobuf::MethodDescriptor& method, const RpcCaller& caller,
            std::unique_ptr<google::protobuf::Message> request, Done done);

  // Calls a method that answers by a stream, which begins with Next. Returns null after Close.
  std::shared_ptr<RpcStream> Watch(const google::protobuf::MethodDescriptor& method,
                                   const RpcCaller& caller,
                                   std::unique_ptr<google::protobuf::Message> request,
                                   std::shared_ptr<RpcStreamReader> reader);

  // From now on calls are Unavailable, and none reaches the channel: a server that shuts down takes
  // none over a channel within the process. Returns when those that begin just now have begun.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Returns false after Close; otherwise a call begins, until Begun.
  bool MayBegin() ABSL_LOCKS_EXCLUDED(mutex_);
  void Begun() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::shared_ptr<grpc::Channel> channel_;
  Mutex mutex_;
  CondVar begun_;
  int beginning_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_RPC_CLIENT_H_
