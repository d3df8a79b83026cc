// Quotes words for a POSIX shell.
#ifndef LONGSHORE_COMMON_SHELL_QUOTE_H_
#define LONGSHORE_COMMON_SHELL_QUOTE_H_

#include <string>
#include <string_view>
#include <vector>

namespace longshore {

// Returns `word` in single quotes, so that a shell takes it as one word, whatever is in it.
std::string ShellQuote(std::string_view word);
// Returns the words so quoted, each with a space before it: what follows a command.
std::string ShellWords(const std::vector<std::string>& words);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_SHELL_QUOTE_H_
