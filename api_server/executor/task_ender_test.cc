// Ends in batches, and around rows that the database refuses, against real PostgreSQL.
#include "api_server/executor/task_ender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api_server/executor/testing/recorded_signals.h"
#include "api_server/executor/testing/refuse_updates.h"
#include "storage/testing/database_fixture.h"

namespace longshore::executor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// More than one batch.
constexpr int kMany = 1500;

class TaskEnderTest : public storage::DatabaseFixture {
 protected:
  void SetUp() override {
    storage::DatabaseFixture::SetUp();
    ender_ = std::make_unique<TaskEnder>(database_.get(), &signals_, /*max_output_bytes=*/100);
  }

  void AddTasks(int count) {
    AddDeployment(std::vector<int64_t>(count, AddInstance("a")), "/x", {});
  }
  // Everything that has not ended. Its call number `failing_find_` fails with `fault_`.
  absl::StatusOr<std::vector<int64_t>> FindUnended(storage::Connection& connection, int limit) {
    if (++finds_ == failing_find_) return fault_;
    const std::string sql = "SELECT id FROM tasks WHERE status = 'PENDING' ORDER BY id LIMIT " +
                            std::to_string(limit) + " FOR UPDATE";
    ASSIGN_OR_RETURN(const storage::Result result, connection.Execute(sql.c_str()));
    std::vector<int64_t> ids;
    ids.reserve(result.rows());
    for (int row = 0; row < result.rows(); ++row) ids.push_back(result.Int(row, 0));
    return ids;
  }
  absl::Status EndAll() {
    return ender_->EndAll([this](storage::Connection& connection,
                                 int limit) { return FindUnended(connection, limit); },
                          [](const storage::LockedTask& task) -> storage::TaskEnd {
                            return {.task_id = task.id,
                                    .payload_id = task.payload_id,
                                    .instance_id = task.instance_id,
                                    .status = v1::PAYLOAD_STATUS_CANCELLED,
                                    .error = "end of task " + std::to_string(task.id)};
                          });
  }
  void Refuse(const std::string& condition) {
    ASSERT_TRUE(Sql(RefuseUpdates("payloads", condition)).ok());
  }
  std::string CountUnended() {
    return QueryValue("SELECT count(*)::text FROM tasks WHERE status = 'PENDING'");
  }

  RecordedSignals signals_;
  std::unique_ptr<TaskEnder> ender_;
  int finds_ = 0;
  int failing_find_ = 0;
  absl::Status fault_;
};

TEST_F(TaskEnderTest, EndsWhatIsFoundAndSignalsIt) {
  AddTasks(3);
  EXPECT_TRUE(EndAll().ok());
  EXPECT_EQ(CountUnended(), "0");
  for (const int64_t id : {1, 2, 3}) {
    EXPECT_EQ(Payload(id).status(), v1::PAYLOAD_STATUS_CANCELLED);
    EXPECT_EQ(Payload(id).error(), "end of task " + std::to_string(id));
  }
  EXPECT_THAT(signals_.payloads(), ElementsAre(1, 2, 3));
}

TEST_F(TaskEnderTest, WhereNothingIsFoundNothingIsSignalled) {
  EXPECT_TRUE(EndAll().ok());
  EXPECT_EQ(finds_, 1);
  EXPECT_THAT(signals_.payloads(), IsEmpty());
}

TEST_F(TaskEnderTest, EndsMoreThanABatch) {
  AddTasks(kMany);
  EXPECT_TRUE(EndAll().ok());
  EXPECT_EQ(CountUnended(), "0");
  EXPECT_EQ(finds_, 2);
  EXPECT_THAT(signals_.payloads(), SizeIs(kMany));
}

TEST_F(TaskEnderTest, ATaskThatTheDatabaseRefusesIsLeftAsItIs) {
  AddTasks(5);
  Refuse("NEW.id IN (2, 3)");
  EXPECT_TRUE(EndAll().ok());
  EXPECT_EQ(CountUnended(), "2");
  EXPECT_EQ(Payload(2).status(), v1::PAYLOAD_STATUS_PENDING);
  EXPECT_EQ(Payload(3).status(), v1::PAYLOAD_STATUS_PENDING);
  EXPECT_THAT(signals_.payloads(), ElementsAre(1, 4, 5));
}

TEST_F(TaskEnderTest, OneThatIsRefusedDoesNotHoldUpTheNextBatch) {
  AddTasks(kMany);
  Refuse("NEW.id = 2");
  EXPECT_TRUE(EndAll().ok());
  EXPECT_EQ(CountUnended(), "1");
  EXPECT_THAT(signals_.payloads(), SizeIs(kMany - 1));
}

TEST_F(TaskEnderTest, WhereAllIsRefusedItIsTriedOnce) {
  AddTasks(2);
  Refuse("true");
  EXPECT_TRUE(EndAll().ok());
  EXPECT_EQ(CountUnended(), "2");
  EXPECT_THAT(signals_.payloads(), IsEmpty());
}

// All of them are refused twice, once to learn that a row is at fault and once to find it; then the
// first half ends.
TEST_F(TaskEnderTest, WhatIsCommittedIsSignalledAlthoughTheRestFails) {
  AddTasks(4);
  Refuse("NEW.id = 4");
  failing_find_ = 4;
  fault_ = absl::UnavailableError("the database is away");
  EXPECT_EQ(EndAll(), fault_);
  EXPECT_EQ(CountUnended(), "2");
  EXPECT_THAT(signals_.payloads(), ElementsAre(1, 2));
}

TEST_F(TaskEnderTest, AFaultOfTheQueryIsTold) {
  AddTasks(1);
  failing_find_ = 1;
  fault_ = absl::InternalError("no such column");
  EXPECT_EQ(EndAll(), fault_);
  EXPECT_EQ(CountUnended(), "1");
}

TEST_F(TaskEnderTest, SaysWhenTheDatabaseIsAway) {
  storage::Database away({.url = "postgresql://127.0.0.1:1/none"});
  ender_ = std::make_unique<TaskEnder>(&away, &signals_, 100);
  EXPECT_TRUE(absl::IsUnavailable(EndAll()));
}

}  // namespace
}  // namespace longshore::executor
