#include "common/networks.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "common/testing/socket_address.h"

namespace longshore {
namespace {

bool Has(const std::vector<std::string>& networks, const char* text) {
  const auto parsed = Networks::Parse(networks);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  const sockaddr_storage address = testing::SocketAddress(text);
  return parsed->Contains(*reinterpret_cast<const sockaddr*>(&address));
}

TEST(NetworksTest, NoneContainsAll) {
  EXPECT_TRUE(Has({}, "192.0.2.1"));
  EXPECT_TRUE(Has({}, "2001:db8::1"));
}

TEST(NetworksTest, AnAddressIsInANetworkByItsFirstBits) {
  EXPECT_TRUE(Has({"192.0.2.0/24"}, "192.0.2.255"));
  EXPECT_FALSE(Has({"192.0.2.0/24"}, "192.0.3.0"));
  EXPECT_TRUE(Has({"10.0.0.0/9"}, "10.127.255.255"));
  EXPECT_FALSE(Has({"10.0.0.0/9"}, "10.128.0.0"));
  EXPECT_TRUE(Has({"192.0.2.7"}, "192.0.2.7"));
  EXPECT_FALSE(Has({"192.0.2.7"}, "192.0.2.6"));
  EXPECT_TRUE(Has({"2001:db8::/33"}, "2001:db8:7fff::1"));
  EXPECT_FALSE(Has({"2001:db8::/33"}, "2001:db8:8000::1"));
  EXPECT_TRUE(Has({"192.0.2.0/24", "2001:db8::/32"}, "2001:db8::1"));
}

TEST(NetworksTest, TheFamiliesAreNotMixedUp) {
  EXPECT_FALSE(Has({"0.0.0.0/0"}, "2001:db8::1"));
  EXPECT_TRUE(Has({"0.0.0.0/0"}, "192.0.2.1"));
  EXPECT_TRUE(Has({"192.0.2.0/24"}, "::ffff:192.0.2.1"));
  EXPECT_FALSE(Has({"2001:db8::/32"}, "192.0.2.1"));
  EXPECT_FALSE(Has({"::/0"}, "192.0.2.1"));
  EXPECT_TRUE(Has({"::/0"}, "2001:db8::1"));
}

TEST(NetworksTest, WhatIsNoNetworkIsRefused) {
  for (const char* text : {"", "x", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/", "192.0.2.0/x",
                           "192.0.2/24", "2001:db8::/129", "example.org", "1.2.3.4/24/1"}) {
    EXPECT_FALSE(Networks::Parse({text}).ok()) << text;
  }
}

}  // namespace
}  // namespace longshore
