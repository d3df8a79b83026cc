// What is told to webhooks, and how it is claimed, against real PostgreSQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "storage/rollout_store.h"
#include "storage/testing/database_fixture.h"
#include "storage/webhook_store.h"

namespace longshore::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class WebhookTest : public DatabaseFixture {
 protected:
  void Have(const std::vector<WebhookName>& webhooks) {
    Do([&](Connection& c) { return webhook_store::Have(c, webhooks); });
  }

  static TaskEnd EndOf(int64_t task, v1::PayloadStatus status) {
    const bool failed = status == v1::PAYLOAD_STATUS_FAILED;
    return {
        .task_id = task,
        .payload_id = task,
        .instance_id = task,
        .status = status,
        .failure_reason = failed ? v1::FAILURE_REASON_NONZERO_EXIT : v1::FAILURE_REASON_UNSPECIFIED,
        .executed = status != v1::PAYLOAD_STATUS_TRANSFERRED,
        .exit_code = failed ? 1 : 0};
  }

  void End(int64_t task, v1::PayloadStatus status = v1::PAYLOAD_STATUS_COMPLETED) {
    Do([&](Connection& c) { return task_store::End(c, {EndOf(task, status)}, limit_); });
  }

  // Claims up to `room` events of the webhook.
  std::vector<WebhookEvent> Claim(const std::string& webhook = "w", int64_t room = 100) {
    std::vector<WebhookEvent> events;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(events, webhook_store::Claim(c, {{webhook, room}}, seconds(60)));
      return absl::OkStatus();
    });
    return events;
  }

  void Deliver(const WebhookEvent& event) {
    Do([&](Connection& c) { return webhook_store::Delivered(c, event); });
  }

  int64_t Waiting() {
    int64_t waiting = 0;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(waiting, webhook_store::CountWaiting(c));
      return absl::OkStatus();
    });
    return waiting;
  }

  // A value in the body of the only event of this kind.
  std::string Told(const std::string& kind, const std::string& path) {
    return QueryValue("SELECT body::json #>> '" + path + "' FROM webhook_events WHERE kind = '" +
                      kind + "'");
  }

  // Makes failed payloads PENDING again, each with a new task. Returns these.
  std::vector<int64_t> Retry(const std::vector<int64_t>& payloads) {
    NewTasks again{.type = v1::TASK_TYPE_PAYLOAD_TRANSFER,
                   .payload_ids = payloads,
                   .instance_ids = payloads,
                   .remote_paths = std::vector<std::string>(payloads.size(), "/x")};
    again.depends_on.resize(payloads.size());
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(again.ids,
                       task_store::AllocateIds(c, static_cast<int64_t>(payloads.size())));
      RETURN_IF_ERROR(payload_store::Retry(c, payloads, again.ids));
      return task_store::InsertBatch(c, again);
    });
    return again.ids;
  }
};

TEST_F(WebhookTest, NothingIsWrittenForNobody) {
  End(AddFleet(1, 0, 0)[0]);
  EXPECT_EQ(QueryValue("SELECT count(*) FROM webhook_events"), "0");
}

TEST_F(WebhookTest, TheLastEndOfADeploymentIsToldToAll) {
  Have({{.name = "v", .projects = {}}, {.name = "w", .projects = {}}});
  const auto tasks = AddFleet(3, 0, 0);
  End(tasks[0]);
  End(tasks[1], v1::PAYLOAD_STATUS_FAILED);
  EXPECT_EQ(Waiting(), 0);
  End(tasks[2], v1::PAYLOAD_STATUS_CANCELLED);
  const auto one = Claim("v");
  const auto other = Claim("w");
  ASSERT_THAT(one, SizeIs(1));
  ASSERT_THAT(other, SizeIs(1));
  EXPECT_NE(one[0].id, other[0].id);
  EXPECT_EQ(one[0].deployment_id, 1);
  Deliver(other[0]);
  ASSERT_TRUE(Sql("DELETE FROM webhook_events WHERE webhook = 'w'").ok());
  const auto told = [&](const std::string& path) { return Told("deployment.ended", path); };
  EXPECT_EQ(told("{id}"), one[0].id);
  EXPECT_EQ(told("{kind}"), "deployment.ended");
  EXPECT_EQ(told("{number}"), "1");
  EXPECT_EQ(told("{deployment,id}"), "1");
  EXPECT_EQ(told("{deployment,script_sha256}"), HexEncode(Sha256("x")));
  EXPECT_EQ(told("{deployment,counts}"),
            R"({"total" : 3, "pending" : 0, "transferred" : 0, "executing" : 0, "completed" : 1, )"
            R"("failed" : 1, "cancelled" : 1})");
  EXPECT_THAT(told("{time}"), ::testing::MatchesRegex("20..-..-..T..:..:..[.]......Z"));
}

