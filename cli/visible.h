// Makes text from outside safe for a terminal, which obeys some characters instead of showing them.
#ifndef LONGSHORE_CLI_VISIBLE_H_
#define LONGSHORE_CLI_VISIBLE_H_

#include <string>
#include <string_view>

namespace longshore::cli {

// The text may come in pieces that are cut anywhere. Line ends, tabs and colours pass. Other
// control characters (C0, DEL, C1), and those that change the direction of writing, become `\x1b`
// or `\u202e`, for example. Bytes that are not UTF-8 become U+FFFD. Not thread-safe.
class Visible {
 public:
  std::string Add(std::string_view bytes);
  // Returns what was held back because it was incomplete, and ends colours.
  std::string Finish();

 private:
  std::string pending_;
  bool coloured_ = false;
};

// Does the same for a whole text.
std::string VisibleText(std::string_view bytes);

// Returns what to write of a text from outside to standard output: VisibleText on a terminal, and
// the text itself otherwise.
std::string ForStandardOutput(std::string_view bytes);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_VISIBLE_H_
