#include "common/trace_context.h"

#include <gtest/gtest.h>

namespace longshore {
namespace {

constexpr char kGood[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContextTest, TheExampleOfTheStandard) {
  EXPECT_TRUE(IsTraceparent(kGood));
  EXPECT_EQ(TraceIdOf(kGood), "0af7651916cd43dd8448eb211c80319c");
}

TEST(TraceContextTest, WhatIsNone) {
  const std::string good = kGood;
  for (const std::string& bad :
       {std::string(), good + "-x", good.substr(1), "FF" + good.substr(2), "ff" + good.substr(2),
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" + std::string(),
        "00-00000000000000000000000000000000-b7ad6b7169203331-01" + std::string(),
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01" + std::string(),
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" + std::string(),
        "00-0af7651916cd43dd8448eb211c80319\n-b7ad6b7169203331-01" + std::string()}) {
    EXPECT_FALSE(IsTraceparent(bad)) << bad;
    EXPECT_EQ(TraceIdOf(bad), "") << bad;
  }
}

}  // namespace
}  // namespace longshore
