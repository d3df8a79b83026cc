// One deployment for many watchers, against a real database.
#include "api_server/services/deployment_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "api_server/services/testing/counting_watcher.h"
#include "storage/testing/database_fixture.h"

namespace longshore::services {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kDeployment = 1;
constexpr int kPayloads = 5;

class DeploymentFeedTest : public storage::DatabaseFixture {
 protected:
  void SetUp() override {
    DatabaseFixture::SetUp();
    payloads_ = AddFleet(kPayloads, /*max_concurrency=*/0, /*max_errors=*/0);
    hub_ = std::make_unique<WatchHub>(database_.get(), /*threads=*/1);
    Make(/*budget=*/100);
  }
  void TearDown() override {
    hub_->Shutdown();
    feed_ = nullptr;
    hub_ = nullptr;
    DatabaseFixture::TearDown();
  }

  void Make(int64_t budget) {
    budget_ = std::make_unique<PayloadBudget>(budget);
    feed_ = std::make_shared<DeploymentFeed>(hub_.get(), kDeployment, budget_.get());
  }

  // Someone who watches: what came last, and how far.
  struct Reader {
    std::shared_ptr<CountingWatcher> watcher = std::make_shared<CountingWatcher>();
    uint64_t ticket = 0;
    uint64_t version = 0;
  };
  Reader Subscribe() {
    Reader reader;
    reader.ticket = feed_->Subscribe(reader.watcher);
    return reader;
  }
  // Reads on until something has come; returns the payloads' ids.
  std::vector<int64_t> Read(Reader& reader, size_t limit = 100) {
    std::vector<int64_t> ids;
    for (int wakes = reader.watcher->wakes(); ids.empty(); ++wakes) {
      auto news = feed_->Read(reader.ticket, reader.version, limit);
      EXPECT_TRUE(news.ok()) << news.status();
      if (!news.ok()) break;
      reader.version = std::max(reader.version, news->version);
      for (const auto& change : news->changes) {
        EXPECT_EQ(payloads_[change.index], change.payload->id());
        EXPECT_EQ(change.payload->remote_path(), "/x");
        ids.push_back(change.payload->id());
      }
      if (ids.empty()) reader.watcher->AwaitWakes(wakes + 1);
    }
    return ids;
  }
  void Complete(int64_t payload) {
    Claim(kPayloads);
    Do([&](storage::Connection& c) {
      return storage::task_store::End(c, {Completed(payload, payload)}, OutputLimit(1000));
    });
    hub_->PayloadsChanged({payload});
  }

