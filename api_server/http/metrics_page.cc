#include "api_server/http/metrics_page.h"

#include <utility>

#include "api_server/http/error_json.h"
#include "common/metrics.h"

namespace longshore::api_http {
namespace {

constexpr int kMaxWaiting = 16;

}  // namespace

void MetricsPage::Handle(std::shared_ptr<http::Exchange> exchange, RpcCaller caller) {
  {
    MutexLock lock(&mutex_);
    if (waiting_ < kMaxWaiting) {
      ++waiting_;
      work_.Add([this, exchange = std::move(exchange), caller = std::move(caller)] {
        Answer(exchange.get(), caller);
        MutexLock answered(&mutex_);
        --waiting_;
      });
      return;
    }
  }
  exchange->Respond(
      ErrorResponse(absl::UnavailableError("too many ask for metrics at once; try again")));
}

void MetricsPage::Answer(http::Exchange* exchange, const RpcCaller& caller) {
  if (const absl::Status allowed = hooks_.may_read(caller); !allowed.ok()) {
    return exchange->Respond(ErrorResponse(allowed));
  }
  hooks_.refresh();
  metrics::Page page = metrics::PageFor(http::HeaderValue(exchange->request(), "accept"));
  exchange->Respond(
      {.headers = {{"content-type", std::move(page.content_type)}}, .body = std::move(page.body)});
}

}  // namespace longshore::api_http
