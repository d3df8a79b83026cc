#include "payload_worker/ssh/tcp.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "common/status_macros.h"
#include "payload_worker/ssh/errors.h"

namespace longshore::ssh {
namespace {

// A silent link is noticed after about 25 s: probes from 10 s of silence on, every 5 s, three of
// them; unanswered data after 25 s.
void SetOptions(int fd) {
  const auto set = [fd](int level, int name, int value) {
    setsockopt(fd, level, name, &value, sizeof(value));
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 25000);
}

// 0, or the errno of the failure.
int ConnectOne(int fd, const addrinfo& address, std::chrono::steady_clock::time_point deadline) {
  if (connect(fd, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return ETIMEDOUT;
    pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    const int ready = poll(&poll_fd, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }
}

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

absl::StatusOr<Addresses> Resolve(const std::string& host, int port) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int resolved = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (resolved != 0) {
    return Unreachable("cannot resolve " + host + ": " + gai_strerror(resolved));
  }
  return Addresses(found, freeaddrinfo);
}

absl::Status NotAllowed(const std::string& host) {
  return Unreachable(host +
                     " is not in the networks that this worker may dial "
                     "(--allowed_addresses)");
}

}  // namespace

absl::StatusOr<int> TcpConnect(const std::string& host, int port, const Networks& allowed,
                               std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  const std::string where = host + " port " + std::to_string(port);
  ASSIGN_OR_RETURN(const Addresses addresses, Resolve(host, port));
  int error = EHOSTUNREACH;
  bool any = false;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    if (!allowed.Contains(*address->ai_addr)) continue;
    any = true;
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return Unreachable(std::string("cannot open a socket: ") + std::strerror(errno));
    error = ConnectOne(fd, *address, deadline);
    if (error == 0) {
      SetOptions(fd);
      return fd;
    }
    close(fd);
  }
  if (!any) return NotAllowed(host);
  return Unreachable("cannot connect to " + where + ": " + std::strerror(error));
}

absl::StatusOr<std::string> ResolveAllowed(const std::string& host, int port,
                                           const Networks& allowed) {
  ASSIGN_OR_RETURN(const Addresses addresses, Resolve(host, port));
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    char text[NI_MAXHOST];
    if (allowed.Contains(*address->ai_addr) &&
        getnameinfo(address->ai_addr, address->ai_addrlen, text, sizeof(text), nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      return std::string(text);
    }
  }
  return NotAllowed(host);
}

absl::Status CheckIfNumeric(const std::string& host, const Networks& allowed) {
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  // Its zone is one of whoever dials it, and need not be here.
  const std::string number = host.substr(0, host.find('%'));
  if (getaddrinfo(number.c_str(), nullptr, &hints, &found) != 0) return absl::OkStatus();
  const Addresses address(found, freeaddrinfo);
  return allowed.Contains(*address->ai_addr) ? absl::OkStatus() : NotAllowed(host);
}

}  // namespace longshore::ssh
