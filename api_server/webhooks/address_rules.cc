#include "api_server/webhooks/address_rules.h"

#include "common/status_macros.h"

namespace longshore::webhooks {
namespace {

Networks Known(const std::vector<std::string>& networks) {
  return Networks::Parse(networks).value();
}

// IANA's registries of special-purpose addresses, multicast and what is reserved.
const Networks& Ipv4() {
  static const auto* const kNetworks = new Networks(Known({"0.0.0.0/0"}));
  return *kNetworks;
}

const Networks& SpecialIpv4() {
  static const auto* const kNetworks = new Networks(Known({
      "0.0.0.0/8",        // This network.
      "10.0.0.0/8",       // Private.
      "100.64.0.0/10",    // Of carriers' own translation.
      "127.0.0.0/8",      // Loopback.
      "169.254.0.0/16",   // Link-local; metadata of clouds.
      "172.16.0.0/12",    // Private.
      "192.0.0.0/24",     // Of protocols.
      "192.0.2.0/24",     // Documentation.
      "192.88.99.0/24",   // Relays of 6to4.
      "192.168.0.0/16",   // Private.
      "198.18.0.0/15",    // Benchmarks.
      "198.51.100.0/24",  // Documentation.
      "203.0.113.0/24",   // Documentation.
      "224.0.0.0/4",      // Multicast.
      "240.0.0.0/4",      // Reserved, and broadcast.
  }));
  return *kNetworks;
}

// All that is given out to be reached from anywhere. What is outside is loopback, link-local,
// unique local, multicast, translated or reserved.
const Networks& GlobalIpv6() {
  static const auto* const kNetworks = new Networks(Known({"2000::/3"}));
  return *kNetworks;
}

const Networks& SpecialIpv6() {
  static const auto* const kNetworks = new Networks(Known({
      "2001::/23",      // Of protocols, Teredo among them.
      "2001:db8::/32",  // Documentation.
      "2002::/16",      // 6to4, which holds any IPv4 address.
      "3fff::/20",      // Documentation.
  }));
  return *kNetworks;
}

bool IsPublic(const sockaddr& address) {
  if (Ipv4().Contains(address)) return !SpecialIpv4().Contains(address);
  return GlobalIpv6().Contains(address) && !SpecialIpv6().Contains(address);
}

}  // namespace

absl::StatusOr<AddressRules> AddressRules::Make(const std::vector<std::string>& named) {
  AddressRules rules;
  ASSIGN_OR_RETURN(rules.named_, Networks::Parse(named));
  return rules;
}

bool AddressRules::MayConnect(const sockaddr& address, bool tls) const {
  if (!named_.contains_all() && named_.Contains(address)) return true;
  return tls && IsPublic(address);
}

}  // namespace longshore::webhooks
