// REST: /api/v1/...
#ifndef LONGSHORE_API_SERVER_HTTP_REST_H_
#define LONGSHORE_API_SERVER_HTTP_REST_H_

#include <memory>
#include <string>
#include <vector>

#include "api_server/http/rpc_client.h"
#include "http/message.h"

namespace longshore::api_http {

// Thread-safe.
class Rest {
 public:
  explicit Rest(RpcClient* rpc) : rpc_(*rpc) {}

  // Answers a request whose decoded path has these segments after /api/v1/.
  void Handle(std::shared_ptr<http::Exchange> exchange, const RpcCaller& caller,
              const std::vector<std::string>& segments);

 private:
  RpcClient& rpc_;
};

// Answers for a path that has something, but not for this verb.
http::Response VerbNotAllowed(const std::vector<std::string>& verbs);
// Answers for a path that has nothing.
http::Response NothingThere();

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_REST_H_
