#include "common/networks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "common/status_macros.h"

namespace longshore {
namespace {

constexpr int kAllBits = 128;
constexpr int kPrefixOfIpv4Bits = 96;
constexpr std::array<uint8_t, 12> kPrefixOfIpv4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::array<uint8_t, 16> FromIpv4(const in_addr& address) {
  std::array<uint8_t, 16> bytes{};
  std::copy(kPrefixOfIpv4.begin(), kPrefixOfIpv4.end(), bytes.begin());
  std::memcpy(bytes.data() + kPrefixOfIpv4.size(), &address, sizeof(address));
  return bytes;
}

bool SamePrefix(const std::array<uint8_t, 16>& a, const std::array<uint8_t, 16>& b, int bits) {
  const auto whole = static_cast<size_t>(bits / 8);
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const int rest = bits % 8;
  return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

}  // namespace

absl::StatusOr<Networks::Network> Networks::ParseOne(const std::string& text) {
  const size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  Network network{.address = {}, .bits = kAllBits};
  in_addr ipv4{};
  int most = kAllBits;
  if (inet_pton(AF_INET, address.c_str(), &ipv4) == 1) {
    network.address = FromIpv4(ipv4);
    most = kAllBits - kPrefixOfIpv4Bits;
  } else if (inet_pton(AF_INET6, address.c_str(), network.address.data()) != 1) {
    return absl::InvalidArgumentError("'" + text + "' is no network like 192.0.2.0/24");
  }
  if (slash == std::string::npos) return network;
  int bits = 0;
  if (!absl::SimpleAtoi(text.substr(slash + 1), &bits) || bits < 0 || bits > most) {
    return absl::InvalidArgumentError("'" + text + "' has a length that is not 0 to " +
                                      std::to_string(most));
  }
  network.bits = kAllBits - most + bits;
  return network;
}

absl::StatusOr<Networks> Networks::Parse(const std::vector<std::string>& texts) {
  Networks networks;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(const Network network, ParseOne(text));
    networks.networks_.push_back(network);
  }
  return networks;
}

bool Networks::Contains(const sockaddr& address) const {
  if (contains_all()) return true;
  Bytes bytes{};
  if (address.sa_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, &address, sizeof(ipv4));
    bytes = FromIpv4(ipv4.sin_addr);
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 ipv6{};
    std::memcpy(&ipv6, &address, sizeof(ipv6));
    std::memcpy(bytes.data(), &ipv6.sin6_addr, bytes.size());
  } else {
    return false;
  }
  const bool is_ipv4 = std::equal(kPrefixOfIpv4.begin(), kPrefixOfIpv4.end(), bytes.begin());
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    // ::/0 is of IPv6, not of all.
    const bool is_of_ipv4 =
        std::equal(kPrefixOfIpv4.begin(), kPrefixOfIpv4.end(), network.address.begin());
    return is_ipv4 == is_of_ipv4 && SamePrefix(bytes, network.address, network.bits);
  });
}

}  // namespace longshore
