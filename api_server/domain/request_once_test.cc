// What a repeated request does and gets, against real PostgreSQL.
#include "api_server/domain/request_once.h"

#include <gtest/gtest.h>

#include <future>

#include "api_server/domain/errors.h"
#include "common/status.h"
#include "longshore/v1/payload_service.pb.h"
#include "storage/testing/database_fixture.h"

namespace longshore::domain {
namespace {

v1::ExecutePayloadRequest Request(const std::string& request_id, int64_t payload_id = 1) {
  v1::ExecutePayloadRequest request;
  request.set_request_id(request_id);
  request.add_payload_ids(payload_id);
  return request;
}

class RequestOnceTest : public storage::DatabaseFixture {
 protected:
  struct Answer {
    absl::Status status;
    v1::ExecutePayloadResponse response;
    bool replayed = false;
  };

  // Answers with the number of times that a body has run.
  Answer Ask(const v1::ExecutePayloadRequest& request, const std::string& method = "Execute") {
    Answer answer;
    answer.status = AnswerOnce(
        *database_, {&caller_, method, request.request_id(), &request, &change_},
        [this] {
          ++prepared_;
          return prepare_result_;
        },
        [&](storage::Connection& connection) -> absl::Status {
          answer.response.add_task_ids(++bodies_);
          RETURN_IF_ERROR(connection
                              .Execute("INSERT INTO workers (name, incarnation, version)"
                                       " VALUES ('row', '', '') ON CONFLICT (name) DO UPDATE"
                                       " SET incarnation = workers.incarnation || 'x'")
                              .status());
          return body_result_;
        },
        &answer.response, &answer.replayed);
    return answer;
  }
  // How many bodies have been committed.
  int64_t Committed() {
    return std::stoll(QueryValue("SELECT coalesce(max(length(incarnation) + 1), 0) FROM workers"));
  }

