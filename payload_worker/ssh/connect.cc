#include "payload_worker/ssh/connect.h"

#include <fcntl.h>

#include <string>
#include <utility>

#include "common/descriptor.h"
#include "common/endpoint_text.h"
#include "common/status_macros.h"
#include "payload_worker/ssh/errors.h"
#include "payload_worker/ssh/tcp.h"

namespace longshore::ssh {
namespace {

// Says which host on the way it was.
absl::Status OfHop(size_t i, const Hop& hop, const absl::Status& status) {
  if (status.ok()) return status;
  const std::string where =
      "jump host " + std::to_string(i + 1) + " (" + EndpointText(hop.address, hop.port) + "): ";
  return WithReason(absl::Status(status.code(), where + ToString(status)), ReasonOf(status));
}

absl::StatusOr<std::string> PinNone(const std::string& /*host_key*/) {
  return HostKeyMismatch("no host key is pinned for it");
}

// Logs in to a host, over a connection to it.
absl::StatusOr<std::unique_ptr<Session>> EnterHop(const Hop& hop, Descriptor socket,
                                                  const PrivateKey& key, const Dialer& dialer) {
  const Target target{
      .address = hop.address, .port = hop.port, .user = hop.user, .host_key = hop.host_key};
  ASSIGN_OR_RETURN(auto session, Session::Begin(target, std::move(socket), dialer.timeouts,
                                                dialer.watchdog, PinNone));
  RETURN_IF_ERROR(session->Login(key));
  return session;
}

// Where hop `i` is to connect to.
std::pair<std::string, int> NextOf(const Target& target, size_t i) {
  if (i + 1 == target.jump.size()) return {target.address, target.port};
  return {target.jump[i + 1].address, target.jump[i + 1].port};
}

// Goes through all hosts on the way, over a connection to the first. Returns one to the target.
absl::StatusOr<Descriptor> PassHops(const Target& target, Descriptor socket, const PrivateKey& key,
                                    const Dialer& dialer) {
  for (size_t i = 0; i < target.jump.size(); ++i) {
    const Hop& hop = target.jump[i];
    const auto [address, port] = NextOf(target, i);
    RETURN_IF_ERROR(CheckIfNumeric(address, *dialer.allowed));
    auto session = EnterHop(hop, std::move(socket), key, dialer);
    if (!session.ok()) return OfHop(i, hop, session.status());
    RETURN_IF_ERROR(OfHop(i, hop, (*session)->OpenTunnel(address, port)));
    ASSIGN_OR_RETURN(const int near, dialer.tunnels->Add(*std::move(session)));
    socket = Descriptor(near);
  }
  return socket;
}

absl::StatusOr<std::unique_ptr<Session>> BeginBeyond(const Target& target, Descriptor socket,
                                                     const PrivateKey& key, const Dialer& dialer,
                                                     const PinHostKey& pin_host_key) {
  ASSIGN_OR_RETURN(Descriptor last, PassHops(target, std::move(socket), key, dialer));
  return Session::Begin(target, std::move(last), dialer.timeouts, dialer.watchdog, pin_host_key);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> Connect(const Target& target, const PrivateKey& key,
                                                 const Dialer& dialer,
                                                 const PinHostKey& pin_host_key,
                                                 const OnSocket& on_socket) {
  const auto limit = dialer.timeouts.connect;
  if (target.jump.empty()) {
    ASSIGN_OR_RETURN(const int fd, TcpConnect(target.address, target.port, *dialer.allowed, limit));
    on_socket(fd);
    auto session =
        Session::Begin(target, Descriptor(fd), dialer.timeouts, dialer.watchdog, pin_host_key);
    if (!session.ok()) on_socket(-1);
    return session;
  }
  const Hop& first = target.jump.front();
  const auto dialled = TcpConnect(first.address, first.port, *dialer.allowed, limit);
  if (!dialled.ok()) return OfHop(0, first, dialled.status());
  Descriptor socket(*dialled);
  // It stays open with the session that comes of this, so that it can be asked how it is.
  Descriptor watched(fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
  if (watched.get() < 0) return Unreachable("no file descriptor is left");
  on_socket(watched.get());
  auto session = BeginBeyond(target, std::move(socket), key, dialer, pin_host_key);
  if (session.ok()) {
    (*session)->KeepFirstSocket(std::move(watched));
  } else {
    on_socket(-1);
  }
  return session;
}

}  // namespace longshore::ssh
