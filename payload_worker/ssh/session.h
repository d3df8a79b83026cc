// RAII over libssh: one connection to an instance, its login, one file sent, one command run.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_SESSION_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_SESSION_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "payload_worker/ssh/remote_command.h"
#include "payload_worker/ssh/sftp_upload.h"
#include "payload_worker/ssh/watchdog.h"

struct ssh_session_struct;
struct ssh_channel_struct;
struct ssh_key_struct;
struct ssh_counter_struct;
struct ssh_message_struct;

namespace longshore::ssh {

// The private key that logs in everywhere. Immutable: thread-safe.
class PrivateKey {
 public:
  // Errors: NotFound, PermissionDenied or InvalidArgument, naming the file.
  static absl::StatusOr<PrivateKey> Load(const std::string& path);
  ssh_key_struct* get() const { return key_.get(); }

 private:
  struct Deleter {
    void operator()(ssh_key_struct* key) const;
  };
  std::unique_ptr<ssh_key_struct, Deleter> key_;
};

struct Target {
  std::string address;
  int port = 22;
  std::string user;
  std::string host_key;  // Pinned, "TYPE BASE64"; empty when none is known yet.
};

struct Timeouts {
  std::chrono::milliseconds connect{15000};    // TCP connection.
  std::chrono::milliseconds banner{10000};     // Until the instance says anything.
  std::chrono::milliseconds login{30000};      // Key exchange and login.
  std::chrono::milliseconds transfer{120000};  // One script.
  std::chrono::milliseconds command{30000};    // Until a command that was asked for has begun.
};

// Asked with the key of an instance that has none pinned; returns the key that is pinned from now
// on.
using PinHostKey = std::function<absl::StatusOr<std::string>(const std::string& host_key)>;

// Told of the connection's socket as soon as there is one, and -1 before it is closed early.
using OnSocket = std::function<void(int fd)>;

// One SSH connection, and the command that is started by it. Not thread-safe; may be handed to
// another thread whole. Errors are those of errors.h.
class Session : public RemoteCommand {
 public:
  // Connects, checks the host key and logs in. Nothing but the key exchange is sent before the host
  // key is right.
  static absl::StatusOr<std::unique_ptr<Session>> Connect(
      const Target& target, const PrivateKey& key, const Timeouts& timeouts, Watchdog* watchdog,
      const PinHostKey& pin_host_key, const OnSocket& on_socket);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Puts `content` beside `remote_path`, as SftpUpload does. "~/" stands for the login directory.
  absl::StatusOr<UploadedFile> Upload(const std::string& remote_path, std::string_view content,
                                      const UploadOptions& options);

  // Starts `command` by the login shell, in place of what was started before.
  absl::Status Execute(const std::string& command);
  // Lets go of what was started: an instance may allow one channel at a time.
  void CloseChannel();

  // Waits until the socket is readable or `limit` is over; false for the latter.
  bool WaitReadable(std::chrono::milliseconds limit);

  absl::StatusOr<bool> Read(Stream stream, std::string* data) override;
  uint64_t bytes_received() const override;
  uint64_t bytes_read() const override { return bytes_read_; }
  absl::Status Write(std::string_view text) override;
  void SetNonBlocking() override;
  int fd() const override { return fd_; }

 private:
  struct SessionDeleter {
    void operator()(ssh_session_struct* session) const;
  };
  struct ChannelDeleter {
    void operator()(ssh_channel_struct* channel) const;
  };

  Session(const Target& target, const Timeouts& timeouts, Watchdog* watchdog, int fd);
  // What the instance asks for unasked is refused, and not for ever.
  static int OnRequest(ssh_session_struct* session, ssh_message_struct* message, void* self);
  absl::Status Handshake();
  absl::Status CheckHostKey(const PinHostKey& pin_host_key);
  absl::Status Login(const PrivateKey& key);
  std::string LastError() const;
  // An error of the link, saying when the watchdog caused it.
  absl::Status LinkError(const std::string& doing, const Watchdog::Guard& guard) const;

  const Target target_;
  const Timeouts timeouts_;
  Watchdog& watchdog_;
  const int fd_;  // Owned by session_ once that is connected.
  const std::unique_ptr<ssh_counter_struct> received_;
  std::unique_ptr<ssh_session_struct, SessionDeleter> session_;
  std::unique_ptr<ssh_channel_struct, ChannelDeleter> channel_;
  uint64_t bytes_read_ = 0;
  int requests_ = 0;
};

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_SESSION_H_
