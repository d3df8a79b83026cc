#include "tests/hostile/connection.h"

#include <libssh/server.h>

#include <optional>

#include "tests/hostile/runner.h"
#include "tests/hostile/sftp_server.h"

namespace longshore::hostile {
namespace {

ssh_session Accept(const std::string& host_key, int fd) {
  const bool no_configuration = false;
  const ssh_bind bind = ssh_bind_new();
  ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no_configuration);
  ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, host_key.c_str());
  const ssh_session session = ssh_new();
  if (ssh_bind_accept_fd(bind, session, fd) != SSH_OK) return nullptr;
  return session;
}

// Serves one request of a channel; true when there is nothing more to be asked of it.
bool ServeRequest(const Lies& lies, Memory* memory, ssh_session session, ssh_channel channel,
                  ssh_message message) {
  const int kind = ssh_message_subtype(message);
  if (kind == SSH_CHANNEL_REQUEST_SUBSYSTEM) {
    ssh_message_channel_request_reply_success(message);
    ServeSftp(lies, session, channel);
    return true;
  }
  if (kind != SSH_CHANNEL_REQUEST_EXEC) {
    ssh_message_reply_default(message);
    return false;
  }
  const std::optional<RunnerArguments> arguments =
      ParseRunnerCommand(ssh_message_channel_request_command(message));
  lies.at(Moment::kExecuted, Memory::connection());
  ssh_message_channel_request_reply_success(message);
  if (arguments.has_value()) {
    Runner(lies, memory, session, channel, *arguments).Serve();
  } else {
    ssh_channel_write_stderr(channel, "what?\n", 6);
  }
  ssh_channel_request_send_exit_status(channel, 0);
  ssh_channel_send_eof(channel);
  ssh_channel_close(channel);
  return true;
}

}  // namespace

void ServeConnection(const Lies& lies, Memory* memory, const std::string& host_key, int fd) {
  memory->Connected();
  lies.at(Moment::kAccepted, Memory::connection());
  if (lies.instead_of_ssh) {
    lies.instead_of_ssh(fd);
    return;
  }
  const ssh_session session = Accept(host_key, fd);
  if (session == nullptr) return;
  ssh_set_auth_methods(session, SSH_AUTH_METHOD_PUBLICKEY);
  if (ssh_handle_key_exchange(session) != SSH_OK) return;
  lies.at(Moment::kKeysExchanged, Memory::connection());
  ssh_channel channel = nullptr;
  while (const ssh_message message = ssh_message_get(session)) {
    // It serves one channel at a time, as with MaxSessions 1.
    if (ssh_message_type(message) == SSH_REQUEST_CHANNEL_OPEN && channel == nullptr) {
      lies.at(Moment::kLoggedIn, Memory::connection());
      channel = ssh_message_channel_request_open_reply_accept(message);
    } else if (ssh_message_type(message) == SSH_REQUEST_CHANNEL && channel != nullptr) {
      if (ServeRequest(lies, memory, session, channel, message)) channel = nullptr;
    } else if (ssh_message_type(message) == SSH_REQUEST_AUTH &&
               ssh_message_subtype(message) == SSH_AUTH_METHOD_PUBLICKEY) {
      ssh_message_auth_reply_success(message, 0);  // Whoever shows a key is let in.
    } else {
      ssh_message_reply_default(message);
    }
    ssh_message_free(message);
  }
}

}  // namespace longshore::hostile
