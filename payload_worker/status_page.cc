#include "payload_worker/status_page.h"

#include <string>
#include <utility>

#include "payload_worker/run/delivery_metrics.h"
#include "payload_worker/ssh/traffic.h"

namespace longshore {
namespace {

http::Response Json(int status, std::string body) {
  return {.status = status,
          .headers = {{"content-type", "application/json"}},
          .body = std::move(body) + "\n"};
}

}  // namespace

StatusPage::StatusPage(Worker* worker)
    : worker_(*worker),
      tasks_(metrics::Gauges("longshore_worker_tasks", "Tasks that this worker holds.")),
      sessions_(metrics::NewGauge("longshore_ssh_sessions_kept",
                                  "Connections that are kept for the next task.")),
      outbox_(metrics::NewGauge("longshore_outbox_bytes",
                                "Output that waits for an api_server to store it.")),
      connected_(metrics::NewGauge("longshore_worker_connected",
                                   "1 when this worker is connected to an api_server, else 0.")) {
  metrics::ShowVersion();
  // These too are there from the first page on.
  run::Metrics();
  ssh::Traffic();
}

void StatusPage::Handle(std::shared_ptr<http::Exchange> exchange) {
  http::Response response = Answer(exchange->request());
  response.headers.emplace_back("x-content-type-options", "nosniff");
  response.headers.emplace_back("cache-control", "no-store");
  exchange->Respond(std::move(response));
}

http::Response StatusPage::Answer(const http::Request& request) {
  const bool is_known =
      request.path == "/healthz" || request.path == "/readyz" || request.path == "/metrics";
  if (!is_known) return Json(404, R"({"error": {"code": "NOT_FOUND"}})");
  if (request.method != "GET" && request.method != "HEAD") {
    http::Response refusal = Json(405, R"({"error": {"code": "UNIMPLEMENTED"}})");
    refusal.headers.emplace_back("allow", "GET");
    return refusal;
  }
  if (request.path == "/metrics") return Metrics(http::HeaderValue(request, "accept"));
  return request.path == "/readyz" ? Readiness() : Json(200, R"({"alive": true})");
}

http::Response StatusPage::Readiness() {
  const WorkerState state = worker_.state();
  if (state.draining) return Json(503, R"({"ready": false, "why": "it is going away"})");
  if (!state.connected) {
    return Json(503, R"({"ready": false, "why": "it is connected to no api_server"})");
  }
  return Json(200, R"({"ready": true})");
}

http::Response StatusPage::Metrics(std::string_view accept) {
  const WorkerState state = worker_.state();
  MutexLock lock(&mutex_);
  tasks_.Add({{"state", "connecting"}}).Set(state.connecting);
  tasks_.Add({{"state", "held"}}).Set(static_cast<double>(state.tasks));
  sessions_.Set(static_cast<double>(state.sessions_kept));
  outbox_.Set(static_cast<double>(state.outbox_bytes));
  connected_.Set(state.connected ? 1 : 0);
  metrics::Page page = metrics::PageFor(accept);
  return {.headers = {{"content-type", std::move(page.content_type)}},
          .body = std::move(page.body)};
}

}  // namespace longshore
