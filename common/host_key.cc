#include "common/host_key.h"

#include <algorithm>
#include <string>

#include "absl/strings/escaping.h"

namespace longshore {
namespace {

constexpr std::string_view kTypes[] = {"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256",
                                       "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"};

// What the blob of a key of `type` begins with (RFC 4253, section 6.6).
std::string LengthPrefixed(std::string_view type) {
  return std::string(3, '\0') + static_cast<char>(type.size()) + std::string(type);
}

}  // namespace

std::string NormalizedHostKey(std::string_view line) {
  if (line.size() > kMaxHostKeyBytes) return "";
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) return "";
  const size_t type_end = line.find(' ');
  if (type_end == std::string_view::npos) return "";
  const std::string_view type = line.substr(0, type_end);
  if (std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes)) return "";
  std::string_view base64 = line.substr(type_end + 1);
  base64 = base64.substr(0, base64.find(' '));
  const std::string head = LengthPrefixed(type);
  std::string blob;
  if (!absl::Base64Unescape(absl::string_view(base64.data(), base64.size()), &blob) ||
      blob.size() <= head.size() || blob.compare(0, head.size(), head) != 0) {
    return "";
  }
  // Written one way only: Abseil takes unpadded and spaced base64 too.
  return std::string(type) + " " + absl::Base64Escape(blob);
}

}  // namespace longshore
