// What a watch of a payload sends, over a real channel and from a real database.
#include "api_server/services/payload_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "api_server/services/testing/payload_watch_server.h"
#include "api_server/services/watch_hub.h"
#include "storage/testing/database_fixture.h"

namespace longshore::services {
namespace {

using ::testing::ElementsAre;

class PayloadWatchTest : public storage::DatabaseFixture {
 protected:
  void SetUp() override {
    DatabaseFixture::SetUp();
    hub_ = std::make_unique<WatchHub>(database_.get(), /*threads=*/1);
    server_ = std::make_unique<PayloadWatchServer>([this](const v1::WatchPayloadRequest& request) {
      return StartPayloadWatch(
          hub_.get(), [] { return domain::Caller{.scope = storage::Scope::Everything()}; },
          request);
    });
    payload_ = AddPayload(AddInstance("a"), "/a");
  }
  void TearDown() override {
    server_->context().TryCancel();
    hub_->Shutdown();
    server_->Shutdown();
  }

  void Watch(int64_t offset = 0, int attempt = 0) {
    v1::WatchPayloadRequest request;
    request.set_payload_id(payload_);
    request.set_output_offset(offset);
    request.set_attempt(attempt);
    server_->context().set_deadline(std::chrono::system_clock::now() +
                                    std::chrono::minutes(5));  // Not for ever.
    server_->Watch(request);
  }
  // The next events, up to the first that has a status.
  std::vector<std::string> Read() {
    std::vector<std::string> events;
    v1::PayloadEvent event;
    while (server_->reader().Read(&event)) {
      if (event.has_payload()) {
        events.push_back(std::to_string(event.payload().attempt()) + " " +
                         v1::PayloadStatus_Name(event.payload().status()).substr(15));
        break;
      }
      const v1::PayloadOutput& output = event.output();
      events.push_back(std::to_string(output.attempt()) + ": " + std::to_string(output.offset()) +
                       " " + std::to_string(output.data().size()));
    }
    return events;
  }
  // Stores output of the attempt from `begin` up to `end`, and `sets` of the payload, and tells of
  // it.
  void Change(int attempt, int64_t begin, int64_t end, const std::string& sets) {
    const std::string id = std::to_string(payload_);
    std::string sql = "UPDATE payloads SET attempt = " + std::to_string(attempt) +
                      ", output_bytes = " + std::to_string(end) + ", " + sets +
                      ", updated_at = clock_timestamp() WHERE id = " + id + ";";
    if (end > begin) {
      sql +=
          "INSERT INTO payload_output (payload_id, attempt, start_byte, end_byte, data, "
          "lease_epoch)"
          " VALUES (" +
          id + ", " + std::to_string(attempt) + ", " + std::to_string(begin) + ", " +
          std::to_string(end) + ", convert_to(repeat('x', " + std::to_string(end - begin) +
          "), 'UTF8'), 1)";
    }
    const absl::Status changed = Sql(sql);
    ASSERT_TRUE(changed.ok()) << changed;
    hub_->PayloadsChanged({payload_});
  }

  int64_t payload_ = 0;
  std::unique_ptr<WatchHub> hub_;
  std::unique_ptr<PayloadWatchServer> server_;
};

TEST_F(PayloadWatchTest, AllOutputComesBeforeTheEnd) {
  Watch();
  EXPECT_THAT(Read(), ElementsAre("1 PENDING"));
  Change(1, 0, 10, "status = 'EXECUTING', executed = true");
  EXPECT_THAT(Read(), ElementsAre("1 EXECUTING"));
  Change(1, 10, 100010,
         "status = 'COMPLETED', executed = true, exit_code = 0, finished_at = now()");
  EXPECT_THAT(Read(), ElementsAre("1: 0 10", "1: 10 65536", "1: 65546 34464", "1 COMPLETED"));
  EXPECT_THAT(Read(), ElementsAre());
  EXPECT_TRUE(server_->reader().Finish().ok());
}

TEST_F(PayloadWatchTest, TheOutputOfANewAttemptIsWholeHoweverSoonItEnds) {
  Watch();
  EXPECT_THAT(Read(), ElementsAre("1 PENDING"));
  Change(1, 0, 10, "status = 'EXECUTING', executed = true");
  EXPECT_THAT(Read(), ElementsAre("1 EXECUTING"));
  EXPECT_EQ(QueryValue("SELECT count(*)::text FROM payload_output"), "1");
  Change(
      2, 0, 20,
      "status = 'FAILED', failure_reason = 'NONZERO_EXIT', executed = true, finished_at = now()");
  auto events = Read();
  ASSERT_FALSE(events.empty());
  if (events[0] == "1: 0 10") events.erase(events.begin());  // It was seen before the retry.
  EXPECT_THAT(events, ElementsAre("2: 0 20", "2 FAILED"));
}

TEST_F(PayloadWatchTest, OutputThatIsMissingIsNotWaitedFor) {
  Change(1, 0, 10, "status = 'EXECUTING', executed = true");
  Change(1, 500, 500, "status = 'COMPLETED', executed = true, exit_code = 0, finished_at = now()");
  Watch(/*offset=*/4, /*attempt=*/1);
  EXPECT_THAT(Read(), ElementsAre("1: 4 6", "1 COMPLETED"));
}

TEST_F(PayloadWatchTest, AnOffsetInAnotherAttemptIsNone) {
  Change(2, 0, 10, "status = 'EXECUTING', executed = true");
  Watch(/*offset=*/4, /*attempt=*/1);
  EXPECT_THAT(Read(), ElementsAre("2 EXECUTING"));
  Change(2, 10, 12, "status = 'COMPLETED', executed = true, exit_code = 0, finished_at = now()");
  const auto events = Read();
  ASSERT_FALSE(events.empty());
  EXPECT_THAT(events.front(), ::testing::StartsWith("2: 0 "));
  EXPECT_EQ(events.back(), "2 COMPLETED");
}

}  // namespace
}  // namespace longshore::services
