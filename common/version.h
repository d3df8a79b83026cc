// The version of Longshore, for all its programs. A worker sends it in its hello. The api_server
// refuses workers of version 0.1.0, which name runs PAYLOAD.ATTEMPT instead of by their random ids.
#ifndef LONGSHORE_COMMON_VERSION_H_
#define LONGSHORE_COMMON_VERSION_H_

#include <string_view>

namespace longshore {

inline constexpr std::string_view kVersion = "0.2.0";

}  // namespace longshore

#endif  // LONGSHORE_COMMON_VERSION_H_
