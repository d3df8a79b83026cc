// What a host key must look like, whether it comes from a client's request, a worker's message or
// an instance. The database checks the same rule with a constraint (instances_host_key).
#ifndef LONGSHORE_COMMON_HOST_KEY_H_
#define LONGSHORE_COMMON_HOST_KEY_H_

#include <string>
#include <string_view>

namespace longshore {

// Larger than any key that is accepted: an RSA key of 16,384 bits, the largest that OpenSSL
// verifies with, has about 2,800 bytes.
inline constexpr size_t kMaxHostKeyBytes = 16384;

// Returns "TYPE BASE64" of the OpenSSH public key line `line`, without its comment. Returns an
// empty string when the line is not such a key: when its type is not ssh-ed25519, ssh-rsa or
// ecdsa-sha2-nistp256/384/521, its base64 is not valid or holds a key of another type, or there is
// more than one line.
std::string NormalizedHostKey(std::string_view line);

// Returns true when `text` is such a key in exactly this form.
inline bool IsHostKey(std::string_view text) {
  return !text.empty() && NormalizedHostKey(text) == text;
}

}  // namespace longshore

#endif  // LONGSHORE_COMMON_HOST_KEY_H_
