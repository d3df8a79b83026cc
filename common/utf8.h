// Makes bytes from outside safe to carry in a protobuf string, a log line or on a terminal.
#ifndef LONGSHORE_COMMON_UTF8_H_
#define LONGSHORE_COMMON_UTF8_H_

#include <string>
#include <string_view>

namespace longshore {

// Returns `bytes` with U+FFFD in place of every byte that is not part of well-formed UTF-8 (Unicode
// 15, table 3-7).
std::string ToValidUtf8(std::string_view bytes);

// Returns `text`, which must be well-formed, without its middle if it is over `limit` bytes: half
// of the limit is kept from each end, and no character is cut in two.
std::string KeepEnds(std::string text, size_t limit);

// Returns one line for people, at most `limit` bytes: valid UTF-8, with "?" for every control
// character (C0, DEL, C1).
std::string ToPrintableLine(std::string_view bytes, size_t limit);

// A well-formed character as it may be shown to people: control characters (C0, DEL, C1), line
// separators and those that turn the direction of writing come out as `\x1b` and `\u202e`, every
// other one unchanged.
std::string ShownCharacter(std::string_view character);

// All of `bytes` as one line of shown characters; what is no UTF-8 becomes U+FFFD.
std::string ToShownLine(std::string_view bytes);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_UTF8_H_
