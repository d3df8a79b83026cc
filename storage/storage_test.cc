// The conformance suite of the stores, against real PostgreSQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "storage/output_store.h"
#include "storage/request_id_store.h"
#include "storage/testing/database_fixture.h"

namespace longshore::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class StorageTest : public DatabaseFixture {
 protected:
  TaskEnd Completed(int64_t task_id, int64_t instance_id) {
    return {.task_id = task_id,
            .payload_id = task_id,
            .instance_id = instance_id,
            .status = v1::PAYLOAD_STATUS_COMPLETED,
            .executed = true,
            .exit_code = 0,
            .run_directory = true};
  }

  const OutputLimit limit_{100};
};

TEST_F(StorageTest, MigratesOnceHoweverManyStart) {
  const std::string url = postgres_->CreateDatabase("together");
  std::vector<std::future<absl::Status>> starts;
  for (int i = 0; i < 4; ++i) {
    starts.push_back(std::async(std::launch::async, [&] { return Migrate(url); }));
  }
  for (auto& start : starts) EXPECT_TRUE(start.get().ok());
  EXPECT_TRUE(Migrate(url).ok());
}

TEST_F(StorageTest, FailedMigrationLeavesNothingAndNewerSchemaIsRefused) {
  std::vector<Migration> migrations = EmbeddedMigrations();
  migrations.push_back({9000, "broken", "CREATE TABLE half (id int); SELECT 1/0;"});
  EXPECT_FALSE(Migrate(url_, migrations).ok());
  EXPECT_FALSE(Sql("SELECT * FROM half").ok());
  migrations.back().sql = "CREATE TABLE whole (id int)";
  EXPECT_TRUE(Migrate(url_, migrations).ok());
  const absl::Status older = Migrate(url_);
  EXPECT_TRUE(absl::IsFailedPrecondition(older)) << older;
}

TEST_F(StorageTest, AMigrationMayTakeItsTime) {
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

TEST_F(StorageTest, AnAnswerThatDoesNotComeBreaksTheConnection) {
  auto connection = Connection::Open(url_, std::chrono::seconds(1));
  ASSERT_TRUE(connection.ok());
  const absl::Status status = (*connection)->ExecuteScript("SELECT pg_sleep(30)");
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_FALSE((*connection)->healthy());
  EXPECT_TRUE(absl::IsUnavailable((*connection)->ExecuteScript("SELECT 1")));
}

TEST_F(StorageTest, TextArraysComeBackAsTheyWent) {
  const std::vector<std::string> tags{"a",           "",    "with,comma", "\"quoted\"",
                                      "back\\slash", "{x}", "NULL"};
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const Result result, c.Execute("SELECT $1::text[]", Params().Texts(tags)));
    EXPECT_EQ(result.TextArray(0, 0), tags);
    return absl::OkStatus();
  });
}

TEST_F(StorageTest, FirstHostKeyIsPinned) {
  const int64_t id = AddInstance("a", /*host_key=*/"");
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string first, InstanceStore::PinHostKey(c, id, "ssh-ed25519 A"));
    ASSIGN_OR_RETURN(const std::string second, InstanceStore::PinHostKey(c, id, "ssh-ed25519 B"));
    EXPECT_EQ(first, "ssh-ed25519 A");
    EXPECT_EQ(second, "ssh-ed25519 A");
    return absl::OkStatus();
  });
}

TEST_F(StorageTest, ClaimsEachTaskOnceUnderARisingEpoch) {
  const int64_t instance = AddInstance("a");
  const int64_t task = AddPayload(instance, "/x");
  EXPECT_THAT(Claim(10), ElementsAre(task));
  EXPECT_THAT(Claim(10), IsEmpty());
  ASSERT_TRUE(Sql("UPDATE tasks SET lease_until = now() - interval '1 s'").ok());
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto fenced, LeaseStore::Renew(c, {task}, {0}, std::chrono::seconds(9)));
    EXPECT_THAT(fenced, IsEmpty());
    ASSIGN_OR_RETURN(const int64_t reaped, LeaseStore::ReapExpired(c));
    EXPECT_EQ(reaped, 1);
    // The lease that ran out cannot be renewed any more.
    ASSIGN_OR_RETURN(const auto late, LeaseStore::Renew(c, {task}, {1}, std::chrono::seconds(9)));
    EXPECT_THAT(late, IsEmpty());
    return absl::OkStatus();
  });
  EXPECT_THAT(Claim(10), ElementsAre(task));
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto locked, TaskStore::Lock(c, {task}));
    EXPECT_EQ(locked[0].lease_epoch, 2);
    return absl::OkStatus();
  });
}

