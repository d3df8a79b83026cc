#include "payload_worker/provision/inventory.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace longshore::provision {
namespace {

using nlohmann::json;

// Only keys that are pinned.
constexpr char kSshOptions[] =
    "GlobalKnownHostsFile /dev/null\n"
    "StrictHostKeyChecking yes\n"
    "IdentitiesOnly yes\n"
    "PasswordAuthentication no\n"
    "KbdInteractiveAuthentication no\n"
    "ConnectTimeout 15\n"
    "ServerAliveInterval 15\n";

json Unsafe(const std::string& text) { return {{"__ansible_unsafe", ToValidUtf8(text)}}; }

bool IsPlain(const std::string& word, const std::string& punctuation) {
  return !word.empty() && word[0] != '-' &&
         std::all_of(word.begin(), word.end(), [&](unsigned char c) {
           return std::isalnum(c) || punctuation.find(static_cast<char>(c)) != std::string::npos;
         });
}

// The name of a host on the way to an instance, from 1. No address has a '+': none is taken for it.
std::string JumpName(int64_t instance_id, int number) {
  return HostName(instance_id) + "+jump-" + std::to_string(number);
}

absl::Status CheckAddressAndLogin(const std::string& address, const std::string& login) {
  if (!IsPlain(address, ".:-_%")) {
    return absl::InvalidArgumentError("address '" + address +
                                      "' is not a host name or an IP address");
  }
  if (!IsPlain(login, "._-$")) {
    return absl::InvalidArgumentError("login '" + login + "' cannot be passed to ssh");
  }
  return absl::OkStatus();
}

// What tells ssh which key to look for and which way to go.
std::string SshArguments(const v1::Assignment& host) {
  std::string arguments = "-o HostKeyAlias=" + HostName(host.instance_id());
  if (host.jump_size() > 0) {
    arguments += " -o ProxyJump=" + JumpName(host.instance_id(), host.jump_size());
  }
  return arguments;
}

}  // namespace

std::string HostName(int64_t instance_id) { return "instance-" + std::to_string(instance_id); }

absl::Status CheckHost(const v1::Assignment& host) {
  RETURN_IF_ERROR(CheckAddressAndLogin(host.address(), host.ssh_user()));
  for (const v1::JumpHost& jump : host.jump()) {
    RETURN_IF_ERROR(CheckAddressAndLogin(jump.address(), jump.ssh_user()));
  }
  return absl::OkStatus();
}

std::string JumpKeyFile(const std::string& directory, int64_t instance_id) {
  return directory + "/key-" + std::to_string(instance_id);
}

std::string InventoryJson(const std::vector<v1::Assignment>& hosts, const KeyFile& key_file) {
  json all = json::object();
  for (const v1::Assignment& host : hosts) {
    json tags = json::array();
    for (const std::string& tag : host.tags()) tags.push_back(Unsafe(tag));
    // One that has gone meanwhile leaves the host out of reach, to be tried again.
    const auto key = key_file(host.project());
    json& variables = all[HostName(host.instance_id())];
    variables = {
        {"ansible_ssh_private_key_file", Unsafe(key.ok() ? *key : "/nonexistent")},
        {"ansible_host", Unsafe(host.address())},
        {"ansible_port", host.port()},
        {"ansible_user", Unsafe(host.ssh_user())},
        {"ansible_ssh_common_args", SshArguments(host)},
        {"longshore_instance_id", host.instance_id()},
        {"longshore_name", Unsafe(host.instance_name())},
        {"longshore_tags", std::move(tags)},
        {"longshore_jumps", host.jump_size()},
    };
    // What sudo is asked for is what payloads ask for as well.
    if (host.become()) {
      variables.update({{"ansible_become", true},
                        {"ansible_become_method", "sudo"},
                        {"ansible_become_flags", "-H -n"},
                        {"ansible_shell_executable", "/bin/bash"}});
    }
  }
  return json{{"all", {{"hosts", std::move(all)}}}}.dump(1) + "\n";
}

std::string SshConfig(const std::vector<v1::Assignment>& hosts, const std::string& directory) {
  std::string text = "UserKnownHostsFile " + directory + "/known_hosts\n" + kSshOptions;
  for (const v1::Assignment& host : hosts) {
    for (int i = 0; i < host.jump_size(); ++i) {
      const v1::JumpHost& jump = host.jump(i);
      const std::string name = JumpName(host.instance_id(), i + 1);
      absl::StrAppend(&text, "Host ", name, "\n  HostKeyAlias ", name, "\n  HostName ",
                      absl::StrReplaceAll(jump.address(), {{"%", "%%"}}), "\n  Port ", jump.port(),
                      "\n  User ", jump.ssh_user(), "\n  IdentityFile ",
                      JumpKeyFile(directory, host.instance_id()), "\n");
      if (i > 0) text += "  ProxyJump " + JumpName(host.instance_id(), i) + "\n";
    }
  }
  return text;
}

std::string KnownHosts(const std::vector<v1::Assignment>& hosts) {
  std::string text;
  for (const v1::Assignment& host : hosts) {
    text += HostName(host.instance_id()) + " " + host.host_key() + "\n";
    for (int i = 0; i < host.jump_size(); ++i) {
      text += JumpName(host.instance_id(), i + 1) + " " + host.jump(i).host_key() + "\n";
    }
  }
  return text;
}

}  // namespace longshore::provision
