#include "payload_worker/link/script_cache.h"

#include <gtest/gtest.h>

#include <future>

#include "common/sha256.h"

namespace longshore {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ScriptCacheTest, AsksOnceForAllWhoWait) {
  std::promise<void> asked;
  int requests = 0;
  ScriptCache cache(1000, [&](const std::string&) {
    if (++requests == 1) asked.set_value();
  });
  const std::string sha256 = Sha256("script");
  auto first = std::async(std::launch::async, [&] { return cache.Get(sha256, seconds(60)); });
  asked.get_future().wait();
  auto second = std::async(std::launch::async, [&] { return cache.Get(sha256, seconds(60)); });
  cache.Put(sha256, "script");
  EXPECT_EQ(**first.get(), "script");
  EXPECT_EQ(**second.get(), "script");
  EXPECT_EQ(requests, 1);
}

TEST(ScriptCacheTest, AsksAgainWhenNoAnswerComes) {
  ScriptCache* cache_pointer = nullptr;
  int requests = 0;
  ScriptCache cache(
      1000,
      [&](const std::string& sha256) {
        if (++requests == 3) cache_pointer->Put(sha256, "script");
      },
      milliseconds(1));
  cache_pointer = &cache;
  EXPECT_EQ(**cache.Get(Sha256("script"), seconds(60)), "script");
  EXPECT_EQ(requests, 3);
}

TEST(ScriptCacheTest, RefusesContentThatIsNotWhatItsNameSays) {
  ScriptCache* cache_pointer = nullptr;
  ScriptCache cache(1000, [&](const std::string& sha256) { cache_pointer->Put(sha256, "forged"); });
  cache_pointer = &cache;
  EXPECT_TRUE(absl::IsNotFound(cache.Get(Sha256("true"), seconds(60)).status()));
}

TEST(ScriptCacheTest, GivesUpAfterTheLimitAndKeepsToItsSize) {
  ScriptCache silent(1000, [](const std::string&) {});
  EXPECT_TRUE(absl::IsUnavailable(silent.Get(Sha256("x"), milliseconds(1)).status()));

  int requests = 0;
  ScriptCache* cache_pointer = nullptr;
  const std::string scripts[] = {std::string(60, 'a'), std::string(60, 'b')};
  ScriptCache cache(100, [&](const std::string& sha256) {
    ++requests;
    for (const std::string& script : scripts) {
      if (Sha256(script) == sha256) cache_pointer->Put(sha256, script);
    }
  });
  cache_pointer = &cache;
  for (int i = 0; i < 2; ++i) {
    for (const std::string& script : scripts) {
      EXPECT_TRUE(cache.Get(Sha256(script), seconds(60)).ok());
    }
  }
  EXPECT_EQ(requests, 4);  // Each pushed the other out.
}

}  // namespace
}  // namespace longshore