TEST_F(StorageTest, OneRemotePathAtATimeAndTheNextIsWoken) {
  const int64_t instance = AddInstance("a");
  const int64_t first = AddPayload(instance, "/x");
  const int64_t second = AddPayload(instance, "/x");
  const int64_t other = AddPayload(instance, "/y");
  EXPECT_THAT(Claim(10), ElementsAre(first, other));
  EXPECT_THAT(Claim(10), IsEmpty());
  Do([&](Connection& c) { return TaskStore::End(c, {Completed(first, instance)}, limit_); });
  EXPECT_THAT(Claim(10), ElementsAre(second));
}

TEST_F(StorageTest, APathStaysBusyWhileItsScriptRunsWithoutAHolder) {
  const int64_t instance = AddInstance("a");
  const int64_t first = AddPayload(instance, "/x");
  EXPECT_THAT(Claim(1), ElementsAre(first));
  AddPayload(instance, "/x");
  Do([&](Connection& c) -> absl::Status {
    RETURN_IF_ERROR(PayloadStore::MarkExecuting(c, {first}));
    return TaskStore::Reschedule(c, {first}, {std::chrono::hours(1)}, {"lost"});
  });
  EXPECT_THAT(Claim(10), IsEmpty());
}

TEST_F(StorageTest, AtMostSoManyOnOneInstance) {
  const int64_t instance = AddInstance("a");
  std::vector<int64_t> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(AddPayload(instance, "/x" + std::to_string(i)));
  const ClaimOptions options{.max_running_per_instance = 2};
  EXPECT_THAT(Claim(10, options), ElementsAre(tasks[0], tasks[1]));
  EXPECT_THAT(Claim(10, options), IsEmpty());
  Do([&](Connection& c) { return TaskStore::End(c, {Completed(tasks[0], instance)}, limit_); });
  EXPECT_THAT(Claim(10, options), ElementsAre(tasks[2]));
}

TEST_F(StorageTest, TerminalRowsNeverChangeAndStatusGoesAlongTheArrows) {
  const int64_t instance = AddInstance("a");
  const int64_t task = AddPayload(instance, "/x");
  Claim(1);
  Do([&](Connection& c) { return PayloadStore::MarkExecuting(c, {task}); });
  EXPECT_FALSE(Sql("UPDATE payloads SET status = 'PENDING'").ok());
  EXPECT_FALSE(Sql("UPDATE tasks SET lease_epoch = 0").ok());
  Do([&](Connection& c) { return TaskStore::End(c, {Completed(task, instance)}, limit_); });
  EXPECT_FALSE(Sql("UPDATE payloads SET error = 'x'").ok());
  EXPECT_FALSE(Sql("UPDATE tasks SET error = 'x'").ok());
  // Ending it again, as after a COMMIT whose answer was lost, changes nothing.
  TaskEnd again = Completed(task, instance);
  again.status = v1::PAYLOAD_STATUS_FAILED;
  again.failure_reason = v1::FAILURE_REASON_INTERNAL;
  Do([&](Connection& c) { return TaskStore::End(c, {again}, limit_); });
  EXPECT_EQ(Payload(task).status(), v1::PAYLOAD_STATUS_COMPLETED);
}

