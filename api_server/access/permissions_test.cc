#include "api_server/access/permissions.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <string>

namespace longshore::access {
namespace {

TEST(PermissionsTest, EveryMethodNeedsARole) {
  for (const char* file : {"access", "instance", "payload", "task"}) {
    const auto* found = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
        "longshore/v1/" + std::string(file) + "_service.proto");
    ASSERT_NE(found, nullptr) << file;
    ASSERT_EQ(found->service_count(), 1);
    const auto* service = found->service(0);
    EXPECT_GT(service->method_count(), 0);
    for (int i = 0; i < service->method_count(); ++i) {
      const std::string method = service->name() + "." + service->method(i)->name();
      const auto permission = PermissionFor(method);
      ASSERT_TRUE(permission.has_value()) << method;
      EXPECT_GE(permission->role, v1::ROLE_VIEWER) << method;
      // Who only reads changes nothing.
      if (permission->changes) {
        EXPECT_GE(permission->role, v1::ROLE_OPERATOR) << method;
      }
    }
  }
}

TEST(PermissionsTest, WhatIsNotNamedIsDenied) {
  EXPECT_FALSE(PermissionFor("PayloadService.Planted").has_value());
  EXPECT_FALSE(PermissionFor("").has_value());
}

}  // namespace
}  // namespace longshore::access
