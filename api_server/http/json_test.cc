#include <gtest/gtest.h>

#include <set>
#include <string>

#include "api_server/domain/errors.h"
#include "api_server/http/error_json.h"
#include "api_server/http/json_mapper.h"
#include "api_server/http/json_reader.h"
#include "common/status.h"
#include "google/rpc/error_details.pb.h"
#include "longshore/v1/access_service.pb.h"
#include "longshore/v1/instance_service.pb.h"
#include "longshore/v1/payload_service.pb.h"

namespace longshore::api_http {
namespace {

Json Parsed(const std::string& text) { return ReadJson(text).value(); }

template <typename Message>
absl::Status ReadInto(const std::string& text, Message* message) {
  return FromJson(Parsed(text), message);
}

std::string MessageOf(const absl::StatusOr<Json>& read) {
  return std::string(read.status().message());
}

TEST(JsonReaderTest, RefusesWhatIsNoJson) {
  for (const char* text :
       {"", "{", "{} {}", "nul", "[1,]", "{'a': 1}", "\"\xff\"", "NaN", "1e999", R"("\ud800")"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ReadJson(text).status())) << text;
  }
}

TEST(JsonReaderTest, RefusesAMemberThatIsThereTwice) {
  EXPECT_EQ(MessageOf(ReadJson(R"({"a": {"b": 1, "b": 2}})")),
            "the text cannot be read as JSON: an object has 'b' twice");
  EXPECT_TRUE(ReadJson(R"([{"b": 1}, {"b": 2}])").ok());
}

TEST(JsonReaderTest, BoundsDepthAndSize) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(ReadJson(nested(kMaxJsonDepth)).ok());
  EXPECT_FALSE(ReadJson(nested(kMaxJsonDepth + 1)).ok());
  EXPECT_FALSE(ReadJson(std::string(4'000'000, '[')).ok());
  std::string many = "[0";
  for (int i = 1; i < kMaxJsonValues - 1; ++i) many += ",0";
  EXPECT_TRUE(ReadJson(many + "]").ok());
  EXPECT_FALSE(ReadJson(many + ",0]").ok());
}

TEST(JsonMapperTest, WritesAPayloadInTheOneStyle) {
  v1::Payload payload;
  payload.set_id(9007199254740993);
  payload.set_status(v1::PAYLOAD_STATUS_COMPLETED);
  payload.mutable_execution_time()->set_seconds(5);
  payload.mutable_execution_time()->set_nanos(321000000);
  payload.set_executed(true);
  payload.set_exit_code(0);
  payload.set_output("caf\xc3\xa9 \x1b[31m");
  payload.mutable_created_at()->set_seconds(1769860800);
  const Json json = ToJson(payload);
  EXPECT_EQ(Text(json["id"]), "9007199254740993");
  EXPECT_EQ(json["status"], "completed");
  EXPECT_EQ(json["execution_time"], "5.321s");
  EXPECT_EQ(json["executed"], true);
  EXPECT_EQ(json["exit_code"], 0);
  EXPECT_EQ(Text(json["output"]), "\"caf\xc3\xa9 \\u001b[31m\"");
  EXPECT_EQ(json["created_at"], "2026-01-31T12:00:00Z");
  EXPECT_EQ(json["error"], "");
  EXPECT_FALSE(json.contains("failure_reason"));
  EXPECT_FALSE(json.contains("started_at"));
}

TEST(JsonMapperTest, LeavesOutAnExitCodeThatIsNotThere) {
  EXPECT_FALSE(ToJson(v1::Payload()).contains("exit_code"));
  EXPECT_EQ(Text(ToJson(v1::ListPayloadsResponse())), R"({"payloads":[],"next_page_token":""})");
}

TEST(JsonMapperTest, ReadsARequestWithEveryKindOfField) {
  v1::DeployPayloadRequest request;
  ASSERT_TRUE(ReadInto(R"({"instance_ids": [1, 2.0, 9007199254740993], "execute_payload": true,
                           "payload_content": "ZWNobwo=", "timeout": 300, "request_id": null,
                           "rollout": {"max_errors": 2}})",
                       &request)
                  .ok());
  EXPECT_EQ(request.instance_ids(1), 2);
  EXPECT_EQ(request.instance_ids(2), 9007199254740993);
  EXPECT_EQ(request.payload_content(), "echo\n");
  EXPECT_EQ(request.timeout(), 300);
  EXPECT_EQ(request.rollout().max_errors(), 2);
  v1::ListPayloadsRequest list;
  ASSERT_TRUE(ReadInto(R"({"status": "failed", "failure_reason": "nonzero_exit"})", &list).ok());
  EXPECT_EQ(list.status(), v1::PAYLOAD_STATUS_FAILED);
  EXPECT_EQ(list.failure_reason(), v1::FAILURE_REASON_NONZERO_EXIT);
  v1::UpdateInstanceRequest update;
  ASSERT_TRUE(ReadInto(R"({"update_mask": "name,tags"})", &update).ok());
  EXPECT_EQ(update.update_mask().paths(1), "tags");
  v1::ListAuditEventsRequest audit;
  ASSERT_TRUE(ReadInto(R"({"from": "2026-01-31T13:00:00.5+01:00"})", &audit).ok());
  EXPECT_EQ(audit.from().seconds(), 1769860800);
  EXPECT_EQ(audit.from().nanos(), 500000000);
}

struct Refusal {
  const char* json;
  const char* field;
  const char* message;
};