TEST_F(StorageTest, OutputKeepsHeadAndTailAndIgnoresRepeats) {
  const int64_t instance = AddInstance("a");
  const int64_t id = AddPayload(instance, "/x");
  std::string whole;
  for (int i = 0; i < 100; ++i) whole += std::to_string(1000 + i);
  Claim(1);
  Do([&](Connection& c) { return PayloadStore::MarkExecuting(c, {id}); });
  // 50 bytes of head in chunks of 25, then chunks of 30.
  for (size_t at = 0; at < whole.size();) {
    const size_t size = at < 50 ? 25 : std::min<size_t>(30, whole.size() - at);
    const OutputChunk chunk{id, static_cast<int64_t>(at), whole.substr(at, size)};
    Do([&](Connection& c) { return OutputStore::Append(c, {chunk}, limit_); });
    Do([&](Connection& c) { return OutputStore::Append(c, {chunk}, limit_); });
    at += size;
  }
  TaskEnd end = Completed(id, instance);
  end.output_bytes = static_cast<int64_t>(whole.size());
  Do([&](Connection& c) { return TaskStore::End(c, {end}, limit_); });
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string kept, OutputStore::ReadAll(c, id));
    EXPECT_EQ(kept, whole.substr(0, 50) + whole.substr(whole.size() - 50));
    ASSIGN_OR_RETURN(const OutputChunk middle, OutputStore::ReadFrom(c, id, 10, 1000));
    EXPECT_EQ(middle.offset, 10);
    EXPECT_EQ(middle.data, whole.substr(10, 40));
    ASSIGN_OR_RETURN(const OutputChunk after_gap, OutputStore::ReadFrom(c, id, 60, 1000));
    EXPECT_EQ(after_gap.offset, 350);
    ASSIGN_OR_RETURN(const OutputChunk nothing, OutputStore::ReadFrom(c, id, 400, 1000));
    EXPECT_EQ(nothing.data, "");
    return absl::OkStatus();
  });
  EXPECT_EQ(Payload(id).output_bytes(), 400);
  EXPECT_TRUE(Payload(id).output_truncated());
}

TEST_F(StorageTest, DependentsFollowTheTaskTheyWaitFor) {
  const int64_t instance = AddInstance("a");
  const auto add_dependent = [&](int64_t on, int64_t payload) {
    NewTasks tasks{.type = v1::TASK_TYPE_PAYLOAD_EXECUTE};
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(tasks.ids, TaskStore::AllocateIds(c, 1));
      tasks.payload_ids = {payload};
      tasks.instance_ids = {instance};
      tasks.remote_paths = {"/x"};
      tasks.depends_on = {on};
      return TaskStore::InsertBatch(c, tasks);
    });
    return tasks.ids[0];
  };
  const int64_t good = AddPayload(instance, "/x", /*execute=*/false);
  const int64_t runs = add_dependent(good, good);
  EXPECT_THAT(Claim(10), ElementsAre(good));
  TaskEnd end = Completed(good, instance);
  end.status = v1::PAYLOAD_STATUS_TRANSFERRED;
  Do([&](Connection& c) { return TaskStore::End(c, {end}, limit_); });
  EXPECT_THAT(Claim(10), ElementsAre(runs));
}

TEST_F(StorageTest, CleanupsAreClaimedWhenDueAndForgottenWhenDone) {
  const int64_t instance = AddInstance("a");
  const int64_t task = AddPayload(instance, "/x");
  Claim(1);
  Do([&](Connection& c) { return TaskStore::End(c, {Completed(task, instance)}, limit_); });
  const auto claim = [&] {
    std::vector<v1::Assignment> cleanups;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(cleanups, LeaseStore::ClaimCleanups(c, 10));
      return absl::OkStatus();
    });
    return cleanups;
  };
  EXPECT_THAT(claim(), IsEmpty());
  ASSERT_TRUE(Sql("UPDATE run_cleanups SET run_at = now()").ok());
  EXPECT_THAT(claim(), SizeIs(1));
  EXPECT_THAT(claim(), IsEmpty());
  Do([&](Connection& c) { return LeaseStore::DeleteCleanups(c, {task}, {1}); });
  ASSERT_TRUE(Sql("UPDATE run_cleanups SET run_at = now()").ok());
  EXPECT_THAT(claim(), IsEmpty());
}

