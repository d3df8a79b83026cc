#include "payload_worker/ssh/session.h"

#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <libssh/sftp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/fail_point.h"
#include "common/host_key.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "payload_worker/ssh/channel.h"
#include "payload_worker/ssh/errors.h"
#include "payload_worker/ssh/traffic.h"

namespace longshore::ssh {
namespace {

constexpr int kReadBytes = 64 * 1024;
constexpr char kKeyExchanges[] =
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"
    "ecdh-sha2-nistp521,diffie-hellman-group14-sha256";
constexpr char kSignatures[] =
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,"
    "rsa-sha2-256";
constexpr char kLoginSignatures[] =
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,"
    "rsa-sha2-256,ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,"
    "ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com,"
    "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com";
constexpr size_t kMaxShown = 300;
// A script that takes longer than at this pace, over a connection that was kept, goes over another.
constexpr size_t kSlowestBytesPerMillisecond = 50;
constexpr size_t kMaxKeyShown = 3000;  // A key of 16,384 bits.
// Requests of an instance that nobody asked for. OpenSSH sends one (hostkeys-00) or none.
constexpr int kMaxRequests = 1000;

// "TYPE BASE64" of a public key.
absl::StatusOr<std::string> KeyText(ssh_key key) {
  char* base64 = nullptr;
  if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK) {
    return InternalFailure("a public key cannot be written as text");
  }
  std::string text = std::string(ssh_key_type_to_char(ssh_key_type(key))) + " " + base64;
  ssh_string_free_char(base64);
  return text;
}

// A host that takes connections and says nothing is given up early, before anything is spent on it.
absl::Status WaitForBanner(const Target& target, int fd, std::chrono::milliseconds limit) {
  pollfd poll_fd = {.fd = fd, .events = POLLIN};
  if (poll(&poll_fd, 1, static_cast<int>(limit.count())) > 0) return absl::OkStatus();
  return Unreachable(target.address + " port " + std::to_string(target.port) +
                     " accepted the connection and sent nothing for " +
                     std::to_string(limit.count() / 1000) + " s");
}

}  // namespace

void Session::SessionDeleter::operator()(ssh_session_struct* session) const {
  // Not ssh_disconnect: it may wait for the other end. ssh_free closes the socket.
  ssh_silent_disconnect(session);
  ssh_free(session);
}

void Session::ChannelDeleter::operator()(ssh_channel_struct* channel) const {
  ssh_channel_free(channel);
}

Session::Session(const Target& target, const Timeouts& timeouts, Watchdog* watchdog,
                 Descriptor socket)
    : target_(target),
      timeouts_(timeouts),
      watchdog_(*watchdog),
      socket_(std::move(socket)),
      fd_(socket_.get()),
      traffic_(std::make_unique<ssh_counter_struct>()),
      session_(ssh_new()) {
  // Of the socket's bytes, both ways.
  ssh_set_counters(session_.get(), traffic_.get(), nullptr);
}

Session::~Session() {
  CountBytes();
  // To close what SFTP has open is not worth waiting for. libssh may have closed the socket, and
  // its number may be another's by now.
  const int fd = ssh_get_fd(session_.get());
  if (fd >= 0) shutdown(fd, SHUT_RDWR);
}

std::string Session::LastError() const {
  return ToPrintableLine(ssh_get_error(session_.get()), kMaxShown);
}

absl::Status Session::LinkError(const std::string& doing, const Watchdog::Guard& guard) const {
  const std::string where = target_.address + " port " + std::to_string(target_.port);
  return Unreachable(doing + " " + where +
                     (guard.Expired() ? ": no answer in time" : ": " + LastError()));
}

absl::StatusOr<std::unique_ptr<Session>> Session::Begin(const Target& target, Descriptor socket,
                                                        const Timeouts& timeouts,
                                                        Watchdog* watchdog,
                                                        const PinHostKey& pin_host_key) {
  RETURN_IF_ERROR(WaitForBanner(target, socket.get(), timeouts.banner));
  std::unique_ptr<Session> session(new Session(target, timeouts, watchdog, std::move(socket)));
  RETURN_IF_ERROR(session->Handshake());
  LONGSHORE_FAIL_POINT("worker.connecting");
  RETURN_IF_ERROR(session->CheckHostKey(pin_host_key));
  return session;
}

