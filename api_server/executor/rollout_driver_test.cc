// Rollouts as the task executor drives them, against real PostgreSQL.
#include "api_server/executor/rollout_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api_server/executor/testing/recorded_signals.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "storage/testing/database_fixture.h"

namespace longshore::executor {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class RolloutDriverTest : public storage::DatabaseFixture {
 protected:
  void SetUp() override {
    storage::DatabaseFixture::SetUp();
    ender_ = std::make_unique<TaskEnder>(database_.get(), &signals_, /*max_output_bytes=*/100);
    driver_ = std::make_unique<RolloutDriver>(
        database_.get(), &signals_, ender_.get(),
        [this](storage::Connection& c, const storage::rollout_store::WaveCheck& check) {
          return BeginCheck(c, check);
        });
  }

  // Returns whether a rollout was under way.
  bool Advance() {
    bool under_way = false;
    Do([&](storage::Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const auto ahead, storage::lease_store::LookAhead(c));
      under_way = ahead.rollouts;
      return absl::OkStatus();
    });
    const absl::Status advanced = driver_->Advance();
    EXPECT_TRUE(advanced.ok()) << advanced;
    return under_way;
  }
  void End(storage::TaskEnd end) {
    Do([&](storage::Connection& c) { return storage::task_store::End(c, {end}, limit_); });
  }
  // An instance's id equals its task's here.
  void Fail(int64_t task) {
    End({.task_id = task,
         .payload_id = task,
         .instance_id = task,
         .status = v1::PAYLOAD_STATUS_FAILED,
         .failure_reason = v1::FAILURE_REASON_NONZERO_EXIT,
         .executed = true,
         .exit_code = 1});
  }
  // Stands for the deployment of a check: one payload, of the instance that comes first.
  absl::StatusOr<int64_t> BeginCheck(storage::Connection& c,
                                     const storage::rollout_store::WaveCheck& check) {
    checks_.push_back(check);
    if (!refusal_.ok()) return refusal_;
    RETURN_IF_ERROR(c.ExecuteScript(
        "INSERT INTO deployments (id, script_sha256, script_bytes, original_path, remote_path,"
        " execute_payload, timeout) OVERRIDING SYSTEM VALUE"
        " VALUES (100, sha256('x'), 1, '', '/c', true, 60);"
        "INSERT INTO payloads (id, deployment_id, instance_id, remote_path, execute_payload,"
        " timeout, task_id, run_id) OVERRIDING SYSTEM VALUE"
        " VALUES (100, 100, 1, '/c', true, 60, 100, repeat('0', 32))"));
    return 100;
  }
  std::string RolloutState() {
    return QueryValue("SELECT rollout_state FROM deployments WHERE id = 1");
  }

  RecordedSignals signals_;
  std::unique_ptr<TaskEnder> ender_;
  std::unique_ptr<RolloutDriver> driver_;
  std::vector<storage::rollout_store::WaveCheck> checks_;
  absl::Status refusal_;
};

TEST_F(RolloutDriverTest, WithoutARolloutThereIsNothingToDo) {
  AddFleet(2, /*max_concurrency=*/0, /*max_errors=*/0);
  EXPECT_FALSE(Advance());
}

TEST_F(RolloutDriverTest, LetsThroughAsManyAsMaxConcurrency) {
  const auto tasks = AddFleet(3, /*max_concurrency=*/2, /*max_errors=*/0);
  ASSERT_THAT(Claim(10), IsEmpty()) << "all begin behind the gate";
  EXPECT_TRUE(Advance());
  EXPECT_THAT(Claim(10), ElementsAre(tasks[0], tasks[1]));
  EXPECT_TRUE(Advance());
  EXPECT_THAT(Claim(10), IsEmpty());
  End(Completed(tasks[0], tasks[0]));
  EXPECT_TRUE(Advance()) << "the last one comes through";
  EXPECT_THAT(Claim(10), ElementsAre(tasks[2]));
  EXPECT_FALSE(Advance()) << "nothing is behind the gate any more";
  EXPECT_EQ(RolloutState(), "NONE");
}

TEST_F(RolloutDriverTest, AStoppedRolloutEndsWhatHasNotBegunAndRecallsWhatIsHeld) {
  const auto tasks = AddFleet(4, /*max_concurrency=*/2, /*max_errors=*/1);
  Advance();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0], tasks[1]));
  Fail(tasks[0]);
  EXPECT_TRUE(Advance());
  EXPECT_THAT(signals_.recalls(), ElementsAre(tasks[1]));
  EXPECT_THAT(signals_.payloads(), UnorderedElementsAre(tasks[2], tasks[3]));
  for (int64_t task : {tasks[2], tasks[3]}) {
    EXPECT_EQ(Payload(task).status(), v1::PAYLOAD_STATUS_CANCELLED);
    EXPECT_FALSE(Payload(task).executed());
  }
  EXPECT_EQ(RolloutState(), "STOPPING") << "one is still held";
}

