// Rollouts as the stores carry them, against real PostgreSQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sha256.h"
#include "storage/capacity_lock.h"
#include "storage/deployment_store.h"
#include "storage/rollout_store.h"
#include "storage/testing/database_fixture.h"

namespace longshore::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class RolloutTest : public DatabaseFixture {
 protected:
  void OpenGates() {
    Do([](Connection& c) -> absl::Status {
      RETURN_IF_ERROR(LockCapacity(c));
      RETURN_IF_ERROR(rollout_store::MoveWaves(c).status());
      RETURN_IF_ERROR(rollout_store::OpenGates(c));
      return rollout_store::Settle(c);
    });
  }

  void End(int64_t task, v1::PayloadStatus status) {
    const bool failed = status == v1::PAYLOAD_STATUS_FAILED;
    Do([&](Connection& c) {
      return task_store::End(c,
                             {{.task_id = task,
                               .payload_id = task,
                               .instance_id = task,
                               .status = status,
                               .failure_reason = failed ? v1::FAILURE_REASON_NONZERO_EXIT
                                                        : v1::FAILURE_REASON_UNSPECIFIED,
                               .executed = true,
                               .exit_code = failed ? 1 : 0}},
                             OutputLimit(100));
    });
  }

  // Returns the new task.
  int64_t RetryPayload(int64_t payload) {
    NewTasks again{.type = v1::TASK_TYPE_PAYLOAD_TRANSFER,
                   .payload_ids = {payload},
                   .instance_ids = {payload},
                   .remote_paths = {"/x"},
                   .depends_on = {std::nullopt}};
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(again.ids, task_store::AllocateIds(c, 1));
      RETURN_IF_ERROR(payload_store::Retry(c, again.payload_ids, again.ids));
      return task_store::InsertBatch(c, again);
    });
    return again.ids[0];
  }

  void Pause(int64_t id) {
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const bool paused, rollout_store::Pause(c, id));
      EXPECT_TRUE(paused);
      return absl::OkStatus();
    });
  }
  bool Resume(int64_t id) {
    bool resumed = false;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(resumed, rollout_store::Resume(c, id));
      return absl::OkStatus();
    });
    return resumed;
  }

  std::vector<int64_t> Stopped() {
    std::vector<int64_t> ids;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(ids, rollout_store::FindStopped(c, 100));
      return absl::OkStatus();
    });
    return ids;
  }

  v1::Deployment Deployment(int64_t id) {
    v1::Deployment deployment;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const auto found, deployment_store::Get(c, Scope::Everything(), id));
      deployment = *found;
      return absl::OkStatus();
    });
    return deployment;
  }

  bool AnyActive() {
    bool active = false;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const auto ahead, lease_store::LookAhead(c));
      active = ahead.rollouts;
      return absl::OkStatus();
    });
    return active;
  }
};

TEST_F(RolloutTest, LetsThroughAsManyAsHavePlaces) {
  const auto tasks = AddFleet(5, /*max_concurrency=*/2, /*max_errors=*/0);
  EXPECT_THAT(Claim(10), IsEmpty()) << "all begin behind the gate";
  OpenGates();
  OpenGates();
  EXPECT_THAT(Claim(10), ElementsAre(tasks[0], tasks[1]));
  OpenGates();
  EXPECT_THAT(Claim(10), IsEmpty());
  End(tasks[0], v1::PAYLOAD_STATUS_COMPLETED);
  OpenGates();
  EXPECT_THAT(Claim(10), ElementsAre(tasks[2]));
  for (int64_t task : {tasks[1], tasks[2]}) End(task, v1::PAYLOAD_STATUS_COMPLETED);
  EXPECT_TRUE(AnyActive());
  OpenGates();
  EXPECT_THAT(Claim(10), ElementsAre(tasks[3], tasks[4]));
  EXPECT_FALSE(AnyActive()) << "nothing is behind the gate any more";
}

TEST_F(RolloutTest, AnUnlimitedDeploymentHasNoGate) {
  const auto tasks = AddFleet(3, 0, 0);
  EXPECT_EQ(Claim(10), tasks);
  EXPECT_FALSE(AnyActive());
}

