#include "cli/server_error.h"

#include <gtest/gtest.h>

#include "cli/errors.h"
#include "common/grpc_status.h"
#include "common/status.h"

namespace longshore::cli {
namespace {

TEST(ServerErrorTest, AnAnswerKeepsItsReason) {
  const absl::Status error = ServerError(
      ToGrpcStatus(WithReason(absl::NotFoundError("payload 7 does not exist"), "NOT_THERE")));
  EXPECT_EQ(error.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ToString(error), "payload 7 does not exist");
  EXPECT_EQ(ReasonOf(error), "NOT_THERE");
  EXPECT_EQ(ExitStatusOf(error), kExitRefused);
}

TEST(ServerErrorTest, AServerWithoutItsDatabaseIsReached) {
  const grpc::Status status = ToGrpcStatus(absl::UnavailableError("the database is away"));
  EXPECT_TRUE(IsAnswer(status));
  EXPECT_EQ(ExitStatusOf(ServerError(status)), kExitRefused);
}

TEST(ServerErrorTest, WhatGrpcSaysByItselfIsNoAnswer) {
  for (const auto code : {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::DEADLINE_EXCEEDED,
                          grpc::StatusCode::CANCELLED}) {
    const absl::Status error = ServerError(grpc::Status(code, "connection refused"));
    EXPECT_EQ(ExitStatusOf(error), kExitNotReached) << code;
    EXPECT_EQ(ReasonOf(error), "SERVER_NOT_REACHED") << code;
  }
}

TEST(ServerErrorTest, AServerWithoutTheCallIsReached) {
  EXPECT_EQ(ExitStatusOf(ServerError(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "unknown"))),
            kExitRefused);
}

}  // namespace
}  // namespace longshore::cli
