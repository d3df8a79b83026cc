// What goes when it is old enough, and what stays, against real PostgreSQL.
#include <gtest/gtest.h>

#include <thread>

#include "storage/retention_store.h"
#include "storage/testing/database_fixture.h"
#include "storage/testing/held_transaction.h"

namespace longshore::storage {
namespace {

class RetentionTest : public DatabaseFixture {
 protected:
  // Prunes until nothing goes any more; returns all that went, which is what was counted before.
  Pruned Prune(const Retention& retention = {}, int64_t limit = 500) {
    Pruned counted;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(counted, retention_store::Count(c, retention));
      return absl::OkStatus();
    });
    Pruned all;
    for (const retention_store::Step step : retention_store::Steps()) {
      while (true) {
        std::optional<Pruned> some;
        Do([&](Connection& c) -> absl::Status {
          ASSIGN_OR_RETURN(some, retention_store::Prune(c, retention, step, limit));
          return absl::OkStatus();
        });
        is_alone_ = some.has_value();
        if (!is_alone_ || some->empty()) break;
        for (const auto& [kind, rows] : *some) all[kind] += rows;
      }
    }
    if (is_alone_ && !is_held_) {
      EXPECT_EQ(all, counted);
    }
    return all;
  }

  // A payload that has completed, with output and a cleaned run.
  int64_t AddEnded(int64_t instance, const std::string& path) {
    const int64_t task = AddPayload(instance, path);
    Claim(1);
    Do([&](Connection& c) { return task_store::End(c, {Completed(task, instance)}, limit_); });
    EXPECT_TRUE(Sql("DELETE FROM run_cleanups; INSERT INTO payload_output (payload_id, attempt,"
                    " start_byte, end_byte, data) VALUES (" +
                    std::to_string(task) + ", 1, 0, 1, 'x')")
                    .ok());
    return task;
  }

  // Makes everything older.
  void Age(int days) {
    const std::string by = " - interval '" + std::to_string(days) + " days'";
    ASSERT_TRUE(Sql("SET session_replication_role = replica;"
                    "UPDATE payloads SET created_at = created_at" +
                    by + ", finished_at = finished_at" + by +
                    ";"
                    "UPDATE tasks SET created_at = created_at" +
                    by + ", updated_at = updated_at" + by +
                    ";"
                    "UPDATE instances SET updated_at = updated_at" +
                    by +
                    ";"
                    "UPDATE scripts SET created_at = created_at" +
                    by +
                    ";"
                    "UPDATE request_ids SET created_at = created_at" +
                    by +
                    ";"
                    "UPDATE workers SET seen_at = seen_at" +
                    by +
                    ";"
                    "UPDATE audit_events SET at = at" +
                    by +
                    ";"
                    "SET session_replication_role = origin")
                    .ok());
  }

