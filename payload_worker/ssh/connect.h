// The way to an instance: a connection that is dialled, or one by way of other hosts.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_CONNECT_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_CONNECT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "common/networks.h"
#include "payload_worker/ssh/private_key.h"
#include "payload_worker/ssh/session.h"
#include "payload_worker/ssh/tunnels.h"
#include "payload_worker/ssh/watchdog.h"

namespace longshore::ssh {

// What connections share. All of it outlives them.
struct Dialer {
  const Networks* allowed;  // Addresses that may be dialled.
  Timeouts timeouts;        // Of each host on the way too.
  Watchdog* watchdog;
  Tunnels* tunnels;
};

// Connects to `target` and checks its host key, which is pinned by `pin_host_key` if it has none
// yet. Hosts on the way are logged in to with `key`; theirs must be pinned, and a numeric address
// that one of them is to dial must be allowed too. Nothing is sent to a host before its key is
// found right. Blocks. Calls `on_socket` with the connection that is dialled. Errors are those of
// errors.h; that of a host on the way begins with "jump host N (ADDRESS:PORT): ".
absl::StatusOr<std::unique_ptr<Session>> Connect(const Target& target, const PrivateKey& key,
                                                 const Dialer& dialer,
                                                 const PinHostKey& pin_host_key,
                                                 const OnSocket& on_socket);

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_CONNECT_H_
