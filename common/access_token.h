// Access tokens as their holders write them: "lsk_ID_SECRET".
#ifndef LONGSHORE_COMMON_ACCESS_TOKEN_H_
#define LONGSHORE_COMMON_ACCESS_TOKEN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace longshore {

struct AccessToken {
  int64_t id = 0;
  std::string secret;  // 64 hexadecimal digits: 256 random bits.
};

// Returns a new random secret.
std::string NewTokenSecret();
// Returns what is stored of a secret: its SHA-256 as 32 raw bytes. It has 256 random bits, so no
// salt and no slow hash would make it harder to find.
std::string HashTokenSecret(std::string_view secret);
// Compares in a time that does not depend on where they differ.
bool SameHash(std::string_view one, std::string_view other);

std::string FormatAccessToken(const AccessToken& token);
// Returns nullopt when `text` is not exactly what FormatAccessToken makes.
std::optional<AccessToken> ParseAccessToken(std::string_view text);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_ACCESS_TOKEN_H_
