// Text from outside for a terminal, which obeys some characters instead of showing them.
#ifndef LONGSHORE_CLI_VISIBLE_H_
#define LONGSHORE_CLI_VISIBLE_H_

#include <string>
#include <string_view>

namespace longshore::cli {

// Not thread-safe. The text may come in pieces, cut anywhere. Line ends, tabs and colours pass;
// other control characters (C0, DEL, C1) and those that turn the direction of writing come out as
// `\x1b` and `\u202e`, and bytes that are no UTF-8 as U+FFFD.
class Visible {
 public:
  std::string Add(std::string_view bytes);
  // What was kept because its end had not come. Colours end here.
  std::string Finish();

 private:
  std::string pending_;
  bool coloured_ = false;
};

// The same for a whole text.
std::string VisibleText(std::string_view bytes);

// What standard output is to be given of a text from outside: on a terminal VisibleText.
std::string ForStandardOutput(std::string_view bytes);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_VISIBLE_H_
