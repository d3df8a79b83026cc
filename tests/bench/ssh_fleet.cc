// A fleet of instances that cost next to nothing, for what real sshd cannot carry on one machine.
// It takes connections at every loopback address on one port, any key, and any script, which it
// does not keep; for each it says what the remote runner (payload_worker/run/remote_runner.sh)
// would. Runs end when they are cancelled, or after --run_milliseconds; any other command ends then
// with exit status 0.
#include <arpa/inet.h>
#include <gflags/gflags.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "common/process_limits.h"

DEFINE_int32(port, 0, "Where it listens.");
DEFINE_string(host_key, "", "File with the private key of all instances.");
DEFINE_int32(run_milliseconds, 0, "How long a script runs; 0: until it is cancelled.");

namespace {

using std::chrono::steady_clock;

void Require(bool is_so, const char* what) {
  if (is_so) return;
  std::perror(what);
  std::exit(1);
}

// The server's part of SFTP, as far as an upload needs it.
class Sftp {
 public:
  // Takes what has come of requests; returns the answers to those that are complete.
  std::string Add(std::string_view bytes) {
    input_ += bytes;
    std::string answers;
    std::string_view rest = input_;
    while (rest.size() >= 5 && rest.size() - 4 >= Number(rest)) {
      const std::string_view request = rest.substr(4, Number(rest));
      answers += Answer(request);
      rest.remove_prefix(4 + request.size());
    }
    input_.erase(0, input_.size() - rest.size());
    return answers;
  }

 private:
  enum Type : char { kInit = 1, kOpen = 3, kClose = 4, kWrite = 6 };
  enum AnswerType : char { kVersion = 2, kStatus = 101, kHandle = 102 };

  static uint32_t Number(std::string_view bytes) {
    uint32_t number = 0;
    for (const char byte : bytes.substr(0, 4)) number = number << 8 | static_cast<uint8_t>(byte);
    return number;
  }
  static std::string Text(uint32_t number) {
    return {static_cast<char>(number >> 24), static_cast<char>(number >> 16),
            static_cast<char>(number >> 8), static_cast<char>(number)};
  }
  static std::string Packet(AnswerType type, const std::string& content) {
    return Text(static_cast<uint32_t>(content.size() + 1)) + static_cast<char>(type) + content;
  }

  static std::string Answer(std::string_view request) {
    const auto type = static_cast<Type>(request[0]);
    if (type == kInit) return Packet(kVersion, Text(3));
    const std::string id(request.substr(1, 4));
    if (type == kOpen) return Packet(kHandle, id + Text(1) + "h");
    constexpr uint32_t kOk = 0;
    constexpr uint32_t kUnsupported = 8;
    const bool is_known = type == kWrite || type == kClose;
    return Packet(kStatus, id + Text(is_known ? kOk : kUnsupported) + Text(0) + Text(0));
  }

  std::string input_;
};

// One connection, in a thread of its own.
class Connection {
 public:
  Connection(ssh_bind bind, int fd) : session_(ssh_new(), ssh_free) {
    Require(ssh_bind_accept_fd(bind, session_.get(), fd) == SSH_OK, "ssh_bind_accept_fd");
    ssh_set_auth_methods(session_.get(), SSH_AUTH_METHOD_PUBLICKEY);
  }

  void Serve() {
    // Before the first message may come.
    ssh_set_message_callback(session_.get(), OnMessage, this);
    if (ssh_handle_key_exchange(session_.get()) != SSH_OK) return;
    const std::unique_ptr<ssh_event_struct, decltype(&ssh_event_free)> event(ssh_event_new(),
                                                                             ssh_event_free);
    ssh_event_add_session(event.get(), session_.get());
    while (ssh_event_dopoll(event.get(), Wait()) != SSH_ERROR &&
           ssh_is_connected(session_.get()) != 0) {
      EndDueRuns();
      channels_.remove_if([](const Channel& channel) { return channel.is_done; });
    }
    ssh_event_remove_session(event.get(), session_.get());
  }

 private:
  struct Channel {
    ~Channel() { ssh_channel_free(channel); }

    ssh_channel channel = nullptr;
    ssh_channel_callbacks_struct callbacks{};
    Sftp sftp;
    std::string nonce;  // Of a runner; empty for anything else.
    std::string input;  // Of a runner, a line that is not complete.
    steady_clock::time_point end_at = steady_clock::time_point::max();
    bool is_done = false;
  };

  static int OnMessage(ssh_session /*session*/, ssh_message message, void* self) {
    return static_cast<Connection*>(self)->Handle(message) ? 0 : 1;
  }

  // Returns false for what it does not know: libssh refuses it.
  bool Handle(ssh_message message) {
    const int kind = ssh_message_subtype(message);
    switch (ssh_message_type(message)) {
      case SSH_REQUEST_AUTH:
        if (kind != SSH_AUTH_METHOD_PUBLICKEY) return false;
        ssh_message_auth_reply_success(message, /*partial=*/0);
        return true;
      case SSH_REQUEST_CHANNEL_OPEN: {
        if (kind != SSH_CHANNEL_SESSION) return false;
        Channel& channel = channels_.emplace_back();
        ssh_callbacks_init(&channel.callbacks);
        channel.callbacks.userdata = &channel;
        channel.callbacks.channel_data_function = OnData;
        channel.callbacks.channel_close_function = OnClose;
        channel.channel = ssh_message_channel_request_open_reply_accept(message);
        ssh_set_channel_callbacks(channel.channel, &channel.callbacks);
        return true;
      }
      case SSH_REQUEST_CHANNEL: {
        Channel* channel = Find(ssh_message_channel_request_channel(message));
        if (channel == nullptr) return false;
        if (kind == SSH_CHANNEL_REQUEST_EXEC) {
          ssh_message_channel_request_reply_success(message);
          Begin(ssh_message_channel_request_command(message), channel);
          return true;
        }
        if (kind != SSH_CHANNEL_REQUEST_SUBSYSTEM) return false;
        ssh_message_channel_request_reply_success(message);
        return true;
      }
      default:
        return false;
    }
  }

