// The order of a round's steps, their faults, and the wait after them.
#include "api_server/executor/dispatch_round.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "common/policy.h"

namespace longshore::executor {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

class ScriptedSteps : public DispatchSteps {
 public:
  absl::Status ClaimTasks() override { return Step("claims"); }
  absl::StatusOr<bool> AdvanceRollouts() override {
    const absl::Status status = Step("rollouts");
    if (!status.ok()) return status;
    return rollout_under_way;
  }
  absl::Status ClaimProvisions() override { return Step("provisioning"); }
  absl::Status DoHousekeeping() override { return Step("housekeeping"); }
  absl::StatusOr<std::optional<milliseconds>> NextDue() override {
    const absl::Status status = Step("next due");
    if (!status.ok()) return status;
    return next_due;
  }
  bool HasCredit() override { return has_credit; }

  // The steps taken since the last call.
  std::vector<std::string> TakeCalls() { return std::exchange(calls_, {}); }

  std::map<std::string, absl::Status> results;  // OK for those that are not named.
  bool rollout_under_way = false;
  std::optional<milliseconds> next_due;
  bool has_credit = false;

 private:
  absl::Status Step(const std::string& name) {
    calls_.push_back(name);
    const auto result = results.find(name);
    return result == results.end() ? absl::OkStatus() : result->second;
  }

  std::vector<std::string> calls_;
};

class DispatchRoundTest : public ::testing::Test {
 protected:
  milliseconds Wait() {
    const auto wait = round_.Do();
    EXPECT_TRUE(wait.ok()) << wait.status();
    return wait.value_or(milliseconds(-1));
  }

  ScriptedSteps steps_;
  std::chrono::steady_clock::time_point now_ =
      std::chrono::steady_clock::time_point() + std::chrono::hours(1);
  DispatchRound round_{&steps_, [this] { return now_; }};
};

TEST_F(DispatchRoundTest, ClaimsFirst) {
  Wait();
  EXPECT_THAT(steps_.TakeCalls(),
              ElementsAre("claims", "rollouts", "provisioning", "housekeeping", "next due"));
}

TEST_F(DispatchRoundTest, ClaimsAtOnceWhatARolloutLetsThrough) {
  steps_.rollout_under_way = true;
  Wait();
  EXPECT_THAT(steps_.TakeCalls(), ElementsAre("claims", "rollouts", "claims", "provisioning",
                                              "housekeeping", "next due"));
}

TEST_F(DispatchRoundTest, DoesHousekeepingOnceASecond) {
  Wait();
  steps_.TakeCalls();
  now_ += milliseconds(999);
  Wait();
  EXPECT_THAT(steps_.TakeCalls(), ElementsAre("claims", "rollouts", "provisioning", "next due"));
  now_ += milliseconds(1);
  Wait();
  EXPECT_THAT(steps_.TakeCalls(),
              ElementsAre("claims", "rollouts", "provisioning", "housekeeping", "next due"));
}

TEST_F(DispatchRoundTest, TheFaultOfARowDoesNotKeepTheOtherStepsFromTheirs) {
  for (const char* step : {"claims", "rollouts", "provisioning", "housekeeping"}) {
    now_ += std::chrono::seconds(1);
    steps_.results = {{step, absl::InternalError("a constraint")}};
    EXPECT_TRUE(round_.Do().ok()) << step;
    EXPECT_THAT(steps_.TakeCalls(),
                ElementsAre("claims", "rollouts", "provisioning", "housekeeping", "next due"))
        << step;
  }
}

TEST_F(DispatchRoundTest, ADatabaseThatIsAwayEndsTheRound) {
  const std::vector<std::string> steps = {"claims", "rollouts", "provisioning", "housekeeping",
                                          "next due"};
  for (size_t i = 0; i < steps.size(); ++i) {
    now_ += std::chrono::seconds(1);
    steps_.results = {{steps[i], absl::UnavailableError("no connection")}};
    EXPECT_TRUE(absl::IsUnavailable(round_.Do().status())) << steps[i];
    EXPECT_EQ(steps_.TakeCalls(), std::vector(steps.begin(), steps.begin() + i + 1));
  }
}

TEST_F(DispatchRoundTest, WaitsUntilTheNextThingIsDue) {
  steps_.has_credit = true;
  steps_.next_due = milliseconds(5000);
  EXPECT_EQ(Wait(), milliseconds(5000));
}

TEST_F(DispatchRoundTest, NeverWaitsLongerThanTheSafetyPoll) {
  EXPECT_EQ(Wait(), policy::kSafetyPoll) << "nothing is due";
  steps_.next_due = std::chrono::hours(1);
  EXPECT_EQ(Wait(), policy::kSafetyPoll);
}

TEST_F(DispatchRoundTest, DoesNotSpinOnWhatIsDueAndCannotBeClaimed) {
  steps_.next_due = milliseconds(-100);
  steps_.has_credit = true;
  EXPECT_EQ(Wait(), policy::kShortestWait) << "another replica has it locked";
  steps_.has_credit = false;
  EXPECT_EQ(Wait(), milliseconds(1000)) << "a worker's credit wakes the loop";
}

}  // namespace
}  // namespace longshore::executor