// Both are due at once, the one that waits has the lower id: neither may keep the other waiting.
TEST_F(StorageTest, WhatRunsOrMayRunComesBeforeWhatWaitsForIt) {
  for (const char* started : {"UPDATE tasks SET maybe_started = true WHERE payload_id = ",
                              "UPDATE payloads SET status = 'EXECUTING', executed = true, "
                              "started_at = now() WHERE id = "}) {
    const int64_t instance = AddInstance(started);
    AddPayload(instance, "/x");
    const int64_t second = AddPayload(instance, "/x");
    ASSERT_TRUE(Sql(started + std::to_string(second)).ok());
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const auto claimed, LeaseStore::ClaimDue(c, {"w", "w", "w"}, {}));
      EXPECT_EQ(claimed.claims.size(), 1u);
      EXPECT_EQ(claimed.claims.at(0).assignment.payload_id(), second);
      return absl::OkStatus();
    });
  }
}

TEST_F(StorageTest, OnlyAnExecutionWhoseHolderIsLostIsInDoubt) {
  const int64_t payload = AddPayload(AddInstance("a"), "/x");
  const auto in_doubt = [&] {
    bool doubt = false;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const auto tasks, TaskStore::Lock(c, {payload}));
      doubt = MayHaveStarted(tasks.at(0));
      return absl::OkStatus();
    });
    return doubt;
  };
  Do([&](Connection& c) -> absl::Status {
    RETURN_IF_ERROR(LeaseStore::ClaimDue(c, {"w"}, {}).status());
    return TaskStore::Reschedule(c, {payload}, {std::chrono::milliseconds(0)}, {"not reached"});
  });
  EXPECT_FALSE(in_doubt());
  Do([&](Connection& c) { return LeaseStore::ClaimDue(c, {"w"}, {}).status(); });
  ASSERT_TRUE(Sql("UPDATE tasks SET lease_until = now() - interval '1 second'").ok());
  Do([&](Connection& c) { return LeaseStore::ReapExpired(c).status(); });
  EXPECT_TRUE(in_doubt());
}

TEST_F(StorageTest, WhatATryThatBrokeOffMayHaveLeftIsCleanedUpToo) {
  const auto cancel = [&](int64_t instance, bool tried) {
    const int64_t task = AddPayload(instance, "/x");
    Do([&](Connection& c) -> absl::Status {
      if (tried) {
        RETURN_IF_ERROR(LeaseStore::ClaimDue(c, {"w"}, {}).status());
        RETURN_IF_ERROR(TaskStore::Reschedule(c, {task}, {std::chrono::hours(1)}, {"broke"}));
      }
      TaskEnd end = Completed(task, instance);
      end.status = v1::PAYLOAD_STATUS_CANCELLED;
      end.executed = end.run_directory = false;
      end.exit_code.reset();
      return TaskStore::End(c, {end}, limit_);
    });
    return task;
  };
  const int64_t tried = cancel(AddInstance("a"), true);
  cancel(AddInstance("b"), false);
  cancel(AddInstance("never reached", /*host_key=*/""), true);
  ASSERT_TRUE(Sql("UPDATE run_cleanups SET run_at = now()").ok());
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto cleanups, LeaseStore::ClaimCleanups(c, 10));
    EXPECT_EQ(cleanups.size(), 1u);
    EXPECT_EQ(cleanups.at(0).payload_id(), tried);
    EXPECT_EQ(cleanups.at(0).remote_path(), "/x");
    return absl::OkStatus();
  });
}

TEST_F(StorageTest, ARequestIdIsClaimedOnce) {
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const bool first, RequestIdStore::Claim(c, "M", "id", "print"));
    EXPECT_TRUE(first);
    return RequestIdStore::SetResponse(c, "M", "id", std::string("\0answer", 7));
  });
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const bool second, RequestIdStore::Claim(c, "M", "id", "other"));
    EXPECT_FALSE(second);
    ASSIGN_OR_RETURN(const auto answer, RequestIdStore::Find(c, "M", "id"));
    EXPECT_EQ(answer->fingerprint, "print");
    EXPECT_EQ(answer->response, std::string("\0answer", 7));
    return absl::OkStatus();
  });
}

TEST_F(StorageTest, AFailedBodyLeavesNothingAndDeadConnectionsAreReplaced) {
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
