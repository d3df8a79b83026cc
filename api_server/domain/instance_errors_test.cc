// What an answer tells of instances that take no payload.
#include <gtest/gtest.h>

#include <string>

#include "api_server/domain/deployer.h"
#include "api_server/domain/errors.h"

namespace longshore::domain {
namespace {

constexpr size_t kMostThatClientsTake = 4 << 20;
constexpr int64_t kLargestUsualId = (int64_t{1} << 35) - 1;

TEST(InstanceErrorsTest, TellsOfEach) {
  v1::DeployPayloadResponse response;
  InstanceErrors errors(2, &response);
  EXPECT_TRUE(errors.first().ok());
  errors.Add(7, InstanceTerminated(7));
  errors.Add(8, InstanceNotFound(8));
  EXPECT_EQ(errors.first(), InstanceTerminated(7));
  ASSERT_EQ(response.errors_size(), 2);
  ASSERT_EQ(response.instance_errors_size(), 2);
  EXPECT_EQ(response.errors(1), response.instance_errors(1).message());
  EXPECT_EQ(response.instance_errors(1).instance_id(), 8);
  EXPECT_EQ(response.instance_errors(1).code(), static_cast<int>(absl::StatusCode::kNotFound));
}

TEST(InstanceErrorsTest, ALargeAnswerIsOneThatClientsTake) {
  constexpr int kInstances = 100000;
  v1::DeployPayloadResponse response;
  InstanceErrors errors(kInstances, &response);
  for (int i = 0; i < kInstances; ++i) {
    response.add_payload_ids(kLargestUsualId);
    response.add_task_ids(kLargestUsualId);
    response.add_instance_ids(kLargestUsualId);
    errors.Add(kLargestUsualId, RemotePathInvalid("/home/" + std::string(i % 200, 'x'), "is none"));
  }
  EXPECT_GT(response.errors_size(), 1000);
  EXPECT_EQ(response.errors_size(), response.instance_errors_size());
  EXPECT_LT(response.ByteSizeLong(), kMostThatClientsTake);
}

}  // namespace
}  // namespace longshore::domain