  absl::Status prepare_result_;
  absl::Status body_result_;
  Change change_;
  Caller caller_{.scope = storage::Scope::Everything()};
  int prepared_ = 0;
  int bodies_ = 0;
};

TEST_F(RequestOnceTest, ARepeatGetsTheFirstAnswerAndDoesNothing) {
  const Answer first = Ask(Request("id"));
  ASSERT_TRUE(first.status.ok()) << first.status;
  EXPECT_FALSE(first.replayed);
  const Answer again = Ask(Request("id"));
  ASSERT_TRUE(again.status.ok()) << again.status;
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.response.SerializeAsString(), first.response.SerializeAsString());
  EXPECT_EQ(again.response.task_ids(0), 1);
  EXPECT_EQ(prepared_, 1);
  EXPECT_EQ(Committed(), 1);
}

TEST_F(RequestOnceTest, WithoutAnIdEveryRequestIsNew) {
  EXPECT_FALSE(Ask(Request("")).replayed);
  EXPECT_FALSE(Ask(Request("")).replayed);
  EXPECT_EQ(Committed(), 2);
}

TEST_F(RequestOnceTest, AnotherRequestWithTheSameIdIsRefused) {
  ASSERT_TRUE(Ask(Request("id", 1)).status.ok());
  const Answer other = Ask(Request("id", 2));
  EXPECT_TRUE(absl::IsAlreadyExists(other.status)) << other.status;
  EXPECT_EQ(ReasonOf(other.status), "REQUEST_ID_REUSED");
  EXPECT_EQ(Committed(), 1);
}

TEST_F(RequestOnceTest, IdsOfDifferentMethodsDoNotMeet) {
  EXPECT_FALSE(Ask(Request("id"), "Execute").replayed);
  const Answer other = Ask(Request("id"), "Retry");
  EXPECT_TRUE(other.status.ok()) << other.status;
  EXPECT_FALSE(other.replayed);
  EXPECT_EQ(Committed(), 2);
}

TEST_F(RequestOnceTest, WhatIsNotKnownHereMakesNoOtherRequest) {
  v1::ExecutePayloadRequest newer = Request("id");
  newer.GetReflection()->MutableUnknownFields(&newer)->AddVarint(999, 1);
  ASSERT_TRUE(Ask(Request("id")).status.ok());
  EXPECT_TRUE(Ask(newer).replayed);
}

TEST_F(RequestOnceTest, AFailedPreparationLeavesNothing) {
  prepare_result_ = absl::InvalidArgumentError("no such script");
  EXPECT_TRUE(absl::IsInvalidArgument(Ask(Request("id")).status));
  EXPECT_EQ(bodies_, 0);
  prepare_result_ = absl::OkStatus();
  EXPECT_FALSE(Ask(Request("id")).replayed);
  EXPECT_EQ(Committed(), 1);
}

TEST_F(RequestOnceTest, AFailedBodyLeavesNothing) {
  body_result_ = DeploymentInWrongState(1, "is over");
  EXPECT_EQ(ReasonOf(Ask(Request("id")).status), "WRONG_STATE");
  EXPECT_EQ(Committed(), 0);
  body_result_ = absl::OkStatus();
  const Answer answer = Ask(Request("id"));
  ASSERT_TRUE(answer.status.ok()) << answer.status;
  EXPECT_FALSE(answer.replayed);
  EXPECT_EQ(answer.response.task_ids_size(), 1) << "nothing is left of the failed one";
  EXPECT_EQ(Committed(), 1);
}

TEST_F(RequestOnceTest, ABodyThatIsRepeatedBeginsWithAClearedAnswer) {
  int tries = 0;
  v1::ExecutePayloadResponse response;
  bool replayed = true;
  const auto request = Request("id");
  const absl::Status status = AnswerOnce(
      *database_, {&caller_, "Execute", "id", &request, &change_}, [] { return absl::OkStatus(); },
      [&](storage::Connection&) -> absl::Status {
        response.add_task_ids(++tries);
        return tries == 1 ? absl::AbortedError("a deadlock") : absl::OkStatus();
      },
      &response, &replayed);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_FALSE(replayed);
  ASSERT_EQ(response.task_ids_size(), 1);
  EXPECT_EQ(response.task_ids(0), 2);
}

TEST_F(RequestOnceTest, RefusesIdsThatCannotBeStored) {
  EXPECT_TRUE(Ask(Request(std::string(128, 'x'))).status.ok());
  for (const std::string& id : {std::string(129, 'x'), std::string("a\0b", 3)}) {
    const Answer answer = Ask(Request(id));
    EXPECT_EQ(ReasonOf(answer.status), "INVALID_FIELD") << answer.status;
  }
  EXPECT_EQ(Committed(), 1);
}

// The first is held in its transaction until the second has found no answer and has gone on.
TEST_F(RequestOnceTest, OfTwoAtOnceOneDoesItAndBothGetItsAnswer) {
  const auto request = Request("id");
  std::promise<void> first_in_body;
  std::promise<void> second_prepared;
  std::shared_future<void> release = second_prepared.get_future().share();
  Answer first;
  Answer second;
  auto running = std::async(std::launch::async, [&] {
    return AnswerOnce(
        *database_, {&caller_, "Execute", "id", &request, &change_},
        [] { return absl::OkStatus(); },
        [&](storage::Connection&) -> absl::Status {
          first_in_body.set_value();
          release.wait();
          first.response.add_task_ids(7);
          return absl::OkStatus();
        },
        &first.response, &first.replayed);
  });
  first_in_body.get_future().wait();
  bool second_ran = false;
  second.status = AnswerOnce(
      *database_, {&caller_, "Execute", "id", &request, &change_},
      [&] {
        second_prepared.set_value();
        return absl::OkStatus();
      },
      [&](storage::Connection&) -> absl::Status {
        second_ran = true;
        return absl::OkStatus();
      },
      &second.response, &second.replayed);
  ASSERT_TRUE(running.get().ok());
  ASSERT_TRUE(second.status.ok()) << second.status;
  EXPECT_FALSE(second_ran);
  EXPECT_FALSE(first.replayed);
  EXPECT_TRUE(second.replayed);
  ASSERT_EQ(second.response.task_ids_size(), 1);
  EXPECT_EQ(second.response.task_ids(0), 7);
}

}  // namespace
}  // namespace longshore::domain
