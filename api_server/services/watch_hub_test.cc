// Who is woken by what.
#include "api_server/services/watch_hub.h"

#include <gtest/gtest.h>

#include <memory>

#include "api_server/services/testing/counting_watcher.h"
#include "storage/testing/database_fixture.h"

namespace longshore::services {
namespace {

class WatchHubTest : public storage::DatabaseFixture {
 protected:
  void SetUp() override {
    DatabaseFixture::SetUp();
    hub_ = std::make_unique<WatchHub>(database_.get(), /*threads=*/1);
  }

  // Adds a watcher, which is woken once by that.
  std::shared_ptr<CountingWatcher> Add(std::unique_ptr<WatchTopic> topic) {
    auto watcher = std::make_shared<CountingWatcher>();
    topic->Add(watcher);
    EXPECT_EQ(watcher->wakes(), 1);
    return watcher;
  }

  std::unique_ptr<WatchHub> hub_;
};

TEST_F(WatchHubTest, WakesThoseWhoWatchWhatChanged) {
  const auto first = Add(hub_->OfPayload(1));
  const auto second = Add(hub_->OfPayload(2));
  const auto all = Add(hub_->OfAllPayloads());
  const auto instances = Add(hub_->OfInstances());
  hub_->PayloadsChanged({2, 3});
  second->AwaitWakes(2);
  all->AwaitWakes(2);
  hub_->InstancesChanged();
  instances->AwaitWakes(2);
  EXPECT_EQ(first->wakes(), 1);
  EXPECT_EQ(second->wakes(), 2);
  EXPECT_EQ(all->wakes(), 2);
}

TEST_F(WatchHubTest, WhoTellsOfChangesNeverWaitsForAWatcher) {
  const auto stuck = Add(hub_->OfPayload(1));
  stuck->Hold(true);
  hub_->PayloadsChanged({1});
  stuck->AwaitWakes(2);  // The hub's thread is in there now.
  for (int64_t id = 1; id <= 1000; ++id) hub_->PayloadsChanged({id});
  hub_->InstancesChanged();
  hub_->AnythingChanged();
  stuck->Hold(false);
  stuck->AwaitWakes(3);
}

TEST_F(WatchHubTest, ALookWakesThoseWhoseRowsChanged) {
  const int64_t payload = AddPayload(AddInstance("a"), "/a");
  const int64_t other = AddPayload(AddInstance("b"), "/b");
  const auto watcher = Add(hub_->OfPayload(payload));
  const auto idle = Add(hub_->OfPayload(other));
  const auto instances = Add(hub_->OfInstances());
  hub_->AnythingChanged();
  idle->AwaitWakes(2);  // The first look knows of nothing before.
  ASSERT_TRUE(
      Sql("UPDATE payloads SET updated_at = now() WHERE id = " + std::to_string(payload)).ok());
  hub_->AnythingChanged();
  watcher->AwaitWakes(3);
  // The next look is over when instances, which come first in it, were woken and then anything
  // else.
  hub_->AnythingChanged();
  hub_->PayloadsChanged({payload});
  watcher->AwaitWakes(4);
  EXPECT_EQ(idle->wakes(), 2);
  EXPECT_GE(instances->wakes(), 3);
}

TEST_F(WatchHubTest, ADatabaseThatIsAwayWakesEverybody) {
  const auto watcher = Add(hub_->OfPayload(1));
  ASSERT_TRUE(Sql("ALTER TABLE payloads RENAME TO gone").ok());
  hub_->AnythingChanged();
  watcher->AwaitWakes(2);
}

TEST_F(WatchHubTest, OneThatIsRemovedIsNotWoken) {
  const auto topic = hub_->OfPayload(1);
  const auto watcher = std::make_shared<CountingWatcher>();
  topic->Add(watcher);
  topic->Remove(watcher);
  const auto other = Add(hub_->OfPayload(1));
  hub_->PayloadsChanged({1});
  other->AwaitWakes(2);
  EXPECT_EQ(watcher->wakes(), 1);
}

TEST_F(WatchHubTest, ShutdownStopsEverybodyAndWhoComesLater) {
  const auto watcher = Add(hub_->OfInstances());
  hub_->Shutdown();
  EXPECT_TRUE(watcher->stopped());
  const auto late = std::make_shared<CountingWatcher>();
  hub_->OfPayload(1)->Add(late);
  EXPECT_TRUE(late->stopped());
}

}  // namespace
}  // namespace longshore::services
