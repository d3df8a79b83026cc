// Networks of IP addresses, as "192.0.2.0/24" or "2001:db8::/32".
#ifndef LONGSHORE_COMMON_NETWORKS_H_
#define LONGSHORE_COMMON_NETWORKS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

struct sockaddr;

namespace longshore {

// Immutable, so thread-safe.
class Networks {
 public:
  // Contains every address.
  Networks() = default;
  // Contains the addresses of these networks; one without a length is a single address. Errors:
  // InvalidArgument, which names the text.
  static absl::StatusOr<Networks> Parse(const std::vector<std::string>& texts);

  bool contains_all() const { return networks_.empty(); }
  // An IPv4 address that is written as an IPv6 one ("::ffff:192.0.2.1") counts as what it is.
  bool Contains(const sockaddr& address) const;

 private:
  // IPv4 addresses are kept as IPv6 ones.
  using Bytes = std::array<uint8_t, 16>;
  struct Network {
    Bytes address;
    int bits;
  };
  static absl::StatusOr<Network> ParseOne(const std::string& text);

  std::vector<Network> networks_;
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_NETWORKS_H_
