#include "common/access_token.h"

#include <openssl/crypto.h>

#include <charconv>

#include "common/random.h"
#include "common/sha256.h"

namespace longshore {
namespace {

constexpr std::string_view kPrefix = "lsk_";
constexpr int kSecretBytes = 32;

}  // namespace

std::string NewTokenSecret() { return RandomHex(kSecretBytes); }

std::string HashTokenSecret(std::string_view secret) { return Sha256(secret); }

bool SameHash(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

std::string FormatAccessToken(const AccessToken& token) {
  return std::string(kPrefix) + std::to_string(token.id) + "_" + token.secret;
}

std::optional<AccessToken> ParseAccessToken(std::string_view text) {
  const size_t bar = text.rfind('_');
  if (!text.starts_with(kPrefix) || bar < kPrefix.size()) return std::nullopt;
  AccessToken token{.secret = std::string(text.substr(bar + 1))};
  const char* end = text.data() + bar;
  const auto parsed = std::from_chars(text.data() + kPrefix.size(), end, token.id);
  if (parsed.ec != std::errc() || parsed.ptr != end || token.id <= 0) return std::nullopt;
  if (FormatAccessToken(token) != text) return std::nullopt;  // "007" is not how 7 is written.
  const bool digits = token.secret.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (token.secret.size() != 2 * kSecretBytes || !digits) return std::nullopt;
  return token;
}

}  // namespace longshore
