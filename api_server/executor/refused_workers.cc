#include "api_server/executor/refused_workers.h"

#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"

namespace longshore::executor {

absl::Status RefusedWorkers::Read() {
  if (!enabled()) return absl::OkStatus();
  std::ifstream file(path_);
  std::set<std::string> names;
  std::string line;
  while (std::getline(file, line)) {
    const std::string name(absl::StripAsciiWhitespace(line));
    if (!name.empty() && name[0] != '#') names.insert(name);
  }
  if (!file.eof()) return absl::FailedPreconditionError("'" + path_ + "' cannot be read");
  MutexLock lock(&mutex_);
  names_ = std::move(names);
  return absl::OkStatus();
}

bool RefusedWorkers::Has(const std::string& name) {
  MutexLock lock(&mutex_);
  return names_.count(name) > 0;
}

}  // namespace longshore::executor
