// RAII over libssh: one connection to an instance, with its login, uploads and commands.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_SESSION_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_SESSION_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/descriptor.h"
#include "payload_worker/ssh/private_key.h"
#include "payload_worker/ssh/remote_command.h"
#include "payload_worker/ssh/sftp_upload.h"
#include "payload_worker/ssh/watchdog.h"

struct ssh_session_struct;
struct ssh_channel_struct;
struct ssh_counter_struct;
struct ssh_message_struct;

namespace longshore::ssh {

// A host on the way to another, and as whom one logs in there.
struct Hop {
  std::string address;  // As the hop before resolves it.
  int port = 22;
  std::string user;
  std::string host_key;  // Pinned, "TYPE BASE64".

  friend bool operator==(const Hop&, const Hop&) = default;
};

// Where to connect to, as whom, and by way of which hosts.
struct Target {
  std::string address;
  int port = 22;
  std::string user;
  std::string host_key;  // Pinned, "TYPE BASE64"; empty when none is known yet.
  bool become = false;   // Uploads are root's, by way of sudo.
  std::vector<Hop> jump;

  friend bool operator==(const Target&, const Target&) = default;
};

// How long each step may take.
struct Timeouts {
  std::chrono::milliseconds connect{15000};    // TCP connection.
  std::chrono::milliseconds banner{10000};     // Until the instance says anything.
  std::chrono::milliseconds login{30000};      // Key exchange and login.
  std::chrono::milliseconds transfer{120000};  // One script.
  std::chrono::milliseconds command{30000};    // Until a requested command has begun.
  // The first answer of a connection that was kept. One that died meanwhile is given up early, for
  // another one.
  std::chrono::milliseconds renewal{5000};
};

// Called with the key of an instance that has none pinned. Returns the key that is pinned from now
// on.
using PinHostKey = std::function<absl::StatusOr<std::string>(const std::string& host_key)>;

// Called with the connection's socket as soon as there is one, and with -1 before that is closed
// early.
using OnSocket = std::function<void(int fd)>;

// One SSH connection (connect.h makes them) and the command that runs in it. It serves one task
// after the other (see SessionPool), and keeps its SFTP between them. Round trips are made beside
// each other where libssh can: the channel of the command is asked for while the upload begins, and
// the uploaded file is closed while the command starts. Not thread-safe, but may be handed to
// another thread as a whole. Errors are those of errors.h.
class Session {
 public:
  using Stream = RemoteCommand::Stream;

  // Begins with `socket`, which is connected to the target, and checks the host key. Until that is
  // found right, nothing but the key exchange is sent. Blocks.
  static absl::StatusOr<std::unique_ptr<Session>> Begin(const Target& target, Descriptor socket,
                                                        const Timeouts& timeouts,
                                                        Watchdog* watchdog,
                                                        const PinHostKey& pin_host_key);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Logs in as the target's user: before anything else. Blocks.
  absl::Status Login(const PrivateKey& key);

  // For one by way of other hosts: keeps a descriptor of the connection to the first of them, which
  // is closed with the session.
  void KeepFirstSocket(Descriptor socket) { first_socket_ = std::move(socket); }
  // Returns the socket that the network has to do with, for questions to the kernel only.
  int first_socket() const { return first_socket_.get() >= 0 ? first_socket_.get() : fd_; }

  // Returns how long a round trip takes, as the kernel has measured, to the first host on the way
  // if there is one; 0 when it does not say.
  std::chrono::microseconds round_trip() const;

  // Uploads `content` beside `remote_path`, as SftpUpload does. "~/" stands for the login
  // directory.
  absl::StatusOr<UploadedFile> Upload(const std::string& remote_path, std::string_view content,
                                      const UploadOptions& options);

  // Has the login shell start `command`, in place of the command before, and writes `input` to it.
  absl::Status Execute(const std::string& command, std::string_view input = {});
  // Has the host connect to another, in place of a command: what is written and read goes there and
  // comes from there. Blocks.
  absl::Status OpenTunnel(const std::string& address, int port);
  // Writes as much as is taken without waiting, for a session that does not block. Returns how much
  // that was.
  absl::StatusOr<size_t> WriteSome(std::string_view bytes);
  // Whether something that was written has not gone to the socket yet; Flush sends what that takes.
  bool IsWritePending() const;
  void Flush();
  // Lets go of the command, since an instance may allow one channel at a time only.
  void CloseChannel();

  // Makes a session whose command is over ready for the next task. Returns false when it is of no
  // use any more: the instance has closed the connection. One that is silent is not noticed here.
  bool Renew();

  // Returns true when the connection has broken, or nothing has come since Renew.
  bool IsSuspect() const;

  const Target& target() const { return target_; }
  std::chrono::steady_clock::time_point made_at() const { return made_at_; }

  // Waits until the socket is readable or `limit` is over. Returns false for the latter.
  bool WaitReadable(std::chrono::milliseconds limit);

  // Of its command, as in RemoteCommand.
  absl::StatusOr<bool> Read(Stream stream, std::string* data);
  uint64_t bytes_received() const;
  uint64_t bytes_read() const { return bytes_read_; }
  absl::Status Write(std::string_view text);
  void SetNonBlocking();
  int fd() const { return fd_; }

 private:
  struct SessionDeleter {
    void operator()(ssh_session_struct* session) const;
  };
  struct ChannelDeleter {
    void operator()(ssh_channel_struct* channel) const;
  };

  Session(const Target& target, const Timeouts& timeouts, Watchdog* watchdog, Descriptor socket);
  // Refuses requests of the instance that nobody asked for, and ends the connection when there are
  // too many.
  static int OnRequest(ssh_session_struct* session, ssh_message_struct* message, void* self);
  bool IsConnected() const;
  // Asks for the channel of the next command, and does not wait for the answer.
  void BeginChannel();
  // Makes that channel the command's, or opens another one. Returns false when there is none.
  bool FinishChannel();
  absl::StatusOr<UploadedFile> TryUpload(const std::string& remote_path, std::string_view content,
                                         const UploadOptions& options);
  // Returns `limit`, or less for the first answer of a session that was kept.
  std::chrono::milliseconds LimitOf(std::chrono::milliseconds limit, size_t bytes) const;
  absl::Status Handshake();
  absl::Status CheckHostKey(const PinHostKey& pin_host_key);
  void CountBytes();
  std::string LastError() const;
  // Returns an error of the link, which says so if the watchdog caused it.
  absl::Status LinkError(const std::string& doing, const Watchdog::Guard& guard) const;

  Target target_;  // With the host key that the instance has shown.
  const Timeouts timeouts_;
  Watchdog& watchdog_;
  Descriptor socket_;  // Until session_ owns it.
  const int fd_;
  Descriptor first_socket_;
  const std::unique_ptr<ssh_counter_struct> traffic_;
  std::unique_ptr<ssh_session_struct, SessionDeleter> session_;
  std::unique_ptr<ssh_channel_struct, ChannelDeleter> channel_;
  std::unique_ptr<ssh_channel_struct, ChannelDeleter> next_channel_;  // Asked for.
  SftpSession sftp_;
  SftpFile open_file_;  // Of sftp_: what was uploaded.
  // The instance allows one channel at a time.
  bool one_channel_ = false;
  bool is_renewed_ = false;  // Nothing has come since Renew.
  const std::chrono::steady_clock::time_point made_at_ = std::chrono::steady_clock::now();
  uint64_t bytes_read_ = 0;
  int requests_ = 0;
};

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_SESSION_H_
