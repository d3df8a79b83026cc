// Makes bytes from outside safe to carry in a protobuf string, a log line or on a terminal.
#ifndef LONGSHORE_COMMON_UTF8_H_
#define LONGSHORE_COMMON_UTF8_H_

#include <string>
#include <string_view>

namespace longshore {

// `bytes` with every byte that is not part of well-formed UTF-8 (Unicode 15, table 3-7) replaced by
// U+FFFD.
std::string ToValidUtf8(std::string_view bytes);

// `text`, which is well-formed, without its middle where it is over `limit` bytes: about half of
// them from each end, no character cut in two.
std::string KeepEnds(std::string text, size_t limit);

// One line for people: valid UTF-8, control characters (C0, DEL, C1) shown as "?", at most `limit`
// bytes.
std::string ToPrintableLine(std::string_view bytes, size_t limit);

// A well-formed character as it may be shown to people: control characters (C0, DEL, C1), line
// separators and those that turn the direction of writing come out as `\x1b` and `\u202e`, every
// other one unchanged.
std::string ShownCharacter(std::string_view character);

// All of `bytes` as one line of shown characters; what is no UTF-8 becomes U+FFFD.
std::string ToShownLine(std::string_view bytes);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_UTF8_H_
