#include "api_server/webhooks/address_rules.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/testing/socket_address.h"

namespace longshore::webhooks {
namespace {

bool May(const std::vector<std::string>& named, const char* text, bool tls = true) {
  const auto rules = AddressRules::Make(named);
  EXPECT_TRUE(rules.ok()) << rules.status();
  const sockaddr_storage address = testing::SocketAddress(text);
  return rules->MayConnect(*reinterpret_cast<const sockaddr*>(&address), tls);
}

TEST(AddressRulesTest, PublicAddressesMayBeConnectedToByTls) {
  for (const char* text :
       {"1.1.1.1",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",    "172.15.255.255",
        "172.32.0.0",      "192.0.1.0",       "192.167.255.255", "192.169.0.0",    "198.17.255.255",
        "198.20.0.0",      "223.255.255.255", "2000::1",         "2001:200::1",    "2606:4700::1",
        "2a00::1",         "3ffe::1",         "::ffff:1.1.1.1"}) {
    EXPECT_TRUE(May({}, text)) << text;
    EXPECT_FALSE(May({}, text, /*tls=*/false)) << text;
  }
}

TEST(AddressRulesTest, OthersMayNot) {
  for (const char* text : {"0.0.0.0",
                           "0.255.255.255",
                           "10.0.0.0",
                           "10.255.255.255",
                           "100.64.0.0",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.255",
                           "169.254.0.0",
                           "169.254.169.254",
                           "172.16.0.0",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.0.0",
                           "192.168.255.255",
                           "198.18.0.0",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::127.0.0.1",
                           "::1.1.1.1",
                           "64:ff9b::7f00:1",
                           "64:ff9b:1::1",
                           "100::1",
                           "2001::1",
                           "2001:1ff::1",
                           "2001:db8::1",
                           "2002:7f00:1::1",
                           "3fff::1",
                           "4000::1",
                           "5f00::1",
                           "fc00::1",
                           "fd12:3456::1",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "ff02::1",
                           "::ffff:10.0.0.1",
                           "::ffff:7f00:1",
                           "::ffff:169.254.169.254"}) {
    EXPECT_FALSE(May({}, text)) << text;
    EXPECT_FALSE(May({}, text, /*tls=*/false)) << text;
    EXPECT_FALSE(May({"192.168.7.0/24"}, text)) << text;
  }
}

TEST(AddressRulesTest, ThoseThatAreNamedMayWithAndWithoutTls) {
  const std::vector<std::string> named = {"127.0.0.0/8", "10.1.0.0/16", "fd00::/8", "::1"};
  for (const char* text : {"127.0.0.1", "10.1.255.255", "fd12::1", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(May(named, text)) << text;
    EXPECT_TRUE(May(named, text, /*tls=*/false)) << text;
  }
  for (const char* text : {"10.2.0.0", "fc00::1", "::2", "::127.0.0.1"}) {
    EXPECT_FALSE(May(named, text)) << text;
  }
  EXPECT_TRUE(May(named, "1.1.1.1"));
  EXPECT_FALSE(May(named, "1.1.1.1", /*tls=*/false));
  EXPECT_FALSE(AddressRules::Make({"10.0.0.0/33"}).ok());
}

TEST(AddressRulesTest, WhatIsNoIpAddressMayNot) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  EXPECT_FALSE(AddressRules().MayConnect(reinterpret_cast<const sockaddr&>(address), true));
}

}  // namespace
}  // namespace longshore::webhooks