TEST_F(RolloutTest, ARetryGivesItsPlaceToAnotherUnlessItsDeadlineComesFirst) {
  const auto tasks = AddFleet(3, 1, 0);
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  Do([&](Connection& c) {
    return task_store::Reschedule(c, {tasks[0]}, {std::chrono::milliseconds(60000)}, {"away"});
  });
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[1]));
  Do([&](Connection& c) {
    return task_store::Reschedule(c, {tasks[1]}, {std::chrono::hours(2)}, {"away"});
  });
  OpenGates();
  EXPECT_THAT(Claim(10), IsEmpty()) << "it keeps its place until its deadline";
}

TEST_F(RolloutTest, AStartedOneKeepsItsPlace) {
  const auto tasks = AddFleet(2, 1, 0);
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  Start(tasks[0]);
  Do([&](Connection& c) {
    return task_store::Reschedule(c, {tasks[0]}, {std::chrono::milliseconds(0)}, {"link broke"});
  });
  OpenGates();
  EXPECT_THAT(Claim(10), ElementsAre(tasks[0]));
}

TEST_F(RolloutTest, WaitingForAPlaceDoesNotCountForTheDeadline) {
  const auto tasks = AddFleet(2, 1, 0);
  ASSERT_TRUE(Sql("UPDATE tasks SET run_at = run_at - interval '2 h', deliver_by = now() - interval"
                  " '1 h'")
                  .ok());
  OpenGates();
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto undelivered,
                     lease_store::FindUndelivered(c, 10, std::chrono::seconds(60)));
    EXPECT_THAT(undelivered, IsEmpty());
    return absl::OkStatus();
  });
  EXPECT_THAT(Claim(10), ElementsAre(tasks[0]));
}

TEST_F(RolloutTest, StopsAtMaxErrors) {
  const auto tasks = AddFleet(6, 3, 2);
  OpenGates();
  ASSERT_THAT(Claim(10), SizeIs(3));
  End(tasks[0], v1::PAYLOAD_STATUS_FAILED);
  EXPECT_EQ(Deployment(1).stop_reason(), "");
  OpenGates();  // The fourth is through the gate, and due.
  End(tasks[1], v1::PAYLOAD_STATUS_FAILED);
  EXPECT_EQ(Deployment(1).stop_reason(), "2 payloads failed; the rollout stops at max_errors 2");
  OpenGates();
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto claimed, ClaimDue(c, {"w", "w"}, {}));
    EXPECT_THAT(claimed.claims, IsEmpty());
    EXPECT_THAT(claimed.refused, SizeIs(1));
    std::vector<TaskEnd> ends;
    for (const RefusedTask& refused : claimed.refused) {
      EXPECT_EQ(refused.reason, RefusedTask::Reason::kRolloutStopped);
      ends.push_back({.task_id = refused.task_id,
                      .payload_id = refused.payload_id,
                      .instance_id = refused.instance_id,
                      .status = v1::PAYLOAD_STATUS_CANCELLED});
    }
    return task_store::End(c, ends, OutputLimit(100));
  });
  EXPECT_THAT(Stopped(), ElementsAre(tasks[4], tasks[5]));
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto recalled, rollout_store::Recall(c));
    EXPECT_THAT(recalled, ElementsAre(tasks[2]));
    ASSIGN_OR_RETURN(const auto again, rollout_store::Recall(c));
    EXPECT_THAT(again, IsEmpty());
    return absl::OkStatus();
  });
  for (int64_t task : {tasks[4], tasks[5]}) End(task, v1::PAYLOAD_STATUS_CANCELLED);
  OpenGates();
  EXPECT_TRUE(AnyActive()) << "one is still on its way";
  End(tasks[2], v1::PAYLOAD_STATUS_COMPLETED);
  OpenGates();
  EXPECT_FALSE(AnyActive());
  const v1::PayloadCounts counts = Deployment(1).counts();
  EXPECT_EQ(counts.failed(), 2);
  EXPECT_EQ(counts.cancelled(), 3);
  EXPECT_EQ(counts.completed(), 1);
  EXPECT_EQ(counts.total(), 6);
}

