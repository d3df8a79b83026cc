// What may stand at a place of a command line, for completion by shells.
#ifndef LONGSHORE_CLI_COMPLETION_H_
#define LONGSHORE_CLI_COMPLETION_H_

#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace longshore::cli {

// The scripts of completion_scripts.h call "longshore __complete WORD...".
inline constexpr char kCompleteCommand[] = "__complete";
// The line of the answer that stands for names of files.
inline constexpr char kCompleteFiles[] = ":files";

// Completes the last of `words`, which may be empty; they are without the program's name. Each line
// of the result is a word that begins with it, a tab, and the word's description.
std::vector<std::string> Complete(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_COMPLETION_H_
