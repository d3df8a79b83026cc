#include "payload_worker/ssh/testing/ssh_server.h"

#include <arpa/inet.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace longshore::ssh {
namespace {

constexpr char kSftpServer[] = "/usr/lib/openssh/sftp-server";

// A test cannot go on without what it needs.
void Require(bool is_so, const char* what) {
  if (is_so) return;
  std::perror(what);
  std::abort();
}

std::string MakeKey(const std::string& file) {
  ssh_key key = nullptr;
  Require(ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) == SSH_OK, "ssh_pki_generate");
  Require(ssh_pki_export_privkey_file(key, nullptr, nullptr, nullptr, file.c_str()) == SSH_OK,
          "ssh_pki_export_privkey_file");
  Require(chmod(file.c_str(), 0600) == 0, "chmod");
  ssh_key_free(key);
  return file;
}

// sftp-server, with its standard input and output.
struct Sftp {
  pid_t pid;
  int fd;
};

Sftp StartSftp(const SshServerOptions& options, const std::string& home) {
  int ends[2];
  Require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
  std::vector<char*> arguments = {const_cast<char*>(kSftpServer)};
  arguments.reserve(options.sftp_arguments.size() + 2);
  for (const std::string& argument : options.sftp_arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  Require(pid >= 0, "fork");
  if (pid == 0) {
    if (options.max_file_bytes != SshServerOptions::kNever) {
      const rlimit limit = {.rlim_cur = static_cast<rlim_t>(options.max_file_bytes),
                            .rlim_max = static_cast<rlim_t>(options.max_file_bytes)};
      setrlimit(RLIMIT_FSIZE, &limit);
      signal(SIGXFSZ, SIG_IGN);  // The write fails instead.
    }
    if (chdir(home.c_str()) != 0 || dup2(ends[1], 0) < 0 || dup2(ends[1], 1) < 0) _exit(1);
    execv(kSftpServer, arguments.data());
    _exit(1);
  }
  close(ends[1]);
  return {pid, ends[0]};
}

bool WriteAll(int fd, const char* data, ssize_t size) {
  while (size > 0) {
    const ssize_t written = send(fd, data, size, MSG_NOSIGNAL);
    if (written <= 0) return false;
    data += written;
    size -= written;
  }
  return true;
}

// Hands on what comes from either side until one of them has ended.
void Pump(const SshServerOptions& options, ssh_session session, ssh_channel channel,
          const Sftp& sftp) {
  int64_t passed = 0;
  char buffer[16 * 1024];
  while (true) {
    const int said = ssh_channel_read_nonblocking(channel, buffer, sizeof(buffer), /*is_stderr=*/0);
    if (said < 0 || (said == 0 && ssh_channel_is_eof(channel) != 0)) return;
    passed += said;
    if (passed > options.end_link_after) {
      shutdown(ssh_get_fd(session), SHUT_RDWR);
      return;
    }
    if (passed > options.kill_sftp_after) {
      kill(sftp.pid, SIGKILL);
      return;
    }
    if (said > 0) {
      if (!WriteAll(sftp.fd, buffer, said)) return;
      continue;
    }
    pollfd fds[] = {{.fd = ssh_get_fd(session), .events = POLLIN},
                    {.fd = sftp.fd, .events = POLLIN}};
    poll(fds, 2, -1);
    if (fds[1].revents == 0) continue;
    const ssize_t answered = read(sftp.fd, buffer, sizeof(buffer));
    if (answered <= 0) return;
    ssh_channel_write(channel, buffer, static_cast<uint32_t>(answered));
  }
}

void ServeSftp(const SshServerOptions& options, const std::string& home, ssh_session session,
               ssh_channel channel) {
  const Sftp sftp = StartSftp(options, home);
  // Meanwhile every other channel is refused.
  ssh_set_message_callback(
      session, [](ssh_session, ssh_message, void*) { return 1; }, nullptr);
  Pump(options, session, channel, sftp);
  ssh_set_message_callback(session, nullptr, nullptr);
  close(sftp.fd);
  waitpid(sftp.pid, nullptr, 0);
  ssh_channel_send_eof(channel);
  ssh_channel_close(channel);
}

void Echo(ssh_session session, ssh_channel channel) {
  char buffer[16 * 1024];
  while (true) {
    const int n = ssh_channel_read_nonblocking(channel, buffer, sizeof(buffer), /*is_stderr=*/0);
    if (n < 0 || ssh_channel_is_eof(channel) != 0) return;
    if (n > 0 && ssh_channel_write(channel, buffer, static_cast<uint32_t>(n)) != n) return;
    pollfd fd = {.fd = ssh_get_fd(session), .events = POLLIN};
    if (n == 0) poll(&fd, 1, -1);
  }
}

void ServeTunnel(SshServerOptions::Tunnel tunnel, ssh_session session, ssh_channel channel) {
  constexpr char kWord[] = "a last word";
  switch (tunnel) {
    case SshServerOptions::Tunnel::kRefused:
      return;
    case SshServerOptions::Tunnel::kEcho:
      return Echo(session, channel);
    case SshServerOptions::Tunnel::kErrors:
      ssh_channel_write_stderr(channel, kWord, sizeof(kWord));
      return Echo(session, channel);
    case SshServerOptions::Tunnel::kFlood: {
      const std::string nothing(30000, 'x');
      while (ssh_is_connected(session) != 0 &&
             ssh_send_ignore(session, nothing.c_str()) == SSH_OK) {
      }
      return;
    }
    case SshServerOptions::Tunnel::kDeaf: {
      pollfd fd = {.fd = ssh_get_fd(session), .events = POLLRDHUP};
      poll(&fd, 1, -1);
      return;
    }
    case SshServerOptions::Tunnel::kLastWord:
      ssh_channel_write(channel, kWord, sizeof(kWord) - 1);
      ssh_channel_send_eof(channel);
      ssh_channel_close(channel);
      return;
  }
}

}  // namespace

