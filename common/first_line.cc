#include "common/first_line.h"

#include <fstream>

#include "absl/strings/ascii.h"

namespace longshore {

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  absl::StripAsciiWhitespace(&line);
  return line;
}

}  // namespace longshore
