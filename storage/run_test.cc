// The ids of runs and the cleanups of what runs leave, against real PostgreSQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/testing/database_fixture.h"

namespace longshore::storage {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class RunTest : public DatabaseFixture {
 protected:
  // Adds a task that runs a payload after `depends_on`. Returns its id.
  int64_t AddExecution(int64_t payload, int64_t instance, std::optional<int64_t> depends_on) {
    NewTasks tasks{.type = v1::TASK_TYPE_PAYLOAD_EXECUTE,
                   .payload_ids = {payload},
                   .instance_ids = {instance},
                   .remote_paths = {"/x"},
                   .depends_on = {depends_on}};
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(tasks.ids, task_store::AllocateIds(c, 1));
      return task_store::InsertBatch(c, tasks);
    });
    return tasks.ids[0];
  }
  // What ExecutePayload does.
  int64_t Execute(int64_t payload, int64_t instance, int64_t transfer) {
    const int64_t task = AddExecution(payload, instance, transfer);
    Do([&](Connection& c) { return payload_store::SetTasks(c, {payload}, {task}, 0); });
    return task;
  }
};

TEST_F(RunTest, CleanupsAreClaimedWhenDueAndForgottenWhenDone) {
  const int64_t instance = AddInstance("a");
  const int64_t task = AddPayload(instance, "/x");
  Claim(1);
  Do([&](Connection& c) { return task_store::End(c, {Completed(task, instance)}, limit_); });
  const auto claim = [&] {
    std::vector<CleanupClaim> cleanups;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(cleanups, lease_store::ClaimCleanups(c, Reach(), {"w", "v"}));
      return absl::OkStatus();
    });
    return cleanups;
  };
  EXPECT_THAT(claim(), IsEmpty());
  ASSERT_TRUE(Sql("UPDATE run_cleanups SET run_at = now()").ok());
  const auto claimed = claim();
  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(claimed[0].worker, "w");
  EXPECT_EQ(claimed[0].run.size(), 32u);
  EXPECT_THAT(claim(), IsEmpty());
  // Neither who was not asked, nor whose try is over, nor who never held the task says that it is
  // gone.
  const int64_t turn = claimed[0].try_number;
  for (const CleanedRun& other :
       {CleanedRun{task, 1, 0, turn, "v"}, CleanedRun{task, 1, 0, 99, "w"},
        CleanedRun{task, 1, task, 1, "v"}, CleanedRun{task, 1, task, 2, "w"}}) {
    Do([&](Connection& c) { return lease_store::DeleteCleanups(c, {other}); });
  }
  ASSERT_TRUE(Sql("UPDATE run_cleanups SET run_at = now()").ok());
  EXPECT_THAT(claim(), SizeIs(1));
  Do([&](Connection& c) { return lease_store::DeleteCleanups(c, {{task, 1, 0, turn + 1, "w"}}); });
  ASSERT_TRUE(Sql("UPDATE run_cleanups SET run_at = now()").ok());
  EXPECT_THAT(claim(), IsEmpty());
}

TEST_F(RunTest, WhoFollowedARunToItsEndSaysThatItIsCleaned) {
  const int64_t instance = AddInstance("a");
  const int64_t task = AddPayload(instance, "/x");
  Claim(1);
  Do([&](Connection& c) { return task_store::End(c, {Completed(task, instance)}, limit_); });
  Do([&](Connection& c) { return lease_store::DeleteCleanups(c, {{task, 1, task, 1, "w"}}); });
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto next, c.Execute("SELECT count(*) FROM run_cleanups"));
    EXPECT_EQ(next.Int(0, 0), 0);
    return absl::OkStatus();
  });
}

TEST_F(RunTest, EveryAttemptHasARunOfItsOwn) {
  const int64_t instance = AddInstance("a");
  const int64_t first = AddPayload(instance, "/x");
  const int64_t second = AddPayload(instance, "/y");
  const auto run_of = [&](int64_t payload) {
    std::string run;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const auto row, c.Execute(("SELECT run_id, cardinality(earlier_run_ids)"
                                                  " FROM payloads WHERE id = " +
                                                  std::to_string(payload))
                                                     .c_str()));
      run = std::string(row.Text(0, 0)) + "/" + std::string(row.Text(0, 1));
      return absl::OkStatus();
    });
    return run;
  };
  EXPECT_EQ(run_of(first).size(), 34u);
  EXPECT_NE(run_of(first), run_of(second));
  const std::string before = run_of(first);
  Claim(1);
  TaskEnd end = Completed(first, instance);
  end.status = v1::PAYLOAD_STATUS_FAILED;
  end.failure_reason = v1::FAILURE_REASON_NONZERO_EXIT;
  end.exit_code = 3;
  Do([&](Connection& c) { return task_store::End(c, {end}, limit_); });
  Do([&](Connection& c) { return payload_store::Retry(c, {first}, {first}); });
  EXPECT_NE(run_of(first).substr(0, 32), before.substr(0, 32));
  EXPECT_EQ(run_of(first).substr(32), "/1");
}

