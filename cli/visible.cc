#include "cli/visible.h"

#include <unistd.h>

#include "common/utf8.h"

namespace longshore::cli {
namespace {

constexpr char kEscape = '\x1b';
// "ESC [ 38 ; 2 ; 255 ; 255 ; 255 m", twice over. What is longer is no colour.
constexpr size_t kMaxColour = 48;
constexpr char kEndOfColours[] = "\x1b[0m";

// The length of the colour sequence that `text` begins with; 0 when it begins with none. Sets
// `*unfinished` when it may become one.
size_t ColourLength(std::string_view text, bool* unfinished) {
  *unfinished = false;
  if (text[0] != kEscape) return 0;
  for (size_t i = 1; i < kMaxColour; ++i) {
    if (i == text.size()) {
      *unfinished = true;
      return 0;
    }
    if (i == 1 && text[i] != '[') return 0;
    if (i > 1 && text[i] == 'm') return i + 1;
    if (i > 1 && text[i] != ';' && (text[i] < '0' || text[i] > '9')) return 0;
  }
  return 0;
}

// Line ends and tabs pass.
std::string Shown(std::string_view character) {
  if (character == "\n" || character == "\t") return std::string(character);
  return ShownCharacter(character);
}

size_t LengthByLead(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xE0) return 2;
  return lead < 0xF0 ? 3 : 4;
}

// How many bytes at the end of `bytes` may be the beginning of a character.
size_t UnfinishedBytes(std::string_view bytes) {
  for (size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - back]);
    if (byte >= 0xC2 && byte <= 0xF4) return LengthByLead(byte) > back ? back : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

}  // namespace

std::string Visible::Add(std::string_view bytes) {
  pending_ += bytes;
  const std::string tail = pending_.substr(pending_.size() - UnfinishedBytes(pending_));
  pending_.resize(pending_.size() - tail.size());
  const std::string text = ToValidUtf8(pending_);
  std::string shown;
  std::string_view rest = text;
  while (!rest.empty()) {
    bool unfinished = false;
    const size_t colour = ColourLength(rest, &unfinished);
    if (unfinished) break;
    const size_t length = colour > 0 ? colour : LengthByLead(rest[0]);
    shown += colour > 0 ? std::string(rest.substr(0, colour)) : Shown(rest.substr(0, length));
    coloured_ = coloured_ || colour > 0;
    rest.remove_prefix(length);
  }
  pending_ = std::string(rest) + tail;
  return shown;
}

std::string Visible::Finish() {
  const std::string text = ToValidUtf8(pending_);
  pending_.clear();
  std::string shown;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t length = LengthByLead(rest[0]);
    shown += Shown(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  if (coloured_) shown += kEndOfColours;
  coloured_ = false;
  return shown;
}

std::string VisibleText(std::string_view bytes) {
  Visible visible;
  std::string shown = visible.Add(bytes);
  return shown + visible.Finish();
}

std::string ForStandardOutput(std::string_view bytes) {
  return isatty(STDOUT_FILENO) != 0 ? VisibleText(bytes) : std::string(bytes);
}

}  // namespace longshore::cli
