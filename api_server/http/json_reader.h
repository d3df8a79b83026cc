// Reads JSON that comes from outside.
#ifndef LONGSHORE_API_SERVER_HTTP_JSON_READER_H_
#define LONGSHORE_API_SERVER_HTTP_JSON_READER_H_

#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/status/statusor.h"

namespace longshore::api_http {

// Members keep their order.
using Json = nlohmann::ordered_json;

// A request is no deeper, and has no more values: what takes a byte to send takes a hundred to
// keep.
inline constexpr int kMaxJsonDepth = 32;
inline constexpr int kMaxJsonValues = 200'000;

// Up to here, 2^53, a double is exactly the integer that was written.
inline constexpr double kExactDoubles = 9007199254740992;

// Returns the value that `text` is, all of it, as RFC 8259 says. Errors: InvalidArgument (it is no
// JSON, not UTF-8, deeper or larger than these limits, or an object has a member twice).
absl::StatusOr<Json> ReadJson(std::string_view text);

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_JSON_READER_H_
