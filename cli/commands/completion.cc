#include <iostream>

#include "cli/commands/commands.h"
#include "cli/completion_scripts.h"
#include "cli/errors.h"
#include "cli/session.h"

namespace longshore::cli {

void AddCompletion(const Command& parent) {
  const auto text = std::make_shared<std::string>();
  std::vector<std::string> shells;
  shells.reserve(CompletionScripts().size());
  for (const CompletionScript& script : CompletionScripts()) shells.push_back(script.shell);
  const Command command =
      parent.Add("completion", "Prints the script that makes a shell complete commands");
  command.Choice(
      "SHELL", shells, [text](size_t i) { *text = CompletionScripts()[i].text; }, "which");
  command.Require("SHELL");
  command.DoesHere([text](const Here&) -> absl::StatusOr<int> {
    std::cout << *text;
    return kExitDone;
  });
}

}  // namespace longshore::cli
