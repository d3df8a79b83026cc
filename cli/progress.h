// What is shown while the command line waits for payloads.
#ifndef LONGSHORE_CLI_PROGRESS_H_
#define LONGSHORE_CLI_PROGRESS_H_

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "longshore/v1/payload.pb.h"

namespace longshore::cli {

// On a terminal it shows a bar with counts, which is drawn again and again, and each failure as it
// happens. The output of the payloads is shown line by line, on a terminal or not, if
// `show_output`. Not thread-safe.
class Progress {
 public:
  Progress(size_t total, bool show_output);
  void OnStatus(const v1::Payload& payload);
  void OnOutput(int64_t payload_id, int64_t offset, std::string_view data);
  // Shows the last lines that have no end, and removes the bar.
  void Finish();

 private:
  void Draw();
  void Erase();
  void PrintLine(int64_t payload_id, std::string_view line);

  const size_t total_;
  const bool show_output_;
  const bool terminal_;
  const bool colours_;  // Standard output is a terminal, so colours pass.
  bool drawn_ = false;
  std::map<int64_t, v1::Payload> payloads_;
  std::map<int64_t, std::string> lines_;  // The line of each payload that has no end yet.
};

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_PROGRESS_H_
