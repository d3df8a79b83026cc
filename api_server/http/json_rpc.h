// JSON-RPC 2.0 over POST /rpc: the methods of the public services, in snake_case.
#ifndef LONGSHORE_API_SERVER_HTTP_JSON_RPC_H_
#define LONGSHORE_API_SERVER_HTTP_JSON_RPC_H_

#include <google/protobuf/descriptor.h>

#include <map>
#include <memory>
#include <string>

#include "api_server/http/rpc_client.h"
#include "http/message.h"

namespace longshore::api_http {

// A batch has no more requests, and one whose answers are so many bytes already calls no more.
inline constexpr size_t kMaxBatch = 100;
inline constexpr size_t kMaxBatchResultBytes = 4 << 20;

// Thread-safe. The requests of a batch are called one after the other, in their order.
class JsonRpc {
 public:
  explicit JsonRpc(RpcClient* rpc);

  // Answers a POST.
  void Handle(std::shared_ptr<http::Exchange> exchange, const RpcCaller& caller);

 private:
  class Run;

  RpcClient& rpc_;
  std::map<std::string, const google::protobuf::MethodDescriptor*> methods_;
};

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_JSON_RPC_H_
