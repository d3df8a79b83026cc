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

TEST(InventoryTest, TheWayIsInTheConfiguration) {
  v1::Assignment host = Host();
  EXPECT_EQ(SshConfig({host}, "/d").find("Host "), std::string::npos);
  for (const char* address : {"10.0.0.8", "fe80::1%eth0"}) {
    v1::JumpHost& jump = *host.add_jump();
    jump.set_address(address);
    jump.set_port(2200);
    jump.set_ssh_user("hop");
    jump.set_host_key(std::string("ssh-ed25519 ") + address);
  }
  EXPECT_EQ(KnownHosts({host}),
            "instance-7 ssh-ed25519 AAAA\ninstance-7+jump-1 ssh-ed25519 10.0.0.8\n"
            "instance-7+jump-2 ssh-ed25519 fe80::1%eth0\n");
  const std::string config = SshConfig({host}, "/d");
  EXPECT_EQ(config.substr(config.find("Host instance")),
            "Host instance-7+jump-1\n  HostKeyAlias instance-7+jump-1\n  HostName 10.0.0.8\n"
            "  Port 2200\n  User hop\n  IdentityFile /d/key-7\n"
            "Host instance-7+jump-2\n  HostKeyAlias instance-7+jump-2\n  HostName fe80::1%%eth0\n"
            "  Port 2200\n  User hop\n  IdentityFile /d/key-7\n  ProxyJump instance-7+jump-1\n");
  const auto json = nlohmann::json::parse(
      InventoryJson({host}, [](const std::string& project) { return "/keys/" + project; }));
  EXPECT_EQ(json["all"]["hosts"]["instance-7"]["ansible_ssh_common_args"],
            "-o HostKeyAlias=instance-7 -o ProxyJump=instance-7+jump-2");
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
  host.add_jump()->set_address("10.0.0.8");
  host.mutable_jump(0)->set_ssh_user("hop");
  EXPECT_TRUE(CheckHost(host).ok());
  host.mutable_jump(0)->set_ssh_user("a b");
  EXPECT_TRUE(absl::IsInvalidArgument(CheckHost(host)));
  host.mutable_jump(0)->set_ssh_user("hop");
  host.mutable_jump(0)->set_address("$(id)");
  EXPECT_TRUE(absl::IsInvalidArgument(CheckHost(host)));
}

}  // namespace
}  // namespace longshore::provision
