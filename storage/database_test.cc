// Connections, transactions and migrations, against real PostgreSQL.
#include <gtest/gtest.h>

#include <future>

#include "storage/testing/database_fixture.h"

namespace longshore::storage {
namespace {

using DatabaseTest = DatabaseFixture;

TEST_F(DatabaseTest, MigratesOnceHoweverManyStart) {
  const std::string url = postgres_->CreateDatabase("together");
  std::vector<std::future<absl::Status>> starts;
  starts.reserve(4);
  for (int i = 0; i < 4; ++i) {
    starts.push_back(std::async(std::launch::async, [&] { return Migrate(url); }));
  }
  for (auto& start : starts) EXPECT_TRUE(start.get().ok());
  EXPECT_TRUE(Migrate(url).ok());
}

TEST_F(DatabaseTest, FailedMigrationLeavesNothingAndNewerSchemaIsRefused) {
  std::vector<Migration> migrations = EmbeddedMigrations();
  migrations.push_back({9000, "broken", "CREATE TABLE half (id int); SELECT 1/0;"});
  EXPECT_FALSE(Migrate(url_, migrations).ok());
  EXPECT_FALSE(Sql("SELECT * FROM half").ok());
  migrations.back().sql = "CREATE TABLE whole (id int)";
  EXPECT_TRUE(Migrate(url_, migrations).ok());
  const absl::Status older = Migrate(url_);
  EXPECT_TRUE(absl::IsFailedPrecondition(older)) << older;
}

TEST_F(DatabaseTest, AMigrationMayTakeItsTime) {
  std::vector<Migration> migrations = EmbeddedMigrations();
  migrations.push_back(
      {9000, "slow", "CREATE TABLE seen AS SELECT current_setting('statement_timeout') AS value"});
  ASSERT_TRUE(Migrate(url_, migrations).ok());
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const Result result, c.Execute("SELECT value FROM seen"));
    EXPECT_EQ(result.Text(0, 0), "0");
    return absl::OkStatus();
  });
}

// An api_server of the version before goes on while the first new one migrates.
TEST_F(DatabaseTest, AMigrationThatIsGivenUpForADeadlockIsBegunAgain) {
  const std::string url = postgres_->CreateDatabase("deadlocked");
  // A sequence is not rolled back.
  const std::vector<Migration> migrations = {
      {1, "first", "CREATE SEQUENCE tries; CREATE TABLE done (try bigint)"},
      {2, "second",
       "INSERT INTO done SELECT nextval('tries'); DO $$ BEGIN IF currval('tries') < 3 THEN"
       " RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF; END $$"}};
  ASSERT_TRUE(Migrate(url, migrations).ok());
  auto connection = Connection::Open(url);
  ASSERT_TRUE(connection.ok());
  const auto tries = (*connection)->Execute("SELECT try FROM done");
  ASSERT_TRUE(tries.ok());
  ASSERT_EQ(tries->rows(), 1);
  EXPECT_EQ(tries->Int(0, 0), 3);
}

TEST_F(DatabaseTest, AnAnswerThatDoesNotComeBreaksTheConnection) {
  auto connection = Connection::Open(url_, std::chrono::seconds(1));
  ASSERT_TRUE(connection.ok());
  const absl::Status status = (*connection)->ExecuteScript("SELECT pg_sleep(30)");
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_FALSE((*connection)->healthy());
  EXPECT_TRUE(absl::IsUnavailable((*connection)->ExecuteScript("SELECT 1")));
}

constexpr Query kKeep = {.name = "keep",
                         .text = "INSERT INTO kept SELECT 12 / $1::int RETURNING number",
                         .parameters = {"divisor"}};
constexpr Query kCountKept = {.name = "count_kept", .text = "SELECT count(*) FROM kept"};

class TogetherTest : public DatabaseFixture {
 protected:
  void SetUp() override {
    DatabaseFixture::SetUp();
    ASSERT_TRUE(Sql("CREATE TABLE kept (number int)").ok());
  }
  // Keeps 12 divided by each of `divisors`, then counts.
  absl::Status Keep(const std::vector<int64_t>& divisors) {
    return database_->TransactAtOnce([&](Connection& c) -> absl::Status {
      std::vector<Statement> statements;
      statements.reserve(divisors.size());
      for (const int64_t divisor : divisors) {
        statements.push_back({kKeep, Params().Int("divisor", divisor)});
      }
      statements.push_back({kCountKept});
      ASSIGN_OR_RETURN(results_, c.ExecuteTogether(statements));
      return absl::OkStatus();
    });
  }
  int64_t Kept() {
    int64_t kept = -1;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const Result result, c.Execute(kCountKept));
      kept = result.Int(0, 0);
      return absl::OkStatus();
    });
    return kept;
  }

  std::vector<Result> results_;
};

TEST_F(TogetherTest, EachStatementHasItsResultAndSeesThoseBefore) {
  ASSERT_TRUE(Keep({1, 2}).ok());
  ASSERT_EQ(results_.size(), 3);
  EXPECT_EQ(results_[0].Int(0, 0), 12);
  EXPECT_EQ(results_[1].Int(0, 0), 6);
  EXPECT_EQ(results_[2].Int(0, 0), 2);
  EXPECT_EQ(Kept(), 2);
}

TEST_F(TogetherTest, WhatFailsUndoesWhatCameBefore) {
  const absl::Status failed = Keep({1, 0, 2});
  EXPECT_TRUE(absl::IsInternal(failed)) << failed;
  EXPECT_EQ(failed.message(), "database: division by zero");
  EXPECT_EQ(Kept(), 0);
  EXPECT_TRUE(Keep({3}).ok()) << "the connection serves on";
  EXPECT_EQ(Kept(), 1);
}