SshServer::SshServer(const std::string& directory, const std::string& home,
                     SshServerOptions options)
    : home_(home),
      options_(std::move(options)),
      host_key_file_(MakeKey(directory + "/host_key")),
      client_key_file_(MakeKey(directory + "/client_key")),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  Require(bind(listener_, generic, size) == 0 && listen(listener_, 16) == 0 &&
              getsockname(listener_, generic, &size) == 0,
          "listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { AcceptLoop(); });
}

SshServer::~SshServer() {
  shutdown(listener_, SHUT_RDWR);  // Ends accept.
  thread_.join();
  close(listener_);
}

void SshServer::AcceptLoop() {
  while (true) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0 && errno != EINTR && errno != ECONNABORTED) return;
    if (fd >= 0) ServeConnection(fd);
  }
}

void SshServer::ServeConnection(int fd) {
  const bool no_configuration = false;
  const std::unique_ptr<ssh_bind_struct, decltype(&ssh_bind_free)> bind(ssh_bind_new(),
                                                                        ssh_bind_free);
  ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_PROCESS_CONFIG, &no_configuration);
  ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_HOSTKEY, host_key_file_.c_str());
  const std::unique_ptr<ssh_session_struct, decltype(&ssh_free)> session(ssh_new(), ssh_free);
  Require(ssh_bind_accept_fd(bind.get(), session.get(), fd) == SSH_OK, "ssh_bind_accept_fd");
  ssh_set_auth_methods(session.get(), SSH_AUTH_METHOD_PUBLICKEY);
  if (ssh_handle_key_exchange(session.get()) != SSH_OK) return;
  ssh_channel channel = nullptr;  // The session's; there is one at a time.
  while (const ssh_message message = ssh_message_get(session.get())) {
    const int kind = ssh_message_subtype(message);
    switch (ssh_message_type(message)) {
      case SSH_REQUEST_AUTH:
        if (kind == SSH_AUTH_METHOD_PUBLICKEY) {
          ssh_message_auth_reply_success(message, /*partial=*/0);
        } else {
          ssh_message_reply_default(message);
        }
        break;
      case SSH_REQUEST_CHANNEL_OPEN:
        if (kind == SSH_CHANNEL_DIRECT_TCPIP &&
            options_.tunnel != SshServerOptions::Tunnel::kRefused) {
          channel = ssh_message_channel_request_open_reply_accept(message);
          ServeTunnel(options_.tunnel, session.get(), channel);
        } else if (channel == nullptr && kind == SSH_CHANNEL_SESSION) {
          channel = ssh_message_channel_request_open_reply_accept(message);
        } else {
          ssh_message_reply_default(message);
        }
        break;
      case SSH_REQUEST_CHANNEL:
        if (kind == SSH_CHANNEL_REQUEST_SUBSYSTEM) {
          ssh_message_channel_request_reply_success(message);
          ServeSftp(options_, home_, session.get(), channel);
          channel = nullptr;
        } else {
          ssh_message_reply_default(message);
        }
        break;
      default:
        ssh_message_reply_default(message);
    }
    ssh_message_free(message);
  }
}

}  // namespace longshore::ssh
