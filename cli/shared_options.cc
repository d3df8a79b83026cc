#include "cli/shared_options.h"

namespace longshore::cli {

void AddWaitOptions(const Command& command, WaitOptions* options) {
  command.Flag("--wait", &options->wait, "show progress until all have ended");
  command.Flag("--follow", &options->follow, "wait, and show the output");
}

void AddLimit(const Command& command, int32_t* limit) {
  command.Count("--limit", limit, "at most the first N; without it all");
}

void AddRaw(const Command& command, bool* raw) {
  command.Flag("--raw", raw,
               "give a terminal the very bytes, escapes and all; files and pipes always get them");
}

void AddRequestId(const Command& command, std::string* request_id) {
  command.Text("--request-id", "ID", request_id,
               "makes the command safe to repeat: it is carried out once");
}

}  // namespace longshore::cli
