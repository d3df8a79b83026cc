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
  absl::Status AdvanceRollouts() override { return Step("rollouts"); }
  absl::Status ClaimProvisions() override { return Step("provisioning"); }
  absl::Status DoHousekeeping() override { return Step("housekeeping"); }
  absl::StatusOr<storage::lease_store::Ahead> LookAhead() override {
    const absl::Status status = Step("look");
    if (!status.ok()) return status;
    return ahead;
  }
  bool HasCredit() override { return has_credit; }

  // The steps taken since the last call.
  std::vector<std::string> TakeCalls() { return std::exchange(calls_, {}); }

  std::map<std::string, absl::Status> results;  // OK for those that are not named.
  storage::lease_store::Ahead ahead;
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
  EXPECT_THAT(steps_.TakeCalls(), ElementsAre("claims", "look", "housekeeping", "look"));
}

TEST_F(DispatchRoundTest, TakesOnlyTheStepsThatThereIsAReasonFor) {
  Wait();
  steps_.TakeCalls();
  Wait();
  EXPECT_THAT(steps_.TakeCalls(), ElementsAre("claims", "look"));
  steps_.ahead = {.provisions = true};
  Wait();
  EXPECT_THAT(steps_.TakeCalls(), ElementsAre("claims", "look", "provisioning", "look"));
}

TEST_F(DispatchRoundTest, ClaimsAtOnceWhatARolloutLetsThrough) {
  Wait();
  steps_.TakeCalls();
  steps_.ahead = {.rollouts = true};
  Wait();
  EXPECT_THAT(steps_.TakeCalls(), ElementsAre("claims", "look", "rollouts", "claims", "look"));
}

TEST_F(DispatchRoundTest, DoesHousekeepingOnceASecondWhenSomethingIsOverdue) {
  Wait();
  steps_.TakeCalls();
  steps_.ahead = {.overdue = true};
  now_ += milliseconds(999);
  Wait();
  EXPECT_THAT(steps_.TakeCalls(), ElementsAre("claims", "look"));
  now_ += milliseconds(1);
  Wait();
  EXPECT_THAT(steps_.TakeCalls(), ElementsAre("claims", "look", "housekeeping", "look"));
}

TEST_F(DispatchRoundTest, DoesHousekeepingOnceInAWhileInAnyCase) {
  Wait();
  steps_.TakeCalls();
  now_ += milliseconds(4999);
  Wait();
  EXPECT_THAT(steps_.TakeCalls(), ElementsAre("claims", "look"));
  now_ += milliseconds(1);
  Wait();
  EXPECT_THAT(steps_.TakeCalls(), ElementsAre("claims", "look", "housekeeping", "look"));
}

TEST_F(DispatchRoundTest, TheFaultOfARowDoesNotKeepTheOtherStepsFromTheirs) {
  steps_.ahead = {.provisions = true, .rollouts = true, .overdue = true};
  for (const char* step : {"claims", "rollouts", "provisioning", "housekeeping"}) {
    now_ += std::chrono::seconds(1);
    steps_.results = {{step, absl::InternalError("a constraint")}};
    EXPECT_TRUE(round_.Do().ok()) << step;
    EXPECT_THAT(steps_.TakeCalls(), ElementsAre("claims", "look", "rollouts", "claims",
                                                "provisioning", "housekeeping", "look"))
        << step;
  }
}

TEST_F(DispatchRoundTest, ADatabaseThatIsAwayEndsTheRound) {
  const std::vector<std::string> steps = {"claims", "look", "provisioning", "housekeeping"};
  steps_.ahead = {.provisions = true, .overdue = true};
  for (size_t i = 0; i < steps.size(); ++i) {
    now_ += std::chrono::seconds(1);
    steps_.results = {{steps[i], absl::UnavailableError("no connection")}};
    EXPECT_TRUE(absl::IsUnavailable(round_.Do().status())) << steps[i];
    EXPECT_EQ(steps_.TakeCalls(), std::vector(steps.begin(), steps.begin() + i + 1));
  }
}

TEST_F(DispatchRoundTest, WantsCreditUntilARoundHasSeenSome) {
  EXPECT_TRUE(round_.wants_credit());
  Wait();
  EXPECT_TRUE(round_.wants_credit());
  steps_.has_credit = true;
  Wait();
  EXPECT_FALSE(round_.wants_credit()) << "nothing was left for want of it";
  steps_.results = {{"claims", absl::UnavailableError("no connection")}};
  EXPECT_FALSE(round_.Do().ok());
  EXPECT_TRUE(round_.wants_credit()) << "how far the round came is not known";
}

TEST_F(DispatchRoundTest, WaitsUntilTheNextThingIsDue) {
  steps_.has_credit = true;
  steps_.ahead.next_due = milliseconds(5000);
  EXPECT_EQ(Wait(), milliseconds(5000));
}

TEST_F(DispatchRoundTest, NeverWaitsLongerThanTheSafetyPoll) {
  EXPECT_EQ(Wait(), policy::kSafetyPoll) << "nothing is due";
  steps_.ahead.next_due = std::chrono::hours(1);
  EXPECT_EQ(Wait(), policy::kSafetyPoll);
}

TEST_F(DispatchRoundTest, DoesNotSpinOnWhatIsDueAndCannotBeClaimed) {
  steps_.ahead.next_due = milliseconds(-100);
  steps_.has_credit = true;
  EXPECT_EQ(Wait(), policy::kShortestWait) << "another replica has it locked";
  steps_.has_credit = false;
  EXPECT_EQ(Wait(), milliseconds(1000)) << "a worker's credit wakes the loop";
}

}  // namespace
}  // namespace longshore::executor