  Channel* Find(ssh_channel wanted) {
    for (Channel& channel : channels_) {
      if (channel.channel == wanted) return &channel;
    }
    return nullptr;
  }

  static void Begin(std::string_view command, Channel* channel) {
    const size_t arguments = command.rfind(" longshore ");
    if (arguments != std::string_view::npos) return BeginRunner(command.substr(arguments), channel);
    channel->end_at = steady_clock::now() + std::chrono::milliseconds(FLAGS_run_milliseconds);
  }

  // The arguments are the runner's, each in quotes.
  static void BeginRunner(std::string_view arguments, Channel* channel) {
    const auto next_quoted = [&arguments] {
      arguments.remove_prefix(arguments.find('\'') + 1);
      std::string word(arguments.substr(0, arguments.find('\'')));
      arguments.remove_prefix(word.size() + 1);
      return word;
    };
    const std::string mode = next_quoted();
    channel->nonce = next_quoted();
    if (mode == "clean") return Clean(channel);
    Say(channel, "ready");
  }

  static void Say(Channel* channel, const std::string& record) {
    const std::string line = channel->nonce + " " + record + "\n";
    ssh_channel_write_stderr(channel->channel, line.data(), static_cast<uint32_t>(line.size()));
  }

  static void Clean(Channel* channel) {
    Say(channel, "cleaned");
    Exit(channel);
  }

  static void Exit(Channel* channel) {
    ssh_channel_request_send_exit_status(channel->channel, 0);
    ssh_channel_send_eof(channel->channel);
    ssh_channel_close(channel->channel);
  }

  static void HandleCommand(std::string_view command, Channel* channel) {
    if (command == "go") {
      Say(channel, "running 0");
      const std::string line = channel->nonce + "\n";
      ssh_channel_write(channel->channel, line.data(), static_cast<uint32_t>(line.size()));
      if (FLAGS_run_milliseconds > 0) {
        channel->end_at = steady_clock::now() + std::chrono::milliseconds(FLAGS_run_milliseconds);
      }
    } else if (command == "ping") {
      Say(channel, "alive");
    } else if (command == "cancel") {
      Say(channel, "end 0 signal 15 0.00 0.00 cancel");
    } else if (command == "clean") {
      Clean(channel);
    }
  }

  static int OnData(ssh_session /*session*/, ssh_channel ssh, void* data, uint32_t size,
                    int /*is_stderr*/, void* its_channel) {
    auto* channel = static_cast<Channel*>(its_channel);
    const std::string_view bytes(static_cast<const char*>(data), size);
    if (channel->nonce.empty()) {
      const std::string answers = channel->sftp.Add(bytes);
      ssh_channel_write(ssh, answers.data(), static_cast<uint32_t>(answers.size()));
      return static_cast<int>(size);
    }
    channel->input += bytes;
    for (size_t end = 0; (end = channel->input.find('\n')) != std::string::npos;) {
      HandleCommand(channel->input.substr(0, end), channel);
      channel->input.erase(0, end + 1);
    }
    return static_cast<int>(size);
  }

  static void OnClose(ssh_session /*session*/, ssh_channel /*ssh*/, void* its_channel) {
    static_cast<Channel*>(its_channel)->is_done = true;
  }

  // Milliseconds until a run ends; -1 if none does by itself.
  int Wait() const {
    auto next = steady_clock::time_point::max();
    for (const Channel& channel : channels_) next = std::min(next, channel.end_at);
    if (next == steady_clock::time_point::max()) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(next - steady_clock::now()).count();
    return static_cast<int>(std::max<int64_t>(left, 0));
  }

  void EndDueRuns() {
    const auto now = steady_clock::now();
    for (Channel& channel : channels_) {
      if (channel.end_at > now) continue;
      channel.end_at = steady_clock::time_point::max();
      if (channel.nonce.empty()) {
        Exit(&channel);
      } else {
        Say(&channel, "end 0 exit 0 0.00 0.00 none");
      }
    }
  }

  const std::unique_ptr<ssh_session_struct, decltype(&ssh_free)> session_;
  std::list<Channel> channels_;
};

int Listen() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(FLAGS_port));
  address.sin_addr.s_addr = INADDR_ANY;
  Require(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
              listen(listener, SOMAXCONN) == 0,
          "listen");
  return listener;
}

// It listens everywhere because loopback has many addresses; nobody else is served.
bool IsLoopback(const sockaddr_in& peer) { return ntohl(peer.sin_addr.s_addr) >> 24 == 127; }

}  // namespace

int main(int argc, char** argv) {
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  longshore::RaiseFileLimit();
  const int listener = Listen();
  const bool no_configuration = false;
  const ssh_bind bind = ssh_bind_new();
  ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no_configuration);
  ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, FLAGS_host_key.c_str());
  std::list<std::thread> threads;  // They last as long as the fleet, which is killed.
  while (true) {
    sockaddr_in peer = {};
    socklen_t size = sizeof(peer);
    const int fd = accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC);
    if (fd < 0) continue;
    if (!IsLoopback(peer)) {
      close(fd);
      continue;
    }
    auto connection = std::make_shared<Connection>(bind, fd);
    threads.emplace_back([connection] { connection->Serve(); });
  }
}