int Session::OnRequest(ssh_session_struct* /*session*/, ssh_message /*message*/, void* self) {
  Session& session = *static_cast<Session*>(self);
  // libssh would keep each of them, or the answer to it, for whoever asks: that is nobody.
  if (++session.requests_ > kMaxRequests) shutdown(session.fd_, SHUT_RDWR);
  return 1;  // libssh refuses it and lets go of it.
}

absl::Status Session::Handshake() {
  ssh_session session = session_.get();
  ssh_set_message_callback(session, OnRequest, this);
  const int port = target_.port;
  const int off = 0;
  const long timeout_seconds =  // NOLINT(google-runtime-int): libssh's type.
      timeouts_.login.count() / 1000;
  ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG,
                  &off);  // Not the worker's own ~/.ssh/config.
  ssh_options_set(session, SSH_OPTIONS_HOST, target_.address.c_str());
  ssh_options_set(session, SSH_OPTIONS_PORT, &port);
  ssh_options_set(session, SSH_OPTIONS_USER, target_.user.c_str());
  ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &timeout_seconds);
  ssh_options_set(session, SSH_OPTIONS_FD, &fd_);
  socket_.Release();
  // The other side may ask for new keys whenever it likes, and a thread that serves many
  // connections makes them: no exchange that takes a tenth of a second each time.
  ssh_options_set(session, SSH_OPTIONS_KEY_EXCHANGE, kKeyExchanges);
  // No signatures by SHA-1, and no short RSA keys, on either side.
  ssh_options_set(session, SSH_OPTIONS_RSA_MIN_SIZE, &kLeastRsaBits);
  ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, kSignatures);
  ssh_options_set(session, SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, kLoginSignatures);
  // The instance must show the key that is pinned, so that kind of key is what is asked for.
  if (!target_.host_key.empty()) {
    std::string type = target_.host_key.substr(0, target_.host_key.find(' '));
    if (type == "ssh-rsa") type = "rsa-sha2-512,rsa-sha2-256";
    ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, type.c_str());
  }
  fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) & ~O_NONBLOCK);
  const Watchdog::Guard guard(&watchdog_, fd_, timeouts_.login);
  if (ssh_connect(session) == SSH_OK) return absl::OkStatus();
  // No key of the pinned kind to agree on: the instance has another key.
  if (!target_.host_key.empty() && LastError().find("server host key algo") != std::string::npos) {
    return HostKeyMismatch("the host has no host key of the pinned type " +
                           target_.host_key.substr(0, target_.host_key.find(' ')));
  }
  return LinkError("SSH key exchange with", guard);
}

absl::Status Session::CheckHostKey(const PinHostKey& pin_host_key) {
  ssh_key raw = nullptr;
  if (ssh_get_server_publickey(session_.get(), &raw) != SSH_OK) {
    return Unreachable("the host showed no host key: " + LastError());
  }
  const std::unique_ptr<ssh_key_struct, decltype(&ssh_key_free)> key(raw, ssh_key_free);
  ASSIGN_OR_RETURN(const std::string shown, KeyText(raw));
  if (!IsHostKey(shown)) {
    return InternalFailure("the host shows a host key of a type or size that is not accepted: " +
                           ToPrintableLine(shown, kMaxShown));
  }
  std::string pinned = target_.host_key;
  if (pinned.empty()) {
    ASSIGN_OR_RETURN(pinned, pin_host_key(shown));
  }
  if (pinned == shown) {
    target_.host_key = shown;
    return absl::OkStatus();
  }
  return HostKeyMismatch("the host shows host key '" + shown.substr(0, kMaxKeyShown) +
                         "', pinned is '" + pinned.substr(0, kMaxKeyShown) + "'; nothing was sent");
}

