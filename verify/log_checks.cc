#include "verify/log_checks.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/status_macros.h"

namespace longshore::verify {
namespace {

struct Secret {
  std::string text;
  std::string what;
  std::string json = {};  // As it stands in a log of JSON, without quotes.
};

std::string JsonOf(const std::string& text) {
  const std::string quoted =
      nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

absl::StatusOr<std::ifstream> Open(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError("'" + path + "' cannot be read");
  return file;
}

}  // namespace

absl::StatusOr<std::vector<Violation>> CheckLogs(const std::vector<std::string>& logs,
                                                 const std::vector<std::string>& secret_files) {
  std::vector<Secret> secrets{{"PRIVATE KEY-----", "a private key"}};
  for (const std::string& path : secret_files) {
    ASSIGN_OR_RETURN(std::ifstream file, Open(path));
    Secret secret{.what = "the secret of " + path};
    std::getline(file, secret.text);
    if (secret.text.empty()) return absl::NotFoundError("'" + path + "' has no first line");
    secrets.push_back(std::move(secret));
  }
  for (Secret& secret : secrets) secret.json = JsonOf(secret.text);
  std::vector<Violation> violations;
  for (const std::string& path : logs) {
    ASSIGN_OR_RETURN(std::ifstream file, Open(path));
    std::string line;
    for (int64_t number = 1; std::getline(file, line); ++number) {
      for (const Secret& secret : secrets) {
        if (line.find(secret.text) == std::string::npos &&
            line.find(secret.json) == std::string::npos) {
          continue;
        }
        violations.push_back({10, "no secret is in a log", path,
                              "line " + std::to_string(number) + " has " + secret.what});
      }
    }
  }
  return violations;
}

}  // namespace longshore::verify
