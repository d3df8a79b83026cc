#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "api_server/http/event_stream.h"
#include "api_server/http/output_download.h"
#include "api_server/http/rest_routes.h"
#include "api_server/http/rpc_client.h"

namespace longshore::api_http {
namespace {

std::string MethodAt(const char* verb, const std::vector<std::string>& segments) {
  const RouteMatch match = FindRoute(verb, segments);
  return match.route == nullptr ? "" : match.route->method;
}

TEST(RestRoutesTest, FindsWhatAPathMeans) {
  EXPECT_EQ(MethodAt("GET", {"payloads", "7"}), "PayloadService.GetPayloadStatus");
  EXPECT_EQ(MethodAt("HEAD", {"payloads", "7"}), "PayloadService.GetPayloadStatus");
  EXPECT_EQ(MethodAt("POST", {"payloads", "7:cancel"}), "PayloadService.CancelPayload");
  EXPECT_EQ(MethodAt("POST", {"payloads", "7:burn"}), "");
  EXPECT_EQ(MethodAt("POST", {"payloads", ":cancel"}), "");
  EXPECT_EQ(MethodAt("GET", {"payloads", ""}), "");
  EXPECT_EQ(MethodAt("GET", {"payloads", "7", "output", ""}), "");
  const RouteMatch match = FindRoute("PUT", {"instances", "7"});
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.verbs, (std::vector<std::string>{"GET", "PATCH", "DELETE"}));
}

TEST(RestRoutesTest, HasARouteForEveryMethod) {
  std::set<std::string> routed = {"InstanceService.RegisterInstance",  // By CreateInstance's.
                                  "InstanceService.WatchInstances"};   // docs/http.md says so.
  for (const Route& route : RestRoutes()) {
    routed.insert(route.method);
    const auto& method = PublicMethod(route.method);
    const std::string pattern = route.pattern;
    const size_t open = pattern.find('{');
    if (open == std::string::npos) continue;
    const std::string field = pattern.substr(open + 1, pattern.find('}') - open - 1);
    EXPECT_NE(method.input_type()->FindFieldByName(field), nullptr) << pattern;
  }
  for (const auto* method : PublicMethods()) {
    EXPECT_EQ(routed.count(method->service()->name() + "." + method->name()), 1)
        << method->full_name();
  }
}

TEST(OutputDownloadTest, ReadsOneRangeOfBytes) {
  EXPECT_EQ(ReadRange("bytes=5-9")->first, 5);
  EXPECT_EQ(ReadRange("bytes=5-9")->last, 9);
  EXPECT_EQ(ReadRange("bytes=5-")->last, std::nullopt);
  EXPECT_EQ(ReadRange("bytes=-5")->suffix, 5);
  for (const char* text :
       {"", "bytes=", "bytes=-", "bytes=9-5", "bytes=a-b", "lines=1-2", "bytes=1-2,4-5", "bytes=1",
        "bytes=--1", "bytes= 1-2", "bytes=99999999999999999999-"}) {
    EXPECT_FALSE(ReadRange(text).has_value()) << text;
  }
}

v1::PayloadEvent Output(int attempt, int64_t offset, const std::string& data) {
  v1::PayloadEvent event;
  event.mutable_output()->set_attempt(attempt);
  event.mutable_output()->set_offset(offset);
  event.mutable_output()->set_data(data);
  return event;
}

v1::PayloadEvent Status(int attempt, v1::PayloadStatus status) {
  v1::PayloadEvent event;
  event.mutable_payload()->set_attempt(attempt);
  event.mutable_payload()->set_status(status);
  return event;
}

TEST(EventSequencesTest, APayloadsEventsSayWhereToGoOn) {
  const auto sequence = PayloadEvents({});
  EXPECT_EQ(sequence->Next(Status(1, v1::PAYLOAD_STATUS_EXECUTING)), "1-0");
  EXPECT_EQ(sequence->Next(Output(1, 0, "hello")), "1-5");
  EXPECT_EQ(sequence->Next(Output(1, 500, "x")), "1-501");
  EXPECT_EQ(sequence->Next(Status(2, v1::PAYLOAD_STATUS_PENDING)), "2-0");
  EXPECT_EQ(sequence->Next(Output(2, 0, "ok")), "2-2");
  EXPECT_EQ(sequence->Next(Status(2, v1::PAYLOAD_STATUS_COMPLETED)), "2-2-end");

  const auto resumed = PayloadEvents({});
  EXPECT_FALSE(resumed->Resume("2-7"));
  const auto request = resumed->WatchRequest();
  EXPECT_EQ(static_cast<const v1::WatchPayloadRequest&>(*request).output_offset(), 7);
  EXPECT_EQ(static_cast<const v1::WatchPayloadRequest&>(*request).attempt(), 2);
  EXPECT_EQ(resumed->Next(Status(2, v1::PAYLOAD_STATUS_EXECUTING)), "2-7");
}

TEST(EventSequencesTest, KnowsTheEnd) {
  const auto sequence = PayloadEvents({});
  EXPECT_TRUE(sequence->Resume("2-7-end"));
  EXPECT_TRUE(sequence->HasEnded(Status(2, v1::PAYLOAD_STATUS_FAILED).payload()));
  EXPECT_FALSE(sequence->HasEnded(Status(3, v1::PAYLOAD_STATUS_FAILED).payload()));
  EXPECT_FALSE(sequence->HasEnded(Status(2, v1::PAYLOAD_STATUS_EXECUTING).payload()));
}

TEST(EventSequencesTest, TakesIdsOfOthersForNone) {
  for (const char* id : {"", "7", "a-b", "1-2-3", "1--2", "-1-2", "1-2-End", "end", "1-end",
                         "99999999999999999999-0"}) {
    const auto sequence = PayloadEvents({});
    EXPECT_FALSE(sequence->Resume(id)) << id;
    const auto request = sequence->WatchRequest();
    EXPECT_EQ(static_cast<const v1::WatchPayloadRequest&>(*request).output_offset(), 0) << id;
  }
}

v1::DeploymentEvent Counts(int total, int failed) {
  v1::DeploymentEvent event;
  event.mutable_deployment()->mutable_counts()->set_total(total);
  event.mutable_deployment()->mutable_counts()->set_failed(failed);
  return event;
}

v1::DeploymentEvent ChangedAt(int64_t seconds) {
  v1::DeploymentEvent event;
  event.mutable_payload()->mutable_updated_at()->set_seconds(seconds);
  return event;
}

TEST(EventSequencesTest, ADeploymentsIdsWaitUntilAllPayloadsWereSent) {
  const auto sequence = DeploymentEvents({});
  EXPECT_EQ(sequence->Next(Counts(2, 0)), "0");
  EXPECT_EQ(sequence->Next(ChangedAt(2000)), "0") << "the other may have changed long before";
  EXPECT_EQ(sequence->Next(ChangedAt(1000)), "2000000");
  EXPECT_EQ(sequence->Next(ChangedAt(3000)), "3000000");
}

TEST(EventSequencesTest, AResumedDeploymentLeavesOutWhatChangedLongBefore) {
  const auto resumed = DeploymentEvents({});
  EXPECT_FALSE(resumed->Resume("2000000"));
  EXPECT_EQ(resumed->Next(Counts(3, 0)), "2000000");
  EXPECT_EQ(resumed->Next(ChangedAt(1000)), std::nullopt);
  EXPECT_EQ(resumed->Next(ChangedAt(3000)), "2000000");
  EXPECT_EQ(resumed->Next(ChangedAt(1900)), "3000000") << "it may have been stored late";
  EXPECT_EQ(resumed->Next(Counts(3, 2)), "3000000");
  EXPECT_EQ(resumed->Next(Counts(3, 3)), "3000000-end");
}

TEST(EventSequencesTest, BeginsAtTheOffsetThatIsAskedFor) {
  v1::WatchPayloadRequest request;
  request.set_output_offset(100);
  EXPECT_EQ(PayloadEvents(request)->Next(Status(3, v1::PAYLOAD_STATUS_EXECUTING)), "3-100");
}

}  // namespace
}  // namespace longshore::api_http