TEST(JsonMapperTest, NamesWhatItRefuses) {
  for (const Refusal& refusal : std::vector<Refusal>{
           {R"({"instance_idz": [1]})", "instance_idz", "'instance_idz' is not known here"},
           {R"({"rollout": {"max": 1}})", "rollout.max", "'rollout.max' is not known here"},
           {R"({"instance_ids": 1})", "instance_ids", "must be an array"},
           {R"({"instance_ids": [1, "2"]})", "instance_ids[1]", "must be an integer of 64 bits"},
           {R"({"instance_ids": [1.5]})", "instance_ids[0]", "must be an integer of 64 bits"},
           {R"({"instance_ids": [9223372036854775808]})", "instance_ids[0]", "of 64 bits"},
           {R"({"instance_ids": [null]})", "instance_ids[0]", "of 64 bits"},
           {R"({"timeout": 2147483648})", "timeout", "must be an integer of 32 bits"},
           {R"({"timeout": 4294967306.0})", "timeout", "must be an integer of 32 bits"},
           {R"({"timeout": -2147483649})", "timeout", "must be an integer of 32 bits"},
           {R"({"timeout": "5"})", "timeout", "must be an integer of 32 bits"},
           {R"({"execute_payload": 1})", "execute_payload", "must be true or false"},
           {R"({"payload_path": ["a"]})", "payload_path", "must be a string"},
           {R"({"payload_content": "%"})", "payload_content", "must be a string of base64"},
           {R"({"selector": "shop"})", "selector", "must be an object"}}) {
    v1::DeployPayloadRequest request;
    const absl::Status status = ReadInto(refusal.json, &request);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << refusal.json;
    const Json data = JsonRpcError(status)["data"];
    EXPECT_EQ(data["field_violations"][0]["field"], refusal.field) << refusal.json;
    EXPECT_NE(status.message().find(refusal.message), std::string::npos) << status;
  }
  v1::ListPayloadsRequest list;
  for (const char* status : {"COMPLETED", "payload_status_completed", "unspecified", "gone", ""}) {
    EXPECT_FALSE(FromJson(Json{{"status", status}}, &list).ok()) << status;
  }
  v1::ListAuditEventsRequest audit;
  EXPECT_FALSE(ReadInto(R"({"from": "yesterday"})", &audit).ok());
}

TEST(JsonMapperTest, ReadsFieldsFromAQuery) {
  v1::ListInstancesRequest request;
  EXPECT_TRUE(SetFromText("page_size", "10", &request).ok());
  EXPECT_TRUE(SetFromText("tags", "a", &request).ok());
  EXPECT_TRUE(SetFromText("tags", "b", &request).ok());
  EXPECT_TRUE(SetFromText("status", "ready", &request).ok());
  EXPECT_EQ(request.page_size(), 10);
  EXPECT_EQ(request.tags_size(), 2);
  EXPECT_EQ(request.status(), v1::INSTANCE_STATUS_READY);
  EXPECT_FALSE(SetFromText("page_size", "11", &request).ok()) << "it was given before";
  EXPECT_FALSE(SetFromText("page_sise", "10", &request).ok());
  v1::ListPayloadsRequest large;
  EXPECT_FALSE(SetFromText("page_size", "4294967297", &large).ok());
  EXPECT_FALSE(SetFromText("project", "\xff", &request).ok());
  v1::GetPayloadStatusRequest get;
  for (const char* id : {"abc", "", "1.0", "0x1", "9223372036854775808", " 1"}) {
    EXPECT_FALSE(SetFromText("payload_id", id, &get).ok()) << id;
  }
}

TEST(ErrorJsonTest, SaysWhatGrpcSays) {
  const Json rpc = JsonRpcError(domain::PayloadNotFound(7));
  EXPECT_EQ(rpc["code"], -32005);
  EXPECT_EQ(rpc["data"]["code"], "NOT_FOUND");
  EXPECT_EQ(rpc["data"]["reason"], "PAYLOAD_NOT_FOUND");
  EXPECT_EQ(rpc["data"]["resource_name"], "7");
  const Json rest = RestError(domain::PayloadNotFound(7))["error"];
  EXPECT_EQ(rest["message"], "payload 7 does not exist");
  std::set<std::string> types;
  for (const Json& detail : rest["details"]) types.insert(detail["@type"].get<std::string>());
  EXPECT_EQ(types, (std::set<std::string>{"type.googleapis.com/google.rpc.ErrorInfo",
                                          "type.googleapis.com/google.rpc.ResourceInfo"}));
  EXPECT_EQ(JsonRpcError(domain::TokenMissing())["code"], -32016);
  EXPECT_EQ(JsonRpcError(domain::InvalidField("a", "b", "c"))["code"], kInvalidParams);
}

TEST(ErrorJsonTest, AMapIsAnObject) {
  google::rpc::ErrorInfo info;
  EXPECT_EQ(Text(ToJson(info)["metadata"]), "{}");
  (*info.mutable_metadata())["limit"] = "5";
  EXPECT_EQ(Text(ToJson(info)["metadata"]), R"({"limit":"5"})");
}

TEST(ErrorJsonTest, TellsWhenToTryAgain) {
  const absl::Status error =
      WithRetryDelay(absl::ResourceExhaustedError("slowly"), std::chrono::milliseconds(1500));
  const http::Response response = ErrorResponse(error);
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.headers.back(), (std::pair<std::string, std::string>("retry-after", "2")));
  EXPECT_EQ(JsonRpcError(error)["data"]["retry_delay"], "1.500s");
}

}  // namespace
}  // namespace longshore::api_http
