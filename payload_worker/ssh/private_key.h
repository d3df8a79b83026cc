// A private key that the worker logs in with.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_PRIVATE_KEY_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_PRIVATE_KEY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

struct ssh_key_struct;

namespace longshore::ssh {

// The least bits that an RSA key may have, the worker's or an instance's: what NIST SP 800-131A and
// OpenSSH's RequiredRSASize say.
inline constexpr int kLeastRsaBits = 2048;

// Immutable, so thread-safe.
class PrivateKey {
 public:
  // Reads the key from a file, and its OpenSSH certificate from another one if that is not empty.
  // Errors: NotFound (one cannot be read), InvalidArgument (it is not a private key without a
  // passphrase, others can read it, it is RSA of less than 2,048 bits, or the certificate is not
  // its), naming the file.
  static absl::StatusOr<PrivateKey> Load(const std::string& path,
                                         const std::string& certificate = "");
  ssh_key_struct* get() const { return key_.get(); }

 private:
  struct Deleter {
    void operator()(ssh_key_struct* key) const;
  };
  std::unique_ptr<ssh_key_struct, Deleter> key_;
};

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_PRIVATE_KEY_H_
