#include "payload_worker/ssh/private_key.h"

#include <libssh/libssh.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/escaping.h"

namespace longshore::ssh {
namespace {

// The bits of the modulus in an RSA key's blob: string type, mpint e, mpint n (RFC 4253, 6.6).
bool IsWeak(ssh_key key) {
  if (ssh_key_type(key) != SSH_KEYTYPE_RSA) return false;
  char* text = nullptr;
  if (ssh_pki_export_pubkey_base64(key, &text) != SSH_OK) return true;
  const std::unique_ptr<char, decltype(&ssh_string_free_char)> owned(text, ssh_string_free_char);
  std::string blob;
  if (!absl::Base64Unescape(text, &blob)) return true;
  size_t at = 0;
  size_t size = 0;
  for (int field = 0; field < 3; ++field) {
    at += size;
    if (at + 4 > blob.size()) return true;
    size = 0;
    for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<uint8_t>(blob[at++]);
    if (size > blob.size() - at) return true;
  }
  while (size > 0 && blob[at] == '\0') ++at, --size;
  if (size == 0) return true;
  size_t bits = size * 8;
  for (uint8_t first = static_cast<uint8_t>(blob[at]); (first & 0x80) == 0; first <<= 1) --bits;
  return bits < static_cast<size_t>(kLeastRsaBits);
}

}  // namespace

void PrivateKey::Deleter::operator()(ssh_key_struct* key) const { ssh_key_free(key); }

absl::StatusOr<PrivateKey> PrivateKey::Load(const std::string& path,
                                            const std::string& certificate) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0 || access(path.c_str(), R_OK) != 0) {
    return absl::NotFoundError("the SSH key '" + path + "': " + std::strerror(errno));
  }
  if ((about.st_mode & 077) != 0) {
    return absl::InvalidArgumentError("others can read the SSH key '" + path + "': chmod 600 it");
  }
  PrivateKey result;
  ssh_key key = nullptr;
  // An empty passphrase, not none: libssh would ask at the terminal.
  if (ssh_pki_import_privkey_file(path.c_str(), "", nullptr, nullptr, &key) != SSH_OK) {
    return absl::InvalidArgumentError("'" + path +
                                      "' is not a private SSH key without a passphrase");
  }
  result.key_.reset(key);
  if (IsWeak(key)) {
    return absl::InvalidArgumentError("the SSH key '" + path + "' is RSA of less than " +
                                      std::to_string(kLeastRsaBits) + " bits");
  }
  if (certificate.empty()) return result;
  ssh_key imported = nullptr;
  if (ssh_pki_import_cert_file(certificate.c_str(), &imported) != SSH_OK) {
    return absl::InvalidArgumentError("'" + certificate + "' is not an OpenSSH certificate");
  }
  const std::unique_ptr<ssh_key_struct, Deleter> owned(imported);
  if (ssh_pki_copy_cert_to_privkey(imported, key) != SSH_OK) {
    return absl::InvalidArgumentError("'" + certificate + "' is not the certificate of '" + path +
                                      "'");
  }
  return result;
}

}  // namespace longshore::ssh