// A transfer that is cancelled may end after its payload: what waited for it is cancelled at once.
TEST_F(RunTest, ATaskOfTheAttemptBeforeEndsAlone) {
  const int64_t instance = AddInstance("a");
  const int64_t payload = AddPayload(instance, "/x", /*execute=*/false);
  const int64_t transfer = payload;
  Claim(1);
  const auto cancel = [&](int64_t task) {
    const TaskEnd end{.task_id = task,
                      .payload_id = payload,
                      .instance_id = instance,
                      .status = v1::PAYLOAD_STATUS_CANCELLED};
    Do([&](Connection& c) { return task_store::End(c, {end}, limit_); });
  };
  const int64_t execution = Execute(payload, instance, transfer);
  cancel(execution);
  EXPECT_EQ(Payload(payload).status(), v1::PAYLOAD_STATUS_CANCELLED);
  ASSERT_TRUE(Sql("UPDATE tasks SET failures = 1 WHERE status = 'RUNNING'")
                  .ok());  // It may have left an upload.
  const int64_t again = AddExecution(payload, instance, std::nullopt);
  Do([&](Connection& c) { return payload_store::Retry(c, {payload}, {again}); });
  cancel(transfer);
  EXPECT_EQ(Payload(payload).status(), v1::PAYLOAD_STATUS_PENDING);
  EXPECT_EQ(QueryValue("SELECT string_agg(status, ' ' ORDER BY id) FROM tasks"),
            "CANCELLED CANCELLED PENDING");
  // The run that is to come would be removed.
  EXPECT_EQ(QueryValue("SELECT count(*) FROM run_cleanups WHERE attempt > 1"), "0");
}

// As above, but the task that waits has not ended yet.
TEST_F(RunTest, ATransferThatFailsEndsThePayloadThatIsToBeRunAfterIt) {
  const int64_t instance = AddInstance("a");
  const int64_t payload = AddPayload(instance, "/x", /*execute=*/false);
  Claim(1);
  Execute(payload, instance, payload);
  const TaskEnd end{.task_id = payload,
                    .payload_id = payload,
                    .instance_id = instance,
                    .status = v1::PAYLOAD_STATUS_FAILED,
                    .failure_reason = v1::FAILURE_REASON_TRANSFER_FAILED};
  Do([&](Connection& c) { return task_store::End(c, {end}, limit_); });
  EXPECT_EQ(Payload(payload).status(), v1::PAYLOAD_STATUS_FAILED);
}

// An api_server from before runs had ids would have the run looked for under another name.
TEST_F(RunTest, AnOlderApiServerClaimsNothingWhoseRunHasAnId) {
  const int64_t task = AddPayload(AddInstance("a"), "/x");
  constexpr char kOldClaim[] =
      "SET LOCAL longshore.runs_have_ids = off; UPDATE tasks SET status = 'RUNNING',"
      " lease_epoch = lease_epoch + 1, worker = 'old', lease_until = now() + interval '9 s'";
  ASSERT_TRUE(Sql(kOldClaim).ok());
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto locked, task_store::Lock(c, {task}));
    EXPECT_EQ(locked.at(0).status, v1::TASK_STATUS_PENDING);
    EXPECT_EQ(locked.at(0).lease_epoch, 0);
    return absl::OkStatus();
  });
  // What it retries is named in the old way, so that it is not taken for the attempt before.
  ASSERT_TRUE(Sql("UPDATE payloads SET attempt = attempt + 1").ok());
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto row, c.Execute("SELECT run_id, cardinality(earlier_run_ids)"
                                               " FROM payloads"));
    EXPECT_EQ(row.Text(0, 0), "");
    EXPECT_EQ(row.Int(0, 1), 1);
    return absl::OkStatus();
  });
  ASSERT_TRUE(Sql(kOldClaim).ok());
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto locked, task_store::Lock(c, {task}));
    EXPECT_EQ(locked.at(0).status, v1::TASK_STATUS_RUNNING);
    return absl::OkStatus();
  });
}

TEST_F(RunTest, AnOlderApiServerAsksForNoCleanupOfARunThatHasAnId) {
  const int64_t instance = AddInstance("a");
  const int64_t task = AddPayload(instance, "/x");
  const std::string values = std::to_string(task) + ", 1, " + std::to_string(instance);
  ASSERT_TRUE(Sql("INSERT INTO run_cleanups (payload_id, attempt, instance_id, run_at)"
                  " VALUES (" +
                  values + ", now())")
                  .ok());
  ASSERT_TRUE(Sql("SET LOCAL longshore.runs_have_ids = off;"
                  " UPDATE run_cleanups SET failures = failures + 1")
                  .ok());
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto claims, lease_store::ClaimCleanups(c, Reach(), {"w"}));
    EXPECT_EQ(claims.at(0).run.size(), 32u);
    EXPECT_EQ(claims.at(0).try_number, 1);
    return absl::OkStatus();
  });
}

TEST_F(RunTest, WhatATryThatBrokeOffMayHaveLeftIsCleanedUpToo) {
  const auto cancel = [&](int64_t instance, bool tried) {
    const int64_t task = AddPayload(instance, "/x");
    Do([&](Connection& c) -> absl::Status {
      if (tried) {
        RETURN_IF_ERROR(ClaimDue(c, {"w"}, {}).status());
        RETURN_IF_ERROR(task_store::Reschedule(c, {task}, {std::chrono::hours(1)}, {"broke"}));
      }
      TaskEnd end = Completed(task, instance);
      end.status = v1::PAYLOAD_STATUS_CANCELLED;
      end.executed = end.run_directory = false;
      end.exit_code.reset();
      return task_store::End(c, {end}, limit_);
    });
    return task;
  };
  const int64_t tried = cancel(AddInstance("a"), true);
  cancel(AddInstance("b"), false);
  cancel(AddInstance("never reached", /*host_key=*/""), true);
  ASSERT_TRUE(Sql("UPDATE run_cleanups SET run_at = now()").ok());
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto cleanups, lease_store::ClaimCleanups(c, Reach(), {"w", "w"}));
    EXPECT_EQ(cleanups.size(), 1u);
    EXPECT_EQ(cleanups.at(0).payload_id, tried);
    EXPECT_EQ(cleanups.at(0).remote_path, "/x");
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace longshore::storage
