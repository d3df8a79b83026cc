// Rollouts as the task executor drives them, against real PostgreSQL.
#include "api_server/executor/rollout_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api_server/executor/testing/recorded_signals.h"
#include "storage/testing/database_fixture.h"

namespace longshore::executor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class RolloutDriverTest : public storage::DatabaseFixture {
 protected:
  void SetUp() override {
    storage::DatabaseFixture::SetUp();
    ender_ = std::make_unique<TaskEnder>(database_.get(), &signals_, /*max_output_bytes=*/100);
    driver_ = std::make_unique<RolloutDriver>(database_.get(), &signals_, ender_.get());
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
  std::string RolloutState() { return QueryValue("SELECT rollout_state FROM deployments"); }

  RecordedSignals signals_;
  std::unique_ptr<TaskEnder> ender_;
  std::unique_ptr<RolloutDriver> driver_;
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
