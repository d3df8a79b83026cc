#include "payload_worker/provision/inventory.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "common/utf8.h"

namespace longshore::provision {
namespace {

using nlohmann::json;

json Unsafe(const std::string& text) { return {{"__ansible_unsafe", ToValidUtf8(text)}}; }

bool IsPlain(const std::string& word, const std::string& punctuation) {
  return !word.empty() && word[0] != '-' &&
         std::all_of(word.begin(), word.end(), [&](unsigned char c) {
           return std::isalnum(c) || punctuation.find(static_cast<char>(c)) != std::string::npos;
         });
}

}  // namespace

std::string HostName(int64_t instance_id) { return "instance-" + std::to_string(instance_id); }

absl::Status CheckHost(const v1::Assignment& host) {
  if (!IsPlain(host.address(), ".:-_%")) {
    return absl::InvalidArgumentError("address '" + host.address() +
                                      "' is not a host name or an IP address");
  }
  if (!IsPlain(host.ssh_user(), "._-$")) {
    return absl::InvalidArgumentError("login '" + host.ssh_user() + "' cannot be passed to ssh");
  }
  return absl::OkStatus();
}

std::string InventoryJson(const std::vector<v1::Assignment>& hosts, const KeyFile& key_file) {
  json all = json::object();
  for (const v1::Assignment& host : hosts) {
    json tags = json::array();
    for (const std::string& tag : host.tags()) tags.push_back(Unsafe(tag));
    // One that has gone meanwhile leaves the host out of reach, to be tried again.
    const auto key = key_file(host.project());
    all[HostName(host.instance_id())] = {
        {"ansible_ssh_private_key_file", Unsafe(key.ok() ? *key : "/nonexistent")},
        {"ansible_host", Unsafe(host.address())},
        {"ansible_port", host.port()},
        {"ansible_user", Unsafe(host.ssh_user())},
        {"ansible_ssh_common_args", "-o HostKeyAlias=" + HostName(host.instance_id())},
        {"longshore_instance_id", host.instance_id()},
        {"longshore_name", Unsafe(host.instance_name())},
        {"longshore_tags", std::move(tags)},
    };
  }
  return json{{"all", {{"hosts", std::move(all)}}}}.dump(1) + "\n";
}

std::string KnownHosts(const std::vector<v1::Assignment>& hosts) {
  std::string text;
  for (const v1::Assignment& host : hosts) {
    text += HostName(host.instance_id()) + " " + host.host_key() + "\n";
  }
  return text;
}

}  // namespace longshore::provision
