// What is shown while payloads are waited for.
#ifndef LONGSHORE_CLI_PROGRESS_H_
#define LONGSHORE_CLI_PROGRESS_H_

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "longshore/v1/payload.pb.h"

namespace longshore::cli {

// A bar and counts, drawn again and again, and each failure as it happens, on a terminal only; the
// payloads' output, line by line, when asked for. Not thread-safe.
class Progress {
 public:
  Progress(size_t total, bool show_output);
  void OnStatus(const v1::Payload& payload);
  void OnOutput(int64_t payload_id, int64_t offset, std::string_view data);
  // Shows the last, unfinished lines and removes the line of counts.
  void Finish();

 private:
  void Draw();
  void Erase();
  void PrintLine(int64_t payload_id, std::string_view line);

  const size_t total_;
  const bool show_output_;
  const bool terminal_;
  const bool colours_;  // Of the output, on a terminal.
  bool drawn_ = false;
  std::map<int64_t, v1::Payload> payloads_;
  std::map<int64_t, std::string> lines_;  // Begun, not ended.
};

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_PROGRESS_H_
