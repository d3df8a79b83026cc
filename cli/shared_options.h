// The options that several commands share.
#ifndef LONGSHORE_CLI_SHARED_OPTIONS_H_
#define LONGSHORE_CLI_SHARED_OPTIONS_H_

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace longshore::cli {

struct WaitOptions {
  bool wait = false;
  bool follow = false;  // Waits, and shows the output as well.
  bool any() const { return wait || follow; }
};

// Declares --wait and --follow.
void AddWaitOptions(const Command& command, WaitOptions* options);
// Declares --limit. When it is not given `limit` keeps its value, which is kNoLimit (pages.h).
void AddLimit(const Command& command, int32_t* limit);
// Declares --raw.
void AddRaw(const Command& command, bool* raw);
// Declares --request-id.
void AddRequestId(const Command& command, std::string* request_id);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_SHARED_OPTIONS_H_
