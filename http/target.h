// The parts of a request's target.
#ifndef LONGSHORE_HTTP_TARGET_H_
#define LONGSHORE_HTTP_TARGET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace longshore::http {

// Decodes %XX, and where `plus_is_blank` '+' as well. Returns nullopt where a '%' is not followed
// by two hexadecimal digits.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_blank = false);

// Returns the decoded segments of a path that begins with '/': "/a/b%20c" has "a" and "b c".
// Returns nullopt when one cannot be decoded. An encoded '/' stays in its segment.
std::optional<std::vector<std::string>> PathSegments(std::string_view path);

// Returns the decoded names and values of "name=value&name=value". Returns nullopt when one cannot
// be decoded.
std::optional<Fields> QueryFields(std::string_view query);

// Returns the integer that all of `text` is, in decimal; nullopt when it is none, or too large.
std::optional<int64_t> Integer(std::string_view text);

// Returns the host of "HOST:PORT" or "[ADDRESS]:PORT".
std::string_view WithoutPort(std::string_view host);

}  // namespace longshore::http

#endif  // LONGSHORE_HTTP_TARGET_H_