absl::Status Session::Login(const PrivateKey& key) {
  const Watchdog::Guard guard(&watchdog_, fd_, timeouts_.login);
  const int result = ssh_userauth_publickey(session_.get(), nullptr, key.get());
  if (result == SSH_AUTH_SUCCESS) return absl::OkStatus();
  if (result == SSH_AUTH_DENIED || result == SSH_AUTH_PARTIAL) {
    return AuthenticationFailed("the host refused the login of '" + target_.user +
                                "' with the worker's key");
  }
  return LinkError("login at", guard);
}

std::chrono::milliseconds Session::LimitOf(std::chrono::milliseconds limit, size_t bytes) const {
  if (!is_renewed_) return limit;
  const std::chrono::milliseconds sending(bytes / kSlowestBytesPerMillisecond);
  return std::min(limit, timeouts_.renewal + sending);
}

void Session::BeginChannel() {
  if (one_channel_ || next_channel_ != nullptr) return;
  next_channel_.reset(ssh_channel_new(session_.get()));
  ssh_set_blocking(session_.get(), 0);
  ssh_channel_open_session(next_channel_.get());
  ssh_set_blocking(session_.get(), 1);
}

bool Session::FinishChannel() {
  BeginChannel();
  channel_ = std::move(next_channel_);
  if (channel_ != nullptr && ssh_channel_open_session(channel_.get()) == SSH_OK) return true;
  channel_.reset();
  if (sftp_ != nullptr) {
    // The instance takes no second channel beside SFTP's (MaxSessions).
    one_channel_ = true;
    open_file_.reset();
    sftp_.reset();
  }
  channel_.reset(OpenChannel(session_.get()));
  return channel_ != nullptr;
}

absl::StatusOr<UploadedFile> Session::Upload(const std::string& remote_path,
                                             std::string_view content,
                                             const UploadOptions& options) {
  const Watchdog::Guard guard(&watchdog_, fd_, LimitOf(timeouts_.transfer, content.size()));
  auto file = TryUpload(remote_path, content, options);
  if (absl::IsUnavailable(file.status())) {
    open_file_.reset();
    sftp_.reset();
  } else {
    is_renewed_ = false;
  }
  // Without a reason it is the link that broke.
  if (absl::IsUnavailable(file.status()) && ReasonOf(file.status()).empty()) {
    return LinkError("SFTP to", guard);
  }
  return file;
}

absl::StatusOr<UploadedFile> Session::TryUpload(const std::string& remote_path,
                                                std::string_view content,
                                                const UploadOptions& options) {
  open_file_.reset();
  if (sftp_ == nullptr) {
    ssh_channel channel = OpenChannel(session_.get());
    if (channel != nullptr) BeginChannel();
    ASSIGN_OR_RETURN(
        sftp_, BeginSftp(session_.get(), channel, target_.become ? target_.user : std::string()));
  }
  BeginChannel();
  return SftpUpload(session_.get(), sftp_.get(), remote_path, content, options, &open_file_);
}

absl::Status Session::Execute(const std::string& command, std::string_view input) {
  const Watchdog::Guard guard(&watchdog_, fd_, LimitOf(timeouts_.command, 0));
  channel_.reset();
  if (!FinishChannel()) return LinkError("running a command at", guard);
  int result = SSH_AGAIN;
  if (open_file_ != nullptr) {
    ssh_set_blocking(session_.get(), 0);
    result = ssh_channel_request_exec(channel_.get(), command.c_str());
    ssh_set_blocking(session_.get(), 1);
    open_file_.reset();
  }
  if (result == SSH_AGAIN) result = ssh_channel_request_exec(channel_.get(), command.c_str());
  if (result != SSH_OK) return LinkError("running a command at", guard);
  is_renewed_ = false;
  if (!input.empty() && !Write(input).ok()) return LinkError("running a command at", guard);
  return absl::OkStatus();
}

absl::Status Session::OpenTunnel(const std::string& address, int port) {
  const Watchdog::Guard guard(&watchdog_, fd_, timeouts_.connect);
  channel_.reset(ssh_channel_new(session_.get()));
  // Where it comes from is for the host's log.
  if (channel_ != nullptr &&
      ssh_channel_open_forward(channel_.get(), address.c_str(), port, "127.0.0.1", 0) == SSH_OK &&
      IsConnected()) {  // It may have said goodbye in the same breath: then fd_ is nobody's.
    return absl::OkStatus();
  }
  return Unreachable("it does not connect to " + address + " port " + std::to_string(port) +
                     (guard.Expired() ? ": no answer in time" : ": " + LastError()));
}