TEST_F(RolloutTest, NewTasksOpenAStoppedRolloutAgain) {
  const auto tasks = AddFleet(2, 1, 1);
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  End(tasks[0], v1::PAYLOAD_STATUS_FAILED);
  End(tasks[1], v1::PAYLOAD_STATUS_CANCELLED);
  OpenGates();
  ASSERT_FALSE(AnyActive());
  NewTasks again{.type = v1::TASK_TYPE_PAYLOAD_TRANSFER,
                 .payload_ids = tasks,
                 .instance_ids = tasks,
                 .remote_paths = {"/x", "/x"},
                 .depends_on = {std::nullopt, std::nullopt}};
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(again.ids, task_store::AllocateIds(c, 2));
    RETURN_IF_ERROR(payload_store::Retry(c, again.payload_ids, again.ids));
    return task_store::InsertBatch(c, again);
  });
  EXPECT_EQ(Deployment(1).stop_reason(), "");
  EXPECT_EQ(Deployment(1).counts().pending(), 2);
  OpenGates();
  EXPECT_THAT(Claim(10), ElementsAre(again.ids[0]));
  EXPECT_EQ(Payload(tasks[0]).attempt(), 2);
}

TEST_F(RolloutTest, WhatIsPausedStaysBehindTheGate) {
  const auto tasks = AddFleet(3, {});
  Pause(1);
  EXPECT_EQ(Deployment(1).rollout_state(), v1::ROLLOUT_STATE_PAUSED);
  OpenGates();
  EXPECT_THAT(Claim(10), IsEmpty()) << "although it has no rollout";
  EXPECT_TRUE(Resume(1));
  OpenGates();
  EXPECT_THAT(Claim(10), ElementsAre(tasks[0], tasks[1], tasks[2]));
  OpenGates();
  EXPECT_EQ(Deployment(1).rollout_state(), v1::ROLLOUT_STATE_DONE);
  EXPECT_FALSE(Resume(1)) << "nothing is held back";
}

TEST_F(RolloutTest, WhatIsUnderWayGoesOnInAPause) {
  const auto tasks = AddFleet(3, {});
  ASSERT_THAT(Claim(1), SizeIs(1));
  Start(tasks[0]);
  Pause(1);
  EXPECT_EQ(QueryValue("SELECT count(*) FROM tasks WHERE gated"), "2");
  End(tasks[0], v1::PAYLOAD_STATUS_COMPLETED);
  OpenGates();
  EXPECT_THAT(Claim(10), IsEmpty());
  EXPECT_TRUE(AnyActive());
  for (int64_t task : {tasks[1], tasks[2]}) {
    ASSERT_TRUE(Sql("UPDATE tasks SET gated = false WHERE id = " + std::to_string(task)).ok());
    End(task, v1::PAYLOAD_STATUS_CANCELLED);
  }
  OpenGates();
  EXPECT_FALSE(AnyActive()) << "all has ended";
}

TEST_F(RolloutTest, AStoppedRolloutIsNotPaused) {
  const auto tasks = AddFleet(2, /*max_concurrency=*/1, /*max_errors=*/1);
  OpenGates();
  ASSERT_THAT(Claim(10), SizeIs(1));
  End(tasks[0], v1::PAYLOAD_STATUS_FAILED);
  Do([](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const bool paused, rollout_store::Pause(c, 1));
    EXPECT_FALSE(paused);
    return absl::OkStatus();
  });
  EXPECT_EQ(Deployment(1).rollout_state(), v1::ROLLOUT_STATE_STOPPED);
}

TEST_F(RolloutTest, ATimeBetweenWaves) {
  const auto tasks = AddFleet(2, {.waves = {1, 2}, .pause_seconds = 3600});
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  End(tasks[0], v1::PAYLOAD_STATUS_COMPLETED);
  OpenGates();
  EXPECT_THAT(Claim(10), IsEmpty());
  EXPECT_EQ(Deployment(1).rollout_state(), v1::ROLLOUT_STATE_WAITING);
  EXPECT_TRUE(Deployment(1).has_next_wave_at());
  EXPECT_EQ(QueryValue("SELECT next_wave_at > now() + interval '59 min' FROM deployments"), "t");
  ASSERT_TRUE(Sql("UPDATE deployments SET next_wave_at = now()").ok());
  OpenGates();
  EXPECT_THAT(Claim(10), ElementsAre(tasks[1]));
  EXPECT_FALSE(Deployment(1).has_next_wave_at());
  EXPECT_EQ(Deployment(1).wave(), 2);
  EXPECT_EQ(Deployment(1).wave_count(), 2);
}