TEST_F(WebhookTest, WhatIsOnlyDeliveredEndsToo) {
  Have({{.name = "w", .projects = {}}});
  const int64_t task = AddPayload(AddInstance("a"), "/x", /*execute=*/false);
  ASSERT_TRUE(Sql("UPDATE payloads SET status = 'TRANSFERRED'").ok());
  End(task, v1::PAYLOAD_STATUS_TRANSFERRED);
  EXPECT_EQ(Told("deployment.ended", "{deployment,counts,transferred}"), "1");
}

TEST_F(WebhookTest, EndsAtOnceAreToldOnce) {
  Have({{.name = "w", .projects = {}}});
  constexpr int kTasks = 16;
  const auto tasks = AddFleet(kTasks, 0, 0);
  std::vector<std::thread> threads;
  threads.reserve(kTasks);
  for (int64_t task : tasks) threads.emplace_back([this, task] { End(task); });
  for (std::thread& thread : threads) thread.join();
  ASSERT_THAT(Claim(), SizeIs(1));
  EXPECT_EQ(Told("deployment.ended", "{deployment,counts,completed}"), "16");
}

TEST_F(WebhookTest, AnEndThatIsRolledBackIsNotTold) {
  Have({{.name = "w", .projects = {}}});
  const auto tasks = AddFleet(1, 0, 0);
  const absl::Status status = database_->Transact([&](Connection& c) -> absl::Status {
    RETURN_IF_ERROR(task_store::End(c, {EndOf(tasks[0], v1::PAYLOAD_STATUS_COMPLETED)}, limit_));
    return absl::InternalError("no");
  });
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(Waiting(), 0);
  End(tasks[0]);
  End(tasks[0]);
  EXPECT_EQ(Waiting(), 1) << "an end that is none tells nothing";
}

TEST_F(WebhookTest, AStoppedRolloutIsToldBeforeItsEnd) {
  Have({{.name = "w", .projects = {}}});
  const auto tasks = AddFleet(3, 0, 1);
  End(tasks[0], v1::PAYLOAD_STATUS_FAILED);
  auto events = Claim();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].kind, "rollout.stopped");
  EXPECT_EQ(Told("rollout.stopped", "{deployment,stop_reason}"),
            "1 payload failed; the rollout stops at max_errors 1");
  EXPECT_EQ(Told("rollout.stopped", "{deployment,counts,pending}"), "2");
  for (int64_t task : {tasks[1], tasks[2]}) End(task, v1::PAYLOAD_STATUS_CANCELLED);
  events = Claim();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].kind, "deployment.ended");
  EXPECT_EQ(Told("deployment.ended", "{deployment,stop_reason}"),
            "1 payload failed; the rollout stops at max_errors 1");
}

TEST_F(WebhookTest, ADeploymentThatIsRetriedIsToldAgain) {
  Have({{.name = "w", .projects = {}}});
  const auto tasks = AddFleet(2, 0, 1);
  End(tasks[0]);
  End(tasks[1], v1::PAYLOAD_STATUS_FAILED);
  std::set<std::string> ids;
  for (const WebhookEvent& event : Claim()) ids.insert(event.id);
  EXPECT_THAT(ids, SizeIs(2));
  const auto again = Retry({tasks[1]});
  Do([&](Connection& c) {
    TaskEnd end = EndOf(again[0], v1::PAYLOAD_STATUS_FAILED);
    end.payload_id = end.instance_id = tasks[1];
    return task_store::End(c, {end}, limit_);
  });
  std::vector<std::string> kinds;
  for (const WebhookEvent& event : Claim()) {
    EXPECT_TRUE(ids.insert(event.id).second);
    EXPECT_NE(event.body.find("\"number\" : 2"), std::string::npos) << event.body;
    kinds.push_back(event.kind);
  }
  EXPECT_THAT(kinds, UnorderedElementsAre("rollout.stopped", "deployment.ended"));
}