  // Does `body` in a transaction of its own while one that prunes scripts is not committed yet, and
  // that one once `body` waits for its lock.
  void DoWhileScriptsGo(const HeldTransaction::Body& body) {
    HeldTransaction held(database_.get(), [](Connection& c) {
      return retention_store::Prune(c, {}, retention_store::Step::kScripts, 10).status();
    });
    std::thread other([&] { Do(body); });
    while (QueryValue("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                      " AND wait_event_type = 'Lock'") == "0") {
    }
    held.Release();
    other.join();
  }

  bool is_alone_ = true;  // At the last Prune.
  bool is_held_ = false;  // Somebody holds something that is old.

  int Count(const std::string& table) {
    return std::stoi(QueryValue("SELECT count(*) FROM " + table));
  }
};

TEST_F(RetentionTest, WhatEndedLongAgoGoesWithAllThatHangsOnIt) {
  const int64_t instance = AddInstance("a");
  AddEnded(instance, "/x");
  AddEnded(instance, "/y");
  EXPECT_EQ(Prune(), Pruned());
  Age(91);
  const int64_t young = AddEnded(instance, "/z");
  EXPECT_EQ(Prune(), (Pruned{{"payloads", 2}, {"tasks", 2}, {"deployments", 2}}));
  EXPECT_EQ(QueryValue("SELECT id FROM payloads"), std::to_string(young));
  EXPECT_EQ(Count("payload_output"), 1);
  EXPECT_EQ(Count("tasks"), 1);
  EXPECT_EQ(Count("scripts"), 1) << "it is still used";
}

TEST_F(RetentionTest, BatchesTakeItAllInTheEnd) {
  const int64_t instance = AddInstance("a");
  for (int i = 0; i < 7; ++i) AddEnded(instance, "/x" + std::to_string(i));
  Age(91);
  EXPECT_EQ(Prune({}, 3),
            (Pruned{{"payloads", 7}, {"tasks", 7}, {"deployments", 7}, {"scripts", 1}}));
}

TEST_F(RetentionTest, NothingGoesThatIsOpenOrRestsOrIsStillToBeCleaned) {
  const int64_t instance = AddInstance("a");
  const int64_t uncleaned = AddEnded(instance, "/uncleaned");
  const int64_t shown = AddEnded(instance, "/shown");
  ASSERT_TRUE(Sql("INSERT INTO run_cleanups (payload_id, attempt, instance_id, run_at) VALUES (" +
                  std::to_string(uncleaned) + ", 1, " + std::to_string(instance) + ", now())")
                  .ok());
  ASSERT_TRUE(Sql("UPDATE instances SET payload_id = " + std::to_string(shown)).ok());
  AddPayload(instance, "/open");
  Age(1000);
  EXPECT_EQ(Prune(), Pruned());
  EXPECT_EQ(Count("payloads"), 3);
  // A terminated instance shows nothing that anybody looks at.
  ASSERT_TRUE(Sql("UPDATE instances SET status = 'TERMINATED'").ok());
  EXPECT_EQ(Prune()["payloads"], 1);
}

TEST_F(RetentionTest, ADeploymentStaysWhileAPayloadOfItDoes) {
  const int64_t first = AddInstance("a");
  const int64_t second = AddInstance("b");
  const auto tasks = AddDeployment({first, second}, "/x", {});
  Claim(2);
  Do([&](Connection& c) { return task_store::End(c, {Completed(tasks[0], first)}, limit_); });
  ASSERT_TRUE(Sql("DELETE FROM run_cleanups").ok());
  Age(91);
  EXPECT_EQ(Prune(), (Pruned{{"payloads", 1}, {"tasks", 1}}));
  EXPECT_EQ(QueryValue("SELECT count(*) FROM deployments WHERE pruned_at IS NOT NULL"), "1");
}

TEST_F(RetentionTest, WhatAWebhookIsStillToHearOfStays) {
  ASSERT_TRUE(Sql("INSERT INTO webhooks (name) VALUES ('w')").ok());
  AddEnded(AddInstance("a"), "/x");
  Age(91);
  EXPECT_EQ(Prune(), Pruned());
  ASSERT_TRUE(Sql("UPDATE webhook_events SET next_try_at = NULL, delivered_at = now()").ok());
  EXPECT_EQ(Prune()["deployments"], 1);
  EXPECT_EQ(Count("webhook_events"), 0);
}

TEST_F(RetentionTest, TerminatedInstancesGoOnceNothingOfThemIsLeft) {
  const int64_t instance = AddInstance("a");
  AddEnded(instance, "/x");
  ASSERT_TRUE(Sql("INSERT INTO tasks (type, status, instance_id, deliver_by) VALUES"
                  " ('TERMINATE_INSTANCE', 'COMPLETED', 1, now());"
                  "INSERT INTO task_logs (task_id, log) SELECT max(id), 'x' FROM tasks;"
                  "UPDATE instances SET status = 'TERMINATED'")
                  .ok());
  AddInstance("ready");
  Age(91);
  EXPECT_EQ(
      Prune(),
      (Pruned{
          {"payloads", 1}, {"tasks", 2}, {"deployments", 1}, {"instances", 1}, {"scripts", 1}}));
  EXPECT_EQ(QueryValue("SELECT name FROM instances"), "ready");
}

TEST_F(RetentionTest, EachKindHasItsTimeAndZeroIsForEver) {
  AddEnded(AddInstance("a"), "/x");
  ASSERT_TRUE(Sql("INSERT INTO request_ids (token_id, method, request_id, fingerprint, response)"
                  " VALUES (1, 'm', 'r', 'f', 'x');"
                  "INSERT INTO workers (name, incarnation, version) VALUES ('w', 'i', 'v');"
                  "INSERT INTO audit_events (principal, token_id, peer, method, project, ids,"
                  " script_sha256, code, reason, request_id)"
                  " VALUES ('p', 1, '', 'm', '', '{}', '', 'OK', '', '')")
                  .ok());
  Age(8);
  EXPECT_EQ(Prune(), (Pruned{{"request_ids", 1}}));
  Age(400);
  EXPECT_EQ(Prune({.payloads = {}, .request_ids = {}, .audit = {}}), Pruned());
  EXPECT_EQ(Prune({.payloads = {}}), (Pruned{{"audit_events", 1}}));
  EXPECT_EQ(
      Prune(),
      (Pruned{{"payloads", 1}, {"tasks", 1}, {"deployments", 1}, {"scripts", 1}, {"workers", 1}}));
}

TEST_F(RetentionTest, TheAuditOfTheLastMonthCannotGo) {
  ASSERT_TRUE(Sql("INSERT INTO audit_events (principal, token_id, peer, method, project, ids,"
                  " script_sha256, code, reason, request_id)"
                  " VALUES ('p', 1, '', 'm', '', '{}', '', 'OK', '', '')")
                  .ok());
  Age(29);
  EXPECT_FALSE(database_
                   ->Transact([](Connection& c) -> absl::Status {
                     return retention_store::Prune(c, {.audit = std::chrono::hours(24)},
                                                   retention_store::Step::kAudit, 10)
                         .status();
                   })
                   .ok());
  EXPECT_FALSE(Sql("DELETE FROM audit_events").ok());
  Age(10);
  EXPECT_FALSE(Sql("DELETE FROM audit_events").ok()) << "nor by another way than this";
  EXPECT_EQ(Prune({.payloads = {}, .audit = std::chrono::hours(24)}),
            (Pruned{{"audit_events", 1}}));
}

TEST_F(RetentionTest, AScriptIsNotTakenFromWhoDeploysIt) {
  Do([](Connection& c) { return script_store::Put(c, Sha256("x"), "x"); });
  Age(91);
  Do([&](Connection& c) -> absl::Status {
    RETURN_IF_ERROR(script_store::Put(c, Sha256("x"), "x"));
    // In another transaction, while this one holds the script.
    is_held_ = true;
    EXPECT_EQ(Prune(), Pruned());
    return absl::OkStatus();
  });
  is_held_ = false;
  EXPECT_EQ(Prune(), (Pruned{{"scripts", 1}}));
  // One that goes while somebody stores it is stored again.
  Do([](Connection& c) { return script_store::Put(c, Sha256("x"), "x"); });
  Age(91);
  DoWhileScriptsGo([](Connection& c) { return script_store::Put(c, Sha256("x"), "x"); });
  EXPECT_EQ(Count("scripts"), 1);
}

TEST_F(RetentionTest, WhoDeploysAScriptThatGoesIsToldSo) {
  const NewDeployment deployment{
      .script_sha256 = Sha256("x"), .script_bytes = 1, .execute_payload = true, .timeout = 60};
  std::optional<DeploymentIds> ids;
  const auto insert = [&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(ids, deployment_store::Insert(c, deployment, 2));
    return absl::OkStatus();
  };
  Do([](Connection& c) { return script_store::Put(c, Sha256("x"), "x"); });
  Age(91);
  DoWhileScriptsGo(insert);
  EXPECT_FALSE(ids.has_value());
  Do([](Connection& c) { return script_store::Put(c, Sha256("x"), "x"); });
  Age(91);
  Do([&](Connection& c) -> absl::Status {
    RETURN_IF_ERROR(insert(c));
    is_held_ = true;
    EXPECT_EQ(Prune(), Pruned());
    return absl::OkStatus();
  });
  ASSERT_TRUE(ids.has_value());
  EXPECT_EQ(ids->payloads.size(), 2u);
  EXPECT_EQ(ids->tasks.size(), 2u);
}

TEST_F(RetentionTest, OneAtATimePrunes) {
  AddEnded(AddInstance("a"), "/x");
  Age(91);
  Do([&](Connection& c) -> absl::Status {
    EXPECT_TRUE(c.ExecuteScript("SELECT pg_advisory_xact_lock(hashtext('longshore prune'))").ok());
    EXPECT_EQ(Prune(), Pruned());
    EXPECT_FALSE(is_alone_);
    return absl::OkStatus();
  });
  EXPECT_EQ(Prune()["payloads"], 1);
}

}  // namespace
}  // namespace longshore::storage
