#include "cli/output_writer.h"

#include <unistd.h>

#include <iostream>

namespace longshore::cli {

OutputWriter::OutputWriter(int64_t offset, bool raw)
    : visibly_(!raw && isatty(STDOUT_FILENO) != 0), next_(offset) {}

OutputWriter::~OutputWriter() {
  if (visibly_) std::cout << visible_.Finish();
  std::cout << std::flush;
}

void OutputWriter::Write(int64_t offset, std::string_view data) {
  if (offset > next_) {
    std::cout << std::flush;
    std::cerr << "longshore: " << offset - next_ << " bytes were not kept here\n";
  }
  next_ = offset + static_cast<int64_t>(data.size());
  if (visibly_) {
    std::cout << visible_.Add(data) << std::flush;
  } else {
    std::cout << data << std::flush;
  }
}

}  // namespace longshore::cli
