// IP addresses as sockets have them, of their text.
#ifndef LONGSHORE_COMMON_TESTING_SOCKET_ADDRESS_H_
#define LONGSHORE_COMMON_TESTING_SOCKET_ADDRESS_H_

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace longshore::testing {

// Returns the address that `text` writes in numbers; anything else fails the test.
inline sockaddr_storage SocketAddress(const char* text) {
  sockaddr_storage address{};
  auto* ipv4 = reinterpret_cast<sockaddr_in*>(&address);
  auto* ipv6 = reinterpret_cast<sockaddr_in6*>(&address);
  if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1) {
    address.ss_family = AF_INET;
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, text, &ipv6->sin6_addr), 1) << text;
    address.ss_family = AF_INET6;
  }
  return address;
}

}  // namespace longshore::testing

#endif  // LONGSHORE_COMMON_TESTING_SOCKET_ADDRESS_H_
