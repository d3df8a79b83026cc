// The HTTP front of an api_server: who may ask it at all, and which part answers.
#ifndef LONGSHORE_API_SERVER_HTTP_FRONT_H_
#define LONGSHORE_API_SERVER_HTTP_FRONT_H_

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api_server/http/json_rpc.h"
#include "api_server/http/metrics_page.h"
#include "api_server/http/readiness.h"
#include "api_server/http/rest.h"
#include "api_server/http/rpc_client.h"
#include "common/work_queue.h"
#include "http/message.h"

namespace longshore::api_http {

struct FrontOptions {
  // Names by which it is reached besides those of its certificate, for example of a proxy.
  std::vector<std::string> hosts;
  // Where pages that may call it come from, besides itself: "https://tools.example".
  std::vector<std::string> origins;
};

// Thread-safe. A browser sends what any page asks it to send. So the front refuses requests whose
// Host is not a name of its own (another may have been bound to its address), and those that a page
// of another origin makes.
class Front : public http::Handler {
 public:
  // `channel` leads to the public services of this process. `check_ready`: see Readiness.
  Front(std::shared_ptr<grpc::Channel> channel,
        std::function<absl::StatusOr<int64_t>()> check_ready, MetricsHooks metrics,
        FrontOptions options);

  void Handle(std::shared_ptr<http::Exchange> exchange) override;

  void BeginDrain() { readiness_.BeginDrain(); }
  // From now on calls are Unavailable. Before the public services shut down.
  void Shutdown() {
    rpc_.Close();
    work_.Shutdown();
    readiness_.Shutdown();
    metrics_.Shutdown();
  }

 private:
  // Answers a request that may be made; false when it may not, and is answered.
  bool MayAsk(const http::Request& request, http::Exchange* exchange) const;
  void Dispatch(std::shared_ptr<http::Exchange> exchange);

  RpcClient rpc_;
  const FrontOptions options_;
  JsonRpc json_rpc_;
  Rest rest_;
  Readiness readiness_;
  MetricsPage metrics_;
  WorkQueue work_{1};
};

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_FRONT_H_
