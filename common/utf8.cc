#include "common/utf8.h"

#include <cstdio>

namespace longshore {
namespace {

// Length of the well-formed sequence that `s` begins with; 0 when it begins with none.
size_t SequenceLength(std::string_view s) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const auto continues = [&](size_t i, unsigned low, unsigned high) {
    return i < s.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2, 0x80, 0xBF) && continues(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

// A byte of a sequence after its first.
bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// C0, DEL and C1, which a terminal obeys.
bool IsControl(std::string_view character) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7F;
  return character.size() == 2 && byte(0) == 0xC2 && byte(1) < 0xA0;
}

// Of a well-formed character.
char32_t CodePoint(std::string_view character) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0);
  char32_t point = byte(0) & (0x7F >> character.size());
  for (size_t i = 1; i < character.size(); ++i) point = point << 6 | (byte(i) & 0x3F);
  return point;
}

// Unicode's line and paragraph separators, and what turns the direction of writing (bidi).
bool TurnsOrBreaks(char32_t point) {
  return point == 0x061C || point == 0x200E || point == 0x200F ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

}  // namespace

std::string ToValidUtf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const size_t length = SequenceLength(bytes);
    if (length == 0) {
      text += "\xEF\xBF\xBD";
      bytes.remove_prefix(1);
    } else {
      text.append(bytes.substr(0, length));
      bytes.remove_prefix(length);
    }
  }
  return text;
}

std::string KeepEnds(std::string text, size_t limit) {
  if (text.size() <= limit) return text;
  size_t head = limit / 2;
  while (head > 0 && IsContinuation(text[head])) --head;
  size_t tail = text.size() - limit / 2;
  while (tail < text.size() && IsContinuation(text[tail])) ++tail;
  return text.erase(head, tail - head);
}

std::string ToPrintableLine(std::string_view bytes, size_t limit) {
  const std::string valid = ToValidUtf8(bytes.substr(0, limit));
  std::string line;
  for (std::string_view rest = valid; !rest.empty();) {
    const size_t length = SequenceLength(rest);
    if (line.size() + length > limit) break;
    const std::string_view character = rest.substr(0, length);
    line += IsControl(character) ? "?" : character;
    rest.remove_prefix(length);
  }
  return line;
}

std::string ShownCharacter(std::string_view character) {
  const char32_t point = CodePoint(character);
  if (!IsControl(character) && !TurnsOrBreaks(point)) return std::string(character);
  char text[8];
  std::snprintf(text, sizeof(text), point < 0x80 ? "\\x%02x" : "\\u%04x",
                static_cast<unsigned>(point));
  return text;
}

std::string ToShownLine(std::string_view bytes) {
  const std::string valid = ToValidUtf8(bytes);
  std::string line;
  line.reserve(valid.size());
  for (std::string_view rest = valid; !rest.empty();) {
    const size_t length = SequenceLength(rest);
    line += ShownCharacter(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return line;
}

}  // namespace longshore
