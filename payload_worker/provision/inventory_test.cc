#include "payload_worker/provision/inventory.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace longshore::provision {
namespace {

v1::Assignment Host() {
  v1::Assignment host;
  host.set_instance_id(7);
  host.set_address("10.0.0.1");
  host.set_port(2222);
  host.set_ssh_user("root");
  host.set_host_key("ssh-ed25519 AAAA");
  return host;
}

TEST(InventoryTest, NothingThatWasChosenIsATemplateOrAKey) {
  v1::Assignment host = Host();
  const std::string evil = "{{ lookup('pipe', 'id') }}\"'\n---\xff";
  host.set_instance_name(evil);
  host.add_tags(evil);
  const auto json = nlohmann::json::parse(
      InventoryJson({host}, [](const std::string& project) { return "/keys/" + project; }));
  const auto& variables = json["all"]["hosts"]["instance-7"];
  for (const auto& value : {variables["longshore_name"], variables["longshore_tags"][0],
                            variables["ansible_host"], variables["ansible_user"]}) {
    ASSERT_EQ(value.size(), 1u);
    EXPECT_TRUE(value.contains("__ansible_unsafe"));
  }
  EXPECT_EQ(variables["longshore_name"]["__ansible_unsafe"].get<std::string>().substr(0, 32),
            evil.substr(0, 32));
  EXPECT_EQ(variables["ansible_port"], 2222);
}

TEST(InventoryTest, KnownHostsNameTheInstance) {
  v1::Assignment other = Host();
  other.set_instance_id(8);
  other.set_host_key("ssh-ed25519 BBBB");
  EXPECT_EQ(KnownHosts({Host(), other}),
            "instance-7 ssh-ed25519 AAAA\ninstance-8 ssh-ed25519 BBBB\n")
      << "also where both have one address";
  const auto json = nlohmann::json::parse(
      InventoryJson({other}, [](const std::string& project) { return "/keys/" + project; }));
  EXPECT_EQ(json["all"]["hosts"]["instance-8"]["ansible_ssh_common_args"],
            "-o HostKeyAlias=instance-8");
}

TEST(InventoryTest, RefusesWhatSshWouldTakeForSomethingElse) {
  EXPECT_TRUE(CheckHost(Host()).ok());
  for (const char* address : {"", "-oProxyCommand=id", "a b", "a\nb", "a,b", "{{a}}", "a/b"}) {
    v1::Assignment host = Host();
    host.set_address(address);
    EXPECT_TRUE(absl::IsInvalidArgument(CheckHost(host))) << address;
  }
  for (const char* user : {"", "-lroot", "a b", "a;id"}) {
    v1::Assignment host = Host();
    host.set_ssh_user(user);
    EXPECT_TRUE(absl::IsInvalidArgument(CheckHost(host))) << user;
  }
  v1::Assignment host = Host();
  host.set_address("fe80::1%eth0");
  EXPECT_TRUE(CheckHost(host).ok());
}

}  // namespace
}  // namespace longshore::provision
