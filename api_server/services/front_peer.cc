#include "api_server/services/front_peer.h"

#include "common/access_token.h"

namespace longshore::services {
namespace {

constexpr char kSeparator = ' ';

const std::string& Secret() {
  static const auto* const kSecret = new std::string(NewTokenSecret());
  return *kSecret;
}

}  // namespace

std::string FrontPeerValue(const std::string& peer) { return Secret() + kSeparator + peer; }

std::optional<std::string> ReadFrontPeer(std::string_view value) {
  const size_t end = value.find(kSeparator);
  if (end == std::string_view::npos || end != Secret().size()) return std::nullopt;
  // Its time says nothing of the secret.
  if (!SameHash(value.substr(0, end), Secret())) return std::nullopt;
  return std::string(value.substr(end + 1));
}

}  // namespace longshore::services