TEST_F(WebhookTest, AProjectsWebhookHearsOfItsDeploymentsAlone) {
  Have({{.name = "all", .projects = {}},
        {.name = "both", .projects = {"shop", "site"}},
        {.name = "shop", .projects = {"shop"}}});
  const int64_t instance = AddInstance("a");
  for (const char* projects : {"{shop}", "{site}", "{shop,site}", "{}"}) {
    const int64_t task = AddPayload(instance, "/x");
    ASSERT_TRUE(Sql("UPDATE deployments SET projects = '" + std::string(projects) +
                    "' WHERE id = " + std::to_string(task))
                    .ok());
    TaskEnd end = EndOf(task, v1::PAYLOAD_STATUS_COMPLETED);
    end.instance_id = instance;
    Do([&](Connection& c) { return task_store::End(c, {end}, limit_); });
  }
  const auto heard = [&](const std::string& webhook) {
    std::vector<int64_t> deployments;
    for (const WebhookEvent& event : Claim(webhook)) deployments.push_back(event.deployment_id);
    std::sort(deployments.begin(), deployments.end());
    return deployments;
  };
  EXPECT_THAT(heard("all"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(heard("both"), ElementsAre(1, 2, 3));
  EXPECT_THAT(heard("shop"), ElementsAre(1));
}

TEST_F(WebhookTest, AnEventHasOneSenderAtATime) {
  Have({{.name = "w", .projects = {}}});
  for (int64_t task : AddFleet(1, 0, 0)) End(task);
  const auto events = Claim();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].tries, 1);
  EXPECT_THAT(Claim(), IsEmpty());
  // Its sender is gone: the lease runs out.
  ASSERT_TRUE(Sql("UPDATE webhook_events SET next_try_at = now()").ok());
  const auto again = Claim();
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].id, events[0].id);
  EXPECT_EQ(again[0].body, events[0].body);
  EXPECT_EQ(again[0].tries, 2);
  // The first was only slow. What it failed at counts no more; that it was delivered does.
  Do([&](Connection& c) -> absl::Status {
    RETURN_IF_ERROR(webhook_store::Postpone(c, events[0], milliseconds(0), "late"));
    return webhook_store::GiveUp(c, events[0], "late");
  });
  EXPECT_THAT(Claim(), IsEmpty());
  Deliver(events[0]);
  Do([&](Connection& c) -> absl::Status {
    RETURN_IF_ERROR(webhook_store::Postpone(c, again[0], milliseconds(0), "failed"));
    return webhook_store::GiveUp(c, again[0], "failed");
  });
  EXPECT_EQ(Waiting(), 0);
  EXPECT_EQ(QueryValue("SELECT delivered_at IS NOT NULL AND error = '' FROM webhook_events"), "t");
}

TEST_F(WebhookTest, WhatFailedWaitsAndIsGivenUp) {
  Have({{.name = "w", .projects = {}}});
  const int64_t instance = AddInstance("a");
  for (int i = 0; i < 3; ++i) {
    TaskEnd end = EndOf(AddPayload(instance, "/x"), v1::PAYLOAD_STATUS_COMPLETED);
    end.instance_id = instance;
    Do([&](Connection& c) { return task_store::End(c, {end}, limit_); });
  }
  const auto two = Claim("w", 2);
  ASSERT_THAT(two, SizeIs(2));
  EXPECT_THAT(Claim("another"), IsEmpty());
  EXPECT_THAT(Claim("w"), SizeIs(1));
  Do([&](Connection& c) -> absl::Status {
    RETURN_IF_ERROR(webhook_store::Postpone(c, two[0], seconds(5), "500"));
    RETURN_IF_ERROR(webhook_store::GiveUp(c, two[1], "410"));
    ASSIGN_OR_RETURN(const auto next, webhook_store::NextDue(c, {"w"}));
    EXPECT_GT(next.value(), milliseconds(0));
    EXPECT_LE(next.value(), seconds(5));
    ASSIGN_OR_RETURN(const auto none, webhook_store::NextDue(c, {"another"}));
    EXPECT_FALSE(none.has_value());
    return absl::OkStatus();
  });
  EXPECT_EQ(QueryValue("SELECT error FROM webhook_events WHERE given_up_at IS NOT NULL"), "410");
  EXPECT_EQ(Waiting(), 2);
}

TEST_F(WebhookTest, AWebhookThatNobodyHasIsForgotten) {
  Have({{.name = "v", .projects = {}}, {.name = "w", .projects = {"a"}}});
  const std::string since = QueryValue("SELECT since FROM webhooks WHERE name = 'w'");
  Have({{.name = "w", .projects = {"a"}}});
  EXPECT_EQ(QueryValue("SELECT count(*) FROM webhooks"), "2") << "another api_server may have it";
  EXPECT_EQ(QueryValue("SELECT since FROM webhooks WHERE name = 'w'"), since);
  ASSERT_TRUE(Sql("UPDATE webhooks SET seen_at = now() - interval '11 minutes'").ok());
  Have({{.name = "w", .projects = {}}});
  EXPECT_EQ(QueryValue("SELECT string_agg(name, ',') FROM webhooks"), "w");
  EXPECT_NE(QueryValue("SELECT since FROM webhooks WHERE name = 'w'"), since);
  End(AddFleet(1, 0, 0)[0]);
  Do([&](Connection& c) { return webhook_store::Drop(c, {"w"}); });
  EXPECT_EQ(QueryValue("SELECT count(*) FROM webhooks"), "0");
  const auto give_up = [&] {
    int64_t count = 0;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(count, webhook_store::GiveUpUnclaimed(c, std::chrono::hours(24)));
      return absl::OkStatus();
    });
    return count;
  };
  EXPECT_EQ(give_up(), 0);
  ASSERT_TRUE(Sql("UPDATE webhook_events SET created_at = created_at - interval '25 hours',"
                  " next_try_at = next_try_at - interval '25 hours'")
                  .ok());
  EXPECT_EQ(give_up(), 1);
  EXPECT_EQ(Waiting(), 0);
}

}  // namespace
}  // namespace longshore::storage
