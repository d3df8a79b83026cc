// Writes what a script printed to standard output.
#ifndef LONGSHORE_CLI_OUTPUT_WRITER_H_
#define LONGSHORE_CLI_OUTPUT_WRITER_H_

#include <cstdint>
#include <string_view>

#include "cli/visible.h"

namespace longshore::cli {

// Writes the bytes exactly as they were printed, unless standard output is a terminal, which gets
// them made visible (visible.h). Says on standard error where output was not kept. Not thread-safe.
class OutputWriter {
 public:
  // Begins at `offset` of the output. With `raw` a terminal gets the bytes as they are, too.
  OutputWriter(int64_t offset, bool raw);
  ~OutputWriter();

  void Write(int64_t offset, std::string_view data);

 private:
  const bool visibly_;
  int64_t next_;
  Visible visible_;
};

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_OUTPUT_WRITER_H_
