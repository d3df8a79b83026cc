// An SSH server for tests.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_TESTING_SSH_SERVER_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_TESTING_SSH_SERVER_H_

#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace longshore::ssh {

// What is wrong with the server, if anything.
struct SshServerOptions {
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  std::vector<std::string> sftp_arguments;  // See sftp-server(8).
  // The largest size of a file. A write beyond it fails, as on a full disk.
  int64_t max_file_bytes = kNever;
  // After this many bytes of SFTP the sftp-server is killed, or the connection ends.
  int64_t kill_sftp_after = kNever;
  int64_t end_link_after = kNever;

  // What becomes of a connection that it is to open to another host: it gets back what it sends;
  // words on the error stream, or no end of bytes that belong to no stream; nothing is ever read
  // from it; or it ends with a last word.
  enum class Tunnel { kRefused, kEcho, kErrors, kFlood, kDeaf, kLastWord };
  Tunnel tunnel = Tunnel::kRefused;
};

// Accepts any key and serves SFTP by the machine's own sftp-server, and connections to other hosts
// that lead nowhere. It listens on a loopback port
// and serves one connection after the other in a thread of its own. Connections must have ended
// before it is destroyed.
class SshServer {
 public:
  // Writes its keys to `directory`. sftp-server runs in `home`, which it takes for the login
  // directory.
  SshServer(const std::string& directory, const std::string& home, SshServerOptions options = {});
  ~SshServer();
  SshServer(const SshServer&) = delete;
  SshServer& operator=(const SshServer&) = delete;

  int port() const { return port_; }
  // Returns the file of a private key that may log in.
  const std::string& client_key_file() const { return client_key_file_; }

 private:
  void AcceptLoop();
  void ServeConnection(int fd);

  const std::string home_;
  const SshServerOptions options_;
  const std::string host_key_file_;
  const std::string client_key_file_;
  int listener_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_TESTING_SSH_SERVER_H_
