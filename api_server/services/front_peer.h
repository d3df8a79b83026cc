// How the HTTP front says on whose behalf it calls.
#ifndef LONGSHORE_API_SERVER_SERVICES_FRONT_PEER_H_
#define LONGSHORE_API_SERVER_SERVICES_FRONT_PEER_H_

#include <optional>
#include <string>
#include <string_view>

namespace longshore::services {

// Metadata of a call of this process to itself.
inline constexpr char kFrontPeerHeader[] = "longshore-front-peer";

// Returns its value: where the HTTP request came from, and a secret that only this process has, so
// that nobody else can speak for another.
std::string FrontPeerValue(const std::string& peer);
// Returns the peer in a value; nullopt when this process has not made it.
std::optional<std::string> ReadFrontPeer(std::string_view value);

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_FRONT_PEER_H_