TEST_F(TogetherTest, MoreThanIsSentAtOnceIsATransactionAsWell) {
  std::vector<int64_t> divisors(1000, 1);
  ASSERT_TRUE(Keep(divisors).ok());
  EXPECT_EQ(results_.size(), 1001);
  EXPECT_EQ(Kept(), 1000);
  divisors.back() = 0;
  EXPECT_TRUE(absl::IsInternal(Keep(divisors)));
  EXPECT_EQ(Kept(), 1000);
}

TEST_F(TogetherTest, WithinATransactionItIsAPartOfIt) {
  EXPECT_FALSE(
      database_
          ->Transact([&](Connection& c) -> absl::Status {
            RETURN_IF_ERROR(
                c.ExecuteTogether({{kKeep, Params().Int("divisor", 1)}, {kCountKept}}).status());
            return absl::InternalError("undo it");
          })
          .ok());
  EXPECT_EQ(Kept(), 0);
}

TEST_F(TogetherTest, AConnectionThatWasEndedMeanwhileIsNotUsed) {
  ASSERT_TRUE(Keep({1}).ok());
  auto other = Connection::Open(url_);
  ASSERT_TRUE(other.ok());
  // Waits until the sessions are gone.
  const auto ended = (*other)->Execute(
      "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity "
      "WHERE datname = current_database() AND pid <> pg_backend_pid()");
  ASSERT_TRUE(ended.ok()) << ended.status();
  ASSERT_GT(ended->rows(), 0);
  EXPECT_TRUE(Keep({2}).ok());
  EXPECT_EQ(Kept(), 2);
}

TEST_F(TogetherTest, AServerThatEndsMeanwhileLeavesItInDoubt) {
  auto other = Connection::Open(url_);
  ASSERT_TRUE(other.ok());
  constexpr Query kEndSelf = {.name = "end_self",
                              .text = "SELECT pg_terminate_backend(pg_backend_pid())"};
  int tries = 0;
  const absl::Status status = database_->TransactAtOnce([&](Connection& c) {
    ++tries;
    return c.ExecuteTogether({{kKeep, Params().Int("divisor", 1)}, {kEndSelf}, {kCountKept}})
        .status();
  });
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(tries, 1);
  EXPECT_EQ(Kept(), 0);
}

TEST_F(DatabaseTest, TextArraysComeBackAsTheyWent) {
  const std::vector<std::string> tags{"a",           "",    "with,comma", "\"quoted\"",
                                      "back\\slash", "{x}", "NULL"};
  Do([&](Connection& c) -> absl::Status {
    constexpr Query kEcho = {
        .name = "echo", .text = "SELECT $1::text[] AS tags", .parameters = {"tags"}};
    ASSIGN_OR_RETURN(const Result result, c.Execute(kEcho, Params().Texts("tags", tags)));
    EXPECT_EQ(result.first().TextArray("tags"), tags);
    return absl::OkStatus();
  });
}

TEST_F(DatabaseTest, ArraysOfNumbersAreRead) {
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const Result result,
                     c.Execute("SELECT '{7,-1,9223372036854775807}'::bigint[] AS some, "
                               "'{}'::bigint[] AS none, NULL::bigint[] AS unknown"));
    const Row row = result.first();
    EXPECT_EQ(row.IntArray("some"), (std::vector<int64_t>{7, -1, INT64_MAX}));
    EXPECT_TRUE(row.IntArray("none").empty());
    EXPECT_TRUE(row.IntArray("unknown").empty());
    return absl::OkStatus();
  });
}

TEST_F(DatabaseTest, OnlyWhatAsksForItIsPlannedEachTime) {
  constexpr Query kFixed = {
      .name = "fixed",
      .text = "SELECT 1 / $1::int, current_setting('plan_cache_mode') AS mode",
      .parameters = {"divisor"}};
  Query anew = kFixed;
  anew.planned_each_time = true;
  const auto mode = [](Connection& c, const Query& query) {
    const auto result = c.Execute(query, Params().Int("divisor", 1));
    return result.ok() ? result->first().String("mode") : result.status().ToString();
  };
  Do([&](Connection& c) -> absl::Status {
    EXPECT_EQ(mode(c, anew), "force_custom_plan");
    EXPECT_EQ(mode(c, kFixed), "force_generic_plan");
    return absl::OkStatus();
  });
  // Nor after a statement that fails, within a transaction or without.
  for (const bool transact : {true, false}) {
    const auto fail = [&](Connection& c) {
      return c.Execute(anew, Params().Int("divisor", 0)).status();
    };
    EXPECT_FALSE((transact ? database_->Transact(fail) : database_->Run(fail)).ok());
    Do([&](Connection& c) -> absl::Status {
      EXPECT_EQ(mode(c, kFixed), "force_generic_plan");
      return absl::OkStatus();
    });
  }
}

TEST_F(DatabaseTest, AFailedBodyLeavesNothingAndDeadConnectionsAreReplaced) {
  EXPECT_FALSE(database_
                   ->Transact([&](Connection& c) -> absl::Status {
                     RETURN_IF_ERROR(c.ExecuteScript("CREATE TABLE left_over (id int)"));
                     return absl::InternalError("changed my mind");
                   })
                   .ok());
  EXPECT_FALSE(Sql("SELECT * FROM left_over").ok());
  auto other = Connection::Open(url_);
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE((*other)
                  ->ExecuteScript("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                  " WHERE pid <> pg_backend_pid() AND datname = current_database()")
                  .ok());
  EXPECT_TRUE(Sql("SELECT 1").ok());
}

}  // namespace
}  // namespace longshore::storage