TEST_F(RolloutDriverTest, AWaveBeginsWhenAllOfTheOneBeforeHasEnded) {
  const auto tasks = AddFleet(4, {.waves = {1, 3, 4}});
  Advance();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  Advance();
  ASSERT_THAT(Claim(10), IsEmpty());
  End(Completed(tasks[0], tasks[0]));
  Advance();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[1], tasks[2]));
  Fail(tasks[1]);
  Advance();
  ASSERT_THAT(Claim(10), IsEmpty()) << "one of the wave still runs";
  End(Completed(tasks[2], tasks[2]));
  Advance();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[3])) << "an error stops no wave by itself";
  EXPECT_FALSE(Advance());
  EXPECT_EQ(Payload(tasks[0]).wave(), 1);
  EXPECT_EQ(Payload(tasks[3]).wave(), 3);
  EXPECT_THAT(signals_.payloads(), Contains(tasks[0])) << "watches are told of a new wave";
}

TEST_F(RolloutDriverTest, WavesAndMaxConcurrencyBothCount) {
  const auto tasks = AddFleet(4, {.max_concurrency = 2, .waves = {3, 4}});
  Advance();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0], tasks[1]));
  End(Completed(tasks[0], tasks[0]));
  Advance();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[2]));
  End(Completed(tasks[1], tasks[1]));
  Advance();
  EXPECT_THAT(Claim(10), IsEmpty());
}

TEST_F(RolloutDriverTest, MaxErrorsStopTheWavesThatAreLeft) {
  const auto tasks = AddFleet(3, {.max_errors = 1, .waves = {1, 3}});
  Advance();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  Fail(tasks[0]);
  Advance();
  Advance();
  EXPECT_EQ(RolloutState(), "STOPPED");
  EXPECT_EQ(Payload(tasks[2]).status(), v1::PAYLOAD_STATUS_CANCELLED);
}

TEST_F(RolloutDriverTest, ACheckThatSucceedsBeginsTheNextWave) {
  const auto tasks = AddFleet(3, {.waves = {2, 3}, .check_script_sha256 = Sha256("x")});
  Advance();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0], tasks[1]));
  Fail(tasks[0]);
  End(Completed(tasks[1], tasks[1]));
  Advance();
  Advance();
  ASSERT_THAT(checks_, SizeIs(1)) << "it begins once";
  EXPECT_EQ(checks_[0].wave, 1);
  EXPECT_EQ(checks_[0].script, "x");
  EXPECT_THAT(checks_[0].instance_ids, ElementsAre(tasks[1])) << "where the payload succeeded";
  EXPECT_THAT(Claim(10), IsEmpty());
  ASSERT_TRUE(Sql("UPDATE payloads SET status = 'EXECUTING', executed = true WHERE id = 100;"
                  "UPDATE payloads SET status = 'COMPLETED', exit_code = 0, finished_at = now()"
                  " WHERE id = 100")
                  .ok());
  Advance();
  EXPECT_THAT(Claim(10), ElementsAre(tasks[2]));
}

TEST_F(RolloutDriverTest, ACheckThatFailsStopsTheRollout) {
  const auto tasks = AddFleet(2, {.waves = {1, 2}, .check_script_sha256 = Sha256("x")});
  Advance();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  End(Completed(tasks[0], tasks[0]));
  Advance();
  ASSERT_TRUE(Sql("UPDATE payloads SET status = 'FAILED', failure_reason = 'INTERNAL',"
                  " finished_at = now() WHERE id = 100")
                  .ok());
  Advance();
  Advance();
  EXPECT_EQ(RolloutState(), "STOPPED");
  EXPECT_EQ(Payload(tasks[1]).status(), v1::PAYLOAD_STATUS_CANCELLED);
  EXPECT_EQ(QueryValue("SELECT stop_reason FROM deployments WHERE id = 1"),
            "the check of wave 1 did not succeed: deployment 100");
}

TEST_F(RolloutDriverTest, ACheckThatCannotBeginStopsTheRollout) {
  const auto tasks = AddFleet(3, {.waves = {1, 2, 3}, .check_script_sha256 = Sha256("x")});
  refusal_ = absl::ResourceExhaustedError("a quota");
  Advance();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  End(Completed(tasks[0], tasks[0]));
  Advance();
  EXPECT_EQ(QueryValue("SELECT stop_reason FROM deployments"),
            "the check of wave 1 cannot begin: a quota");
}

TEST_F(RolloutDriverTest, AWaveThatSucceededNowhereCannotBeChecked) {
  const auto tasks = AddFleet(2, {.waves = {1, 2}, .check_script_sha256 = Sha256("x")});
  Advance();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0]));
  Fail(tasks[0]);
  Advance();
  EXPECT_THAT(checks_, IsEmpty());
  EXPECT_EQ(QueryValue("SELECT stop_reason FROM deployments"),
            "the check of wave 1 cannot begin: the wave succeeded nowhere");
}

TEST_F(RolloutDriverTest, IsRecalledOnceAndStoppedWhenTheLastOneHasEnded) {
  const auto tasks = AddFleet(2, /*max_concurrency=*/2, /*max_errors=*/1);
  Advance();
  ASSERT_THAT(Claim(10), ElementsAre(tasks[0], tasks[1]));
  Fail(tasks[0]);
  Advance();
  Advance();
  EXPECT_THAT(signals_.recalls(), ElementsAre(tasks[1]));
  Fail(tasks[1]);
  EXPECT_TRUE(Advance());
  EXPECT_EQ(RolloutState(), "STOPPED");
  EXPECT_FALSE(Advance());
}

}  // namespace
}  // namespace longshore::executor
