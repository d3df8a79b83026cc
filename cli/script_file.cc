#include "cli/script_file.h"

#include <fstream>
#include <iostream>

#include "cli/errors.h"

namespace longshore::cli {
namespace {

constexpr char kStandardInput[] = "-";
// More than the server takes is not worth reading; it names the limit.
constexpr size_t kMaxBytes = 4 << 20;

std::string Read(std::istream* stream) {
  std::string content(kMaxBytes, '\0');
  stream->read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(stream->gcount());
  return content;
}

}  // namespace

absl::StatusOr<std::string> ReadScript(const std::string& file) {
  std::ifstream opened;
  if (file != kStandardInput) {
    opened.open(file, std::ios::binary);
    if (!opened) return UsageError("--file '" + file + "' cannot be opened");
  }
  std::string content = Read(file == kStandardInput ? &std::cin : &opened);
  if (content.empty()) return UsageError("--file '" + file + "' is empty");
  return content;
}

}  // namespace longshore::cli
