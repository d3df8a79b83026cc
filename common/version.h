// The version of Longshore, for all its programs. A worker tells it to its server, which refuses
// 0.1.0: that names runs by PAYLOAD.ATTEMPT.
#ifndef LONGSHORE_COMMON_VERSION_H_
#define LONGSHORE_COMMON_VERSION_H_

#include <string_view>

namespace longshore {

inline constexpr std::string_view kVersion = "0.2.0";

}  // namespace longshore

#endif  // LONGSHORE_COMMON_VERSION_H_
