#include "cli/script_file.h"

#include <fstream>

#include "cli/errors.h"

namespace longshore::cli {
namespace {

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
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return UsageError("--file '" + file + "' cannot be opened");
  std::string content = Read(&stream);
  if (content.empty()) return UsageError("--file '" + file + "' is empty");
  return content;
}

}  // namespace longshore::cli