TEST_F(RolloutTest, ResumeBeginsTheNextWave) {
  const auto tasks = AddFleet(3, {.waves = {1, 2, 3}, .until_resumed = true});
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  EXPECT_FALSE(Resume(1)) << "the wave is under way";
  End(tasks[0], v1::PAYLOAD_STATUS_COMPLETED);
  OpenGates();
  EXPECT_EQ(Deployment(1).rollout_state(), v1::ROLLOUT_STATE_PAUSED);
  Pause(1);
  EXPECT_TRUE(Resume(1)) << "once, for both";
  OpenGates();
  EXPECT_THAT(Claim(10), ElementsAre(tasks[1]));
}

TEST_F(RolloutTest, ResumeOfAPauseLeavesTheTimeBetweenWaves) {
  const auto tasks = AddFleet(2, {.waves = {1, 2}, .pause_seconds = 3600});
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  Pause(1);
  End(tasks[0], v1::PAYLOAD_STATUS_COMPLETED);
  OpenGates();
  EXPECT_TRUE(Resume(1));
  EXPECT_EQ(Deployment(1).rollout_state(), v1::ROLLOUT_STATE_WAITING);
  EXPECT_TRUE(Resume(1)) << "and once more for that";
  OpenGates();
  EXPECT_THAT(Claim(10), ElementsAre(tasks[1]));
}

TEST_F(RolloutTest, ARetryInTheCourseOfAWaveGoesWithIt) {
  const auto tasks = AddFleet(4, {.waves = {1, 3, 4}});
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  End(tasks[0], v1::PAYLOAD_STATUS_FAILED);
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[1], tasks[2]));
  const int64_t again = RetryPayload(tasks[0]);
  EXPECT_EQ(Deployment(1).wave(), 2);
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(again));
  Do([&](Connection& c) {
    TaskEnd end = Completed(again, tasks[0]);
    end.payload_id = tasks[0];
    return task_store::End(c, {end}, limit_);
  });
  OpenGates();
  EXPECT_THAT(Claim(10), IsEmpty()) << "the second wave still runs";
  End(tasks[1], v1::PAYLOAD_STATUS_COMPLETED);
  End(tasks[2], v1::PAYLOAD_STATUS_COMPLETED);
  OpenGates();
  EXPECT_THAT(Claim(10), ElementsAre(tasks[3]));
}

TEST_F(RolloutTest, ARetryOfALaterWaveDoesNotCutWhatIsBetweenShort) {
  const auto tasks = AddFleet(3, {.waves = {1, 3}, .until_resumed = true});
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  End(tasks[0], v1::PAYLOAD_STATUS_COMPLETED);
  OpenGates();
  ASSERT_EQ(Deployment(1).rollout_state(), v1::ROLLOUT_STATE_PAUSED);
  End(tasks[1], v1::PAYLOAD_STATUS_CANCELLED);
  const int64_t again = RetryPayload(tasks[1]);
  OpenGates();
  EXPECT_THAT(Claim(10), IsEmpty());
  EXPECT_EQ(Deployment(1).rollout_state(), v1::ROLLOUT_STATE_PAUSED);
  EXPECT_TRUE(Resume(1));
  OpenGates();
  EXPECT_THAT(Claim(10), UnorderedElementsAre(again, tasks[2]));
}

