#include "storage/database_url.h"

#include <postgresql/libpq-fe.h>

#include <memory>
#include <string_view>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/tls.h"

namespace longshore::storage {
namespace {

struct OptionsDeleter {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// Null when it is none.
std::unique_ptr<PQconninfoOption, OptionsDeleter> Parse(const std::string& url) {
  return std::unique_ptr<PQconninfoOption, OptionsDeleter>(
      PQconninfoParse(url.c_str(), /*errmsg=*/nullptr));
}

bool IsHere(const std::string& host) {
  return host.empty() || host[0] == '/' || host[0] == '@' || host == "::1" ||
         IsLoopback(host + ":5432");
}

}  // namespace

absl::Status CheckUrl(const std::string& url) {
  if (Parse(url) != nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the database's URL is no connection string: postgresql://USER@HOST:PORT/NAME?sslmode=...");
}

bool IsExposed(const std::string& url) {
  const auto options = Parse(url);
  bool is_remote = false;
  bool is_verified = false;
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    const std::string value = option->val;
    if (keyword == "sslmode") is_verified = value == "verify-full" || value == "verify-ca";
    if (keyword != "host" && keyword != "hostaddr") continue;
    for (const std::string& host : std::vector<std::string>(absl::StrSplit(value, ','))) {
      if (!IsHere(host)) is_remote = true;
    }
  }
  return is_remote && !is_verified;
}

}  // namespace longshore::storage