absl::StatusOr<size_t> Session::WriteSome(std::string_view bytes) {
  const int n =
      ssh_channel_write(channel_.get(), bytes.data(), static_cast<uint32_t>(bytes.size()));
  if (n < 0) return Unreachable("the connection broke: " + LastError());
  return static_cast<size_t>(n);
}

bool Session::IsWritePending() const {
  return ssh_is_connected(session_.get()) != 0 &&
         (ssh_get_status(session_.get()) & SSH_WRITE_PENDING) != 0;
}

void Session::Flush() {
  if (IsWritePending()) ssh_blocking_flush(session_.get(), 0);
}

void Session::CloseChannel() { channel_.reset(); }

bool Session::IsConnected() const {
  pollfd poll_fd = {.fd = ssh_get_fd(session_.get()), .events = POLLRDHUP};
  return poll_fd.fd >= 0 && ssh_is_connected(session_.get()) != 0 && poll(&poll_fd, 1, 0) == 0;
}

bool Session::IsSuspect() const { return is_renewed_ || !IsConnected(); }

bool Session::Renew() {
  std::string rest;
  ssh_set_blocking(session_.get(), 0);
  if (channel_ != nullptr) {
    for (const Stream stream : {Stream::kOutput, Stream::kError}) {
      const auto open = Read(stream, &rest);
      if (!open.ok()) return false;
    }
  }
  if (sftp_ != nullptr) {
    ssh_channel_poll(sftp_->channel, /*is_stderr=*/0);  // Takes what has come for any channel.
    if (HasEnded(sftp_.get())) sftp_.reset();
  }
  ssh_set_blocking(session_.get(), 1);
  channel_.reset();
  if (!IsConnected()) return false;
  CountBytes();
  bytes_read_ = 0;
  requests_ = 0;
  is_renewed_ = true;
  return true;
}

absl::StatusOr<bool> Session::Read(Stream stream, std::string* data) {
  const int is_error = stream == Stream::kError ? 1 : 0;
  while (true) {
    char buffer[kReadBytes];
    const int n = ssh_channel_read_nonblocking(channel_.get(), buffer, sizeof(buffer), is_error);
    if (n == SSH_ERROR) return Unreachable("the connection broke: " + LastError());
    if (n == SSH_EOF) return false;
    if (n <= 0) return true;
    data->append(buffer, n);
    bytes_read_ += static_cast<uint64_t>(n);
    if (data->size() >= 4 * kReadBytes) return true;  // The caller's turn; there may be more.
  }
}

void Session::CountBytes() {
  Traffic().received.Increment(static_cast<double>(traffic_->in_bytes));
  Traffic().sent.Increment(static_cast<double>(traffic_->out_bytes));
  *traffic_ = {};
}

std::chrono::microseconds Session::round_trip() const {
  tcp_info info = {};
  socklen_t size = sizeof(info);
  if (getsockopt(first_socket(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  return std::chrono::microseconds(info.tcpi_rtt);
}

uint64_t Session::bytes_received() const { return traffic_->in_bytes; }

bool Session::WaitReadable(std::chrono::milliseconds limit) {
  pollfd poll_fd = {.fd = fd_, .events = POLLIN};
  return poll(&poll_fd, 1, static_cast<int>(limit.count())) > 0;
}

absl::Status Session::Write(std::string_view text) {
  const int n = ssh_channel_write(channel_.get(), text.data(), static_cast<uint32_t>(text.size()));
  if (n != static_cast<int>(text.size())) {
    return Unreachable("the connection broke: " + LastError());
  }
  ssh_blocking_flush(session_.get(), 100);
  return absl::OkStatus();
}

void Session::SetNonBlocking() { ssh_set_blocking(session_.get(), 0); }

}  // namespace longshore::ssh
