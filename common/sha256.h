// SHA-256 and hexadecimal.
#ifndef LONGSHORE_COMMON_SHA256_H_
#define LONGSHORE_COMMON_SHA256_H_

#include <string>
#include <string_view>

namespace longshore {

// Returns the hash as 32 raw bytes.
std::string Sha256(std::string_view data);
// Returns the HMAC (RFC 2104) of `data` by SHA-256 as 32 raw bytes.
std::string HmacSha256(std::string_view key, std::string_view data);
// Returns lower-case digits.
std::string HexEncode(std::string_view bytes);
// Returns an empty string when `hex` is not an even number of hexadecimal digits.
std::string HexDecode(std::string_view hex);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_SHA256_H_
