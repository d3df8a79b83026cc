// What a host key must look like, for everybody who takes one: clients' requests, workers'
// messages, instances' answers. The database holds the same rule as a constraint
// (instances_host_key).
#ifndef LONGSHORE_COMMON_HOST_KEY_H_
#define LONGSHORE_COMMON_HOST_KEY_H_

#include <string>
#include <string_view>

namespace longshore {

// An RSA key of 16,384 bits, the largest that OpenSSL verifies with, has some 2,800.
inline constexpr size_t kMaxHostKeyBytes = 16384;

// "TYPE BASE64" of the OpenSSH public key line `line`, without its comment; empty when it is none:
// not of type ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256/384/521, not base64, of another type
// inside, or of more than one line.
std::string NormalizedHostKey(std::string_view line);

// `text` is such a key and nothing else.
inline bool IsHostKey(std::string_view text) {
  return !text.empty() && NormalizedHostKey(text) == text;
}

}  // namespace longshore

#endif  // LONGSHORE_COMMON_HOST_KEY_H_