TEST_F(RolloutTest, TheEndOfACheckFreesItsRollout) {
  const auto checked = AddFleet(2, {.waves = {1, 2}, .check_script_sha256 = Sha256("x")});
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(checked[0]));
  End(checked[0], v1::PAYLOAD_STATUS_COMPLETED);
  OpenGates();
  const int64_t check = AddPayload(AddInstance("c"), "/c");
  Do([&](Connection& c) { return rollout_store::SetCheck(c, 1, 2); });
  ASSERT_THAT(Claim(10), ElementsAre(check));
  bool freed = false;
  Do([&](Connection& c) { return task_store::End(c, {Completed(check, check)}, limit_, &freed); });
  EXPECT_TRUE(freed);
  OpenGates();
  EXPECT_THAT(Claim(10), ElementsAre(checked[1]));
}

TEST_F(RolloutTest, WhatEndedInAPauseIsPausedNoMore) {
  const auto tasks = AddFleet(1, {});
  Pause(1);
  ASSERT_TRUE(Sql("UPDATE tasks SET gated = false").ok());
  End(tasks[0], v1::PAYLOAD_STATUS_CANCELLED);
  OpenGates();
  EXPECT_EQ(Deployment(1).rollout_state(), v1::ROLLOUT_STATE_DONE);
}

TEST_F(RolloutTest, ARetryGoesThroughTheWavesAgain) {
  const auto tasks = AddFleet(3, {.waves = {1, 2, 3}});
  for (int64_t task : tasks) {
    OpenGates();
    ASSERT_THAT(Claim(10), ElementsAre(task));
    End(task, task == tasks[1] ? v1::PAYLOAD_STATUS_COMPLETED : v1::PAYLOAD_STATUS_FAILED);
  }
  OpenGates();
  ASSERT_FALSE(AnyActive());
  NewTasks again{.type = v1::TASK_TYPE_PAYLOAD_TRANSFER,
                 .payload_ids = {tasks[0], tasks[2]},
                 .instance_ids = {tasks[0], tasks[2]},
                 .remote_paths = {"/x", "/x"},
                 .depends_on = {std::nullopt, std::nullopt}};
  Do([&](Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(again.ids, task_store::AllocateIds(c, 2));
    RETURN_IF_ERROR(payload_store::Retry(c, again.payload_ids, again.ids));
    return task_store::InsertBatch(c, again);
  });
  OpenGates();
  ASSERT_THAT(Claim(10), ElementsAre(again.ids[0]));
  Do([&](Connection& c) {
    TaskEnd end = Completed(again.ids[0], tasks[0]);
    end.payload_id = tasks[0];
    return task_store::End(c, {end}, limit_);
  });
  OpenGates();
  EXPECT_THAT(Claim(10), ElementsAre(again.ids[1])) << "the second wave has nothing to do";
}

TEST_F(RolloutTest, TasksOfTheFirstSchemaKnowTheirDeployment) {
  const std::string url = postgres_->CreateDatabase("first_schema");
  std::vector<Migration> first = EmbeddedMigrations();
  first.resize(1);
  ASSERT_TRUE(Migrate(url, first).ok());
  Database database(DatabaseOptions{.url = url});
  const auto run = [&](const std::string& sql) {
    return database.Transact([&](Connection& c) { return c.ExecuteScript(sql); });
  };
  ASSERT_TRUE(
      run("INSERT INTO instances (name, provider, port, ssh_user, status)"
          " VALUES ('a', 'registered', 22, 'root', 'READY');"
          "INSERT INTO scripts (sha256, content) VALUES (sha256('x'), 'x');"
          "INSERT INTO deployments (script_sha256, script_bytes, original_path, remote_path,"
          " execute_payload, timeout) VALUES (sha256('x'), 1, '', '/x', true, 60);"
          "INSERT INTO payloads (id, deployment_id, instance_id, remote_path,"
          " execute_payload, timeout, task_id) VALUES (7, 1, 1, '/x', true, 60, 9);"
          "INSERT INTO tasks (id, type, payload_id, instance_id, remote_path, deliver_by)"
          " VALUES (9, 'PAYLOAD_TRANSFER', 7, 1, '/x', now() + interval '1 h')")
          .ok());
  ASSERT_TRUE(Migrate(url).ok());
  EXPECT_TRUE(
      run("DO $$ BEGIN ASSERT (SELECT deployment_id = 1 AND NOT gated FROM tasks); END $$").ok());
}

}  // namespace
}  // namespace longshore::storage
