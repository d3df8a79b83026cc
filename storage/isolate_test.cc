#include "storage/isolate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

namespace longshore::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<int> Numbers(int count) {
  std::vector<int> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 1);
  return numbers;
}

// Refuses what holds one of `bad`; remembers what it took.
class Table {
 public:
  explicit Table(std::set<int> bad) : bad_(std::move(bad)) {}
  absl::Status Apply(const std::vector<int>& items) {
    ++calls_;
    for (int item : items) {
      if (bad_.count(item) > 0) return absl::InternalError("row " + std::to_string(item));
    }
    taken_.insert(items.begin(), items.end());
    return absl::OkStatus();
  }
  const std::set<int>& taken() const { return taken_; }
  int calls() const { return calls_; }

 private:
  const std::set<int> bad_;
  std::set<int> taken_;
  int calls_ = 0;
};

std::vector<int> Refuse(Table* table, int count) {
  const auto refused = ApplyIsolated<int>(
      Numbers(count), [&](const std::vector<int>& items) { return table->Apply(items); });
  std::vector<int> found;
  for (const auto& one : *refused) {
    EXPECT_EQ(one.reason, "row " + std::to_string(one.item));
    found.push_back(one.item);
  }
  return found;
}

TEST(ApplyIsolatedTest, OneCallWhenNothingIsAtFault) {
  Table table({});
  EXPECT_THAT(Refuse(&table, 100), IsEmpty());
  EXPECT_EQ(table.calls(), 1);
}

TEST(ApplyIsolatedTest, FindsEachThatIsAtFaultAndTakesTheOthers) {
  Table table({1, 42, 43, 100});
  EXPECT_THAT(Refuse(&table, 100), ElementsAre(1, 42, 43, 100));
  EXPECT_EQ(table.taken().size(), 96u);
  EXPECT_LT(table.calls(), 60);
}

TEST(ApplyIsolatedTest, AllAtFault) {
  Table table({1, 2, 3});
  EXPECT_THAT(Refuse(&table, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(table.taken(), IsEmpty());
}

TEST(ApplyIsolatedTest, ADatabaseThatIsAwayIsNoRowsFault) {
  int calls = 0;
  const auto refused = ApplyIsolated<int>(Numbers(8), [&](const std::vector<int>&) {
    ++calls;
    return absl::UnavailableError("away");
  });
  EXPECT_TRUE(absl::IsUnavailable(refused.status()));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace longshore::storage
