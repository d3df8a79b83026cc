#include "cli/instance_names.h"

#include <gtest/gtest.h>

#include "cli/errors.h"
#include "common/status.h"

namespace longshore::cli {
namespace {

v1::Instance Named(int64_t id, const std::string& name,
                   v1::InstanceStatus status = v1::INSTANCE_STATUS_READY) {
  v1::Instance instance;
  instance.set_id(id);
  instance.set_name(name);
  instance.set_status(status);
  return instance;
}

TEST(InstanceNamesTest, TheOneOfThatName) {
  EXPECT_EQ(*FindByName("web-2", {Named(1, "web-1"), Named(2, "web-2"), Named(3, "web-20")}), 2);
}

TEST(InstanceNamesTest, ATerminatedOneGivesWayToItsSuccessor) {
  const v1::Instance gone = Named(1, "web", v1::INSTANCE_STATUS_TERMINATED);
  EXPECT_EQ(*FindByName("web", {gone, Named(2, "web")}), 2);
  EXPECT_EQ(*FindByName("web", {gone}), 1);
}

TEST(InstanceNamesTest, ANameOfSeveralIsRefusedWithTheirIds) {
  const absl::Status error = FindByName("web", {Named(4, "web"), Named(9, "web")}).status();
  EXPECT_EQ(ToString(error), "several instances have the name 'web'; give one of their ids: 4, 9");
  EXPECT_EQ(ExitStatusOf(error), kExitUsage);
}

TEST(InstanceNamesTest, ANameOfNoneIsLikeAnUnknownId) {
  const absl::Status error = FindByName("web", {Named(1, "web-1")}).status();
  EXPECT_EQ(ReasonOf(error), "INSTANCE_NOT_FOUND");
  EXPECT_EQ(ExitStatusOf(error), kExitRefused);
}

TEST(InstanceNamesTest, NumbersAreIdsAndTheServerIsNotAsked) {
  Client client({.api = "127.0.0.1:1"}, std::chrono::seconds(1));
  EXPECT_EQ(*InstanceIds({"7", "8"}, &client), (std::vector<int64_t>{7, 8}));
  EXPECT_EQ(*InstanceId("", &client), 0);
  EXPECT_EQ(ExitStatusOf(InstanceId("web", &client).status()), kExitNotReached);
}

}  // namespace
}  // namespace longshore::cli
