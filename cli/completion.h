// What may stand at a place of a command line, for the completion of shells.
#ifndef LONGSHORE_CLI_COMPLETION_H_
#define LONGSHORE_CLI_COMPLETION_H_

#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace longshore::cli {

// "longshore __complete WORD..." is what the scripts of completion_scripts.h ask.
inline constexpr char kCompleteCommand[] = "__complete";
// The line that stands for the names of files.
inline constexpr char kCompleteFiles[] = ":files";

// `words` without the program's name; the last one, which may be empty, is to be completed. Each
// line is a word that begins with it, a tab and its description.
std::vector<std::string> Complete(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_COMPLETION_H_
