// Names that people give to pools (docs/instances.md) and webhooks (docs/webhooks.md).
#ifndef LONGSHORE_COMMON_SHORT_NAME_H_
#define LONGSHORE_COMMON_SHORT_NAME_H_

#include <algorithm>
#include <string_view>

namespace longshore {

// Returns true for letters, digits, '.', '_' and '-', 1 to 64 of them: what can stand in a flag, a
// label of a metric and a log line as it is.
inline bool IsShortName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace longshore

#endif  // LONGSHORE_COMMON_SHORT_NAME_H_
