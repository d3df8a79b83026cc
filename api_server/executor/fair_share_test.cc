#include "api_server/executor/fair_share.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace longshore::executor {
namespace {

using storage::DueFlow;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

// Deployment id and what it gets.
std::vector<std::pair<int64_t, int>> Shares(FairShare* share, const std::vector<DueFlow>& flows,
                                            int slots) {
  std::vector<std::pair<int64_t, int>> shares;
  for (const DueFlow& flow : share->Divide(flows, slots)) {
    shares.emplace_back(flow.deployment_id, flow.due);
  }
  return shares;
}

TEST(FairShareTest, NothingIsDueOrThereIsNoRoom) {
  FairShare share;
  EXPECT_THAT(Shares(&share, {}, 5), IsEmpty());
  EXPECT_THAT(Shares(&share, {{"a", 1, 3}}, 0), IsEmpty());
  EXPECT_THAT(Shares(&share, {{"a", 1, 0}}, 5), IsEmpty());
}

TEST(FairShareTest, OneGetsAllThatItHas) {
  FairShare share;
  EXPECT_THAT(Shares(&share, {{"a", 1, 3}}, 5), ElementsAre(Pair(1, 3)));
}

TEST(FairShareTest, ADeploymentOfManyDoesNotDelayOneOfOne) {
  FairShare share;
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(Shares(&share, {{"a", 1, 10000}}, 1), ElementsAre(Pair(1, 1)));
  }
  EXPECT_THAT(Shares(&share, {{"a", 1, 10000}, {"a", 2, 1}}, 1), ElementsAre(Pair(2, 1)));
}

TEST(FairShareTest, OneRoomAtATimeGoesRound) {
  FairShare share;
  const std::vector<DueFlow> flows = {{"a", 1, 100}, {"a", 2, 100}, {"b", 3, 100}};
  std::map<int64_t, int> total;
  for (int i = 0; i < 400; ++i) {
    for (const auto& [id, given] : Shares(&share, flows, 1)) total[id] += given;
  }
  EXPECT_THAT(total, ElementsAre(Pair(1, 100), Pair(2, 100), Pair(3, 200)));
}

TEST(FairShareTest, ProjectsShareEvenlyHoweverManyDeploymentsTheyHave) {
  FairShare share;
  std::vector<DueFlow> flows;
  for (int64_t id = 1; id <= 50; ++id) flows.push_back({"crowd", id, 100});
  flows.push_back({"one", 99, 100});
  std::map<std::string, int> total;
  for (const DueFlow& flow : share.Divide(flows, 100)) total[flow.project] += flow.due;
  EXPECT_THAT(total, ElementsAre(Pair("crowd", 50), Pair("one", 50)));
}

TEST(FairShareTest, WhatOneCannotUseGoesToTheOthers) {
  FairShare share;
  EXPECT_THAT(Shares(&share, {{"a", 1, 2}, {"b", 2, 100}}, 10),
              ElementsAre(Pair(1, 2), Pair(2, 8)));
}

TEST(FairShareTest, ForgetsWhatIsOver) {
  FairShare share;
  share.Divide({{"a", 0, 5}}, 1);
  for (int64_t id = 1; id <= 3 * static_cast<int64_t>(FairShare::kMaxRemembered); ++id) {
    EXPECT_THAT(Shares(&share, {{"a", 0, 5}, {"a", id, 1}}, 1), ElementsAre(Pair(id, 1)));
  }
}

}  // namespace
}  // namespace longshore::executor
