// JSON of clients, and the paths, queries and headers beside it: whatever comes, it is taken or
// refused, and what was taken comes back the same.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api_server/http/event_stream.h"
#include "api_server/http/json_mapper.h"
#include "api_server/http/json_reader.h"
#include "api_server/http/output_download.h"
#include "api_server/http/rest_routes.h"
#include "api_server/http/rpc_client.h"
#include "http/target.h"
#include "tests/fuzz/seeds.h"

namespace longshore::fuzz {
namespace {

using google::protobuf::Message;

// The request of every public method reads the text; what it takes, it also writes and reads again.
void ReadAsRequests(const api_http::Json& json) {
  static const auto* const kMethods =
      new std::vector<const google::protobuf::MethodDescriptor*>(api_http::PublicMethods());
  for (const auto* method : *kMethods) {
    const std::unique_ptr<Message> request = api_http::NewMessage(*method->input_type());
    if (!api_http::FromJson(json, request.get()).ok()) continue;
    const std::unique_ptr<Message> again = api_http::NewMessage(*method->input_type());
    FUZZ_CHECK(api_http::FromJson(api_http::ToJson(*request), again.get()).ok());
    FUZZ_CHECK(again->SerializeAsString() == request->SerializeAsString());
  }
}

void ReadAsTarget(std::string_view text) {
  const auto segments = http::PathSegments(text);
  if (segments.has_value()) api_http::FindRoute("GET", *segments);
  const auto fields = http::QueryFields(text);
  if (!fields.has_value()) return;
  v1::ListPayloadsRequest request;
  for (const auto& [name, value] : *fields) {
    (void)api_http::SetFromText(name, value, &request);
  }
}

}  // namespace

std::vector<std::string> Seeds() {
  return {
      R"({"instance_ids": [1, 2], "payload_path": "/srv/a.sh", "execute_payload": true})",
      R"({"payload_content": "ZWNobwo=", "selector": {"project": "a", "tags": ["b"]}, "timeout": 5})",
      R"({"update_mask": "name,tags", "name": "x", "port": 22})",
      R"({"from": "2026-01-31T12:00:00.5Z", "to": null, "page_size": 1e2})",
      R"([{"jsonrpc": "2.0", "method": "get_task", "params": {"task_id": 1}, "id": 1}])",
      R"({"status": "completed", "a": {"a": [[[]]]}, "b": "\u00e9\ud83d\ude00\n"})",
      "/api/v1/payloads/7:cancel?status=failed&page_size=10",
      "page_token=%e9%20+&status=completed",
      "bytes=10-20",
      "2-1234-end",
  };
}

}  // namespace longshore::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto json = longshore::api_http::ReadJson(text); json.ok()) {
    longshore::fuzz::ReadAsRequests(*json);
  }
  longshore::fuzz::ReadAsTarget(text);
  longshore::api_http::ReadRange(text);
  longshore::api_http::PayloadEvents({})->Resume(text);
  longshore::api_http::DeploymentEvents({})->Resume(text);
  return 0;
}