  std::vector<int64_t> payloads_;
  std::unique_ptr<WatchHub> hub_;
  std::unique_ptr<PayloadBudget> budget_;
  std::shared_ptr<DeploymentFeed> feed_;
};

TEST_F(DeploymentFeedTest, GivesEveryPayloadOnceAndThenThoseThatChange) {
  Reader reader = Subscribe();
  EXPECT_EQ(Read(reader), payloads_);
  Complete(payloads_[2]);
  EXPECT_THAT(Read(reader), ElementsAre(payloads_[2]));
}

TEST_F(DeploymentFeedTest, OneThatIsBehindGetsEachPayloadOnceAsItIsNow) {
  Reader fast = Subscribe();
  EXPECT_EQ(Read(fast), payloads_);
  Reader slow = Subscribe();
  EXPECT_EQ(Read(slow, 2), (std::vector<int64_t>{payloads_[0], payloads_[1]}));
  Complete(payloads_[3]);
  EXPECT_THAT(Read(fast), ElementsAre(payloads_[3]));
  // The completed one moved to the end of what it has not got yet.
  EXPECT_EQ(Read(slow), (std::vector<int64_t>{payloads_[2], payloads_[4], payloads_[3]}));
}

TEST_F(DeploymentFeedTest, WithoutRoomForPayloadsTheyAreReadFromTheDatabase) {
  Make(/*budget=*/kPayloads - 1);
  Reader reader = Subscribe();
  EXPECT_EQ(Read(reader), payloads_);
  EXPECT_TRUE(budget_->Take(kPayloads - 1)) << "nothing is taken of too little room";
}

TEST_F(DeploymentFeedTest, RoomIsReturnedWithTheFeed) {
  Make(/*budget=*/kPayloads);
  Reader reader = Subscribe();
  EXPECT_EQ(Read(reader), payloads_);
  EXPECT_FALSE(budget_->Take(1));
  feed_->Unsubscribe(reader.watcher);
  hub_->Shutdown();  // Its work may hold the feed.
  feed_ = nullptr;
  EXPECT_TRUE(budget_->Take(kPayloads));
}

TEST_F(DeploymentFeedTest, NobodyIsGivenWhatWasReadBeforeTheyCame) {
  Reader first = Subscribe();
  EXPECT_EQ(Read(first), payloads_);
  // A change that nobody tells of, because its notification was lost.
  ASSERT_TRUE(Sql("UPDATE payloads SET attempt = 2 WHERE id = 1").ok());
  Reader second = Subscribe();
  const std::vector<int64_t> ids = Read(second);
  EXPECT_EQ(ids.back(), 1);
  EXPECT_EQ(ids.size(), kPayloads);
  EXPECT_THAT(Read(first), ElementsAre(1));
}

TEST_F(DeploymentFeedTest, OneThatLeftIsNotWokenAndTheOthersAre) {
  Reader first = Subscribe();
  Reader second = Subscribe();
  EXPECT_EQ(Read(first), payloads_);
  EXPECT_EQ(Read(second), payloads_);
  feed_->Unsubscribe(first.watcher);
  const int wakes = first.watcher->wakes();
  Complete(payloads_[0]);
  EXPECT_THAT(Read(second), ElementsAre(payloads_[0]));
  EXPECT_EQ(first.watcher->wakes(), wakes);
}

TEST_F(DeploymentFeedTest, AnErrorReachesThoseWhoWatchAndTheNextBeginsAgain) {
  ASSERT_TRUE(Sql("ALTER TABLE payloads RENAME TO gone").ok());
  Reader first = Subscribe();
  auto news = feed_->Read(first.ticket, 0, 100);
  for (int wakes = 1; news.ok(); ++wakes) {
    EXPECT_FALSE(news->ready);
    first.watcher->AwaitWakes(wakes);
    news = feed_->Read(first.ticket, 0, 100);
  }
  ASSERT_TRUE(Sql("ALTER TABLE gone RENAME TO payloads").ok());
  Reader second = Subscribe();
  EXPECT_EQ(Read(second), payloads_);
}

TEST_F(DeploymentFeedTest, ADeploymentThatIsNotThereIsAnError) {
  feed_ = std::make_shared<DeploymentFeed>(hub_.get(), kDeployment + 1, budget_.get());
  Reader reader = Subscribe();
  auto news = feed_->Read(reader.ticket, 0, 100);
  for (int wakes = 1; news.ok(); ++wakes) {
    reader.watcher->AwaitWakes(wakes);
    news = feed_->Read(reader.ticket, 0, 100);
  }
  EXPECT_TRUE(absl::IsNotFound(news.status())) << news.status();
}

TEST_F(DeploymentFeedTest, ShutdownStopsThoseWhoWatch) {
  Reader reader = Subscribe();
  hub_->Shutdown();
  EXPECT_TRUE(reader.watcher->stopped());
}

TEST(DeploymentFeedsTest, OneFeedForAllWhoWatchOneDeployment) {
  storage::Database database({.url = "not used"});
  WatchHub hub(&database, /*threads=*/1);
  DeploymentFeeds feeds(&hub);
  const auto feed = feeds.Get(1);
  EXPECT_EQ(feeds.Get(1), feed);
  EXPECT_NE(feeds.Get(2), feed);
}

}  // namespace
}  // namespace longshore::services
