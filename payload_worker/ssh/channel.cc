#include "payload_worker/ssh/channel.h"

#include <libssh/libssh.h>
#include <poll.h>

namespace longshore::ssh {
namespace {

constexpr int kTries = 20;
constexpr int kWaitMilliseconds = 100;

}  // namespace

ssh_channel_struct* OpenChannel(ssh_session_struct* session) {
  for (int i = 0; i < kTries && ssh_is_connected(session) != 0; ++i) {
    ssh_channel channel = ssh_channel_new(session);
    if (channel == nullptr) return nullptr;
    if (ssh_channel_open_session(channel) == SSH_OK) return channel;
    ssh_channel_free(channel);
    // What the instance says of the closed one comes first, if it comes.
    pollfd fd = {.fd = ssh_get_fd(session), .events = POLLIN};
    poll(&fd, 1, kWaitMilliseconds);
  }
  return nullptr;
}

}  // namespace longshore::ssh
