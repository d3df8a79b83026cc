// Addresses with their ports, as people and programs write them.
#ifndef LONGSHORE_COMMON_ENDPOINT_TEXT_H_
#define LONGSHORE_COMMON_ENDPOINT_TEXT_H_

#include <cstdint>
#include <string>

namespace longshore {

// Returns "HOST:PORT", with an IPv6 address in brackets.
inline std::string EndpointText(const std::string& address, int32_t port) {
  const bool is_ipv6 = address.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

}  // namespace longshore

#endif  // LONGSHORE_COMMON_ENDPOINT_TEXT_H_
