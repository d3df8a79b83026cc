#include "api_server/webhooks/webhook_file.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "common/first_line.h"
#include "common/private_file.h"
#include "common/short_name.h"
#include "common/status_macros.h"

namespace longshore::webhooks {
namespace {

constexpr size_t kMaxWebhooks = 100;
// What a guess at it has to be worth at least.
constexpr size_t kMinSecretBytes = 16;

// A user and a password in it would be sent as they are, beside the signature.
bool IsUrl(const std::string& url) {
  const size_t scheme = absl::StartsWith(url, "https://")  ? 8
                        : absl::StartsWith(url, "http://") ? 7
                                                           : 0;
  if (scheme == 0) return false;
  const std::string_view authority =
      std::string_view(url).substr(scheme, url.find_first_of("/?#", scheme) - scheme);
  return !authority.empty() && authority.find('@') == std::string_view::npos;
}

absl::StatusOr<Webhook> ParseLine(const std::string& line) {
  const std::vector<std::string> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  if (words.size() < 4 || words.size() > 5) {
    return absl::FailedPreconditionError("is not NAME PROJECT,... URL SECRET_FILE [CA_FILE]");
  }
  Webhook webhook{.name = words[0], .projects = {}, .url = words[2], .secret = {}, .ca_file = {}};
  if (!IsShortName(webhook.name)) {
    return absl::FailedPreconditionError(
        "has a name that is not 1 to 64 letters, digits, '.', '_' and '-'");
  }
  if (words[1] != "*") webhook.projects = absl::StrSplit(words[1], ',');
  const auto& projects = webhook.projects;
  if (std::any_of(projects.begin(), projects.end(),
                  [](const std::string& project) { return project.empty() || project == "*"; })) {
    return absl::FailedPreconditionError("has projects that are neither names nor * alone");
  }
  if (!IsUrl(webhook.url)) {
    return absl::FailedPreconditionError("has a URL that is not https://HOST… without a user");
  }
  const std::string& secret_file = words[3];
  if (IsOpenToOthers(secret_file)) {
    return absl::FailedPreconditionError("has a secret file that others can read: chmod 600");
  }
  webhook.secret = FirstLine(secret_file);
  if (webhook.secret.size() < kMinSecretBytes) {
    // It may be the secret itself that somebody has written there.
    return absl::FailedPreconditionError(
        "has a secret file, the fourth word, that cannot be read or has less than 16 characters");
  }
  if (words.size() == 5) {
    webhook.ca_file = words[4];
    if (access(webhook.ca_file.c_str(), R_OK) != 0) {
      return absl::FailedPreconditionError("'" + webhook.ca_file + "' cannot be read");
    }
  }
  return webhook;
}

}  // namespace

bool Webhook::uses_tls() const { return absl::StartsWith(url, "https://"); }

absl::StatusOr<std::vector<Webhook>> ReadWebhooks(const std::string& path) {
  std::ifstream file(path);
  std::vector<Webhook> webhooks;
  std::set<std::string> names;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    absl::StripAsciiWhitespace(&line);
    if (line.empty() || line[0] == '#') continue;
    const auto problem = [&](std::string_view what) {
      return absl::FailedPreconditionError("'" + path + "', line " + std::to_string(number) + ": " +
                                           std::string(what));
    };
    auto webhook = ParseLine(line);
    if (!webhook.ok()) {
      const auto message = webhook.status().message();
      return problem(std::string_view(message.data(), message.size()));
    }
    if (!names.insert(webhook->name).second) return problem("has the name of another");
    if (names.size() > kMaxWebhooks) return problem("is one more than 100 webhooks");
    webhooks.push_back(*std::move(webhook));
  }
  if (!file.eof()) return absl::FailedPreconditionError("'" + path + "' cannot be read");
  return webhooks;
}

}  // namespace longshore::webhooks
