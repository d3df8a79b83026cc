// Makes bytes from outside safe to carry in a protobuf string or a log line.
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

}  // namespace longshore

#endif  // LONGSHORE_COMMON_UTF8_H_
