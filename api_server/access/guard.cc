#include "api_server/access/guard.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "api_server/access/permissions.h"
#include "api_server/domain/errors.h"
#include "common/access_token.h"
#include "common/status_macros.h"
#include "storage/token_store.h"

namespace longshore::access {
namespace {

using domain::Caller;
using storage::Connection;
namespace token_store = storage::token_store;

constexpr std::string_view kScheme = "bearer ";

// The token in the header's value. The scheme's case does not matter (RFC 9110, 11.1).
std::optional<AccessToken> ReadHeader(std::string_view value) {
  if (value.size() <= kScheme.size()) return std::nullopt;
  const std::string scheme(value.substr(0, kScheme.size()));
  if (!absl::EqualsIgnoreCase(scheme, std::string(kScheme))) return std::nullopt;
  return ParseAccessToken(value.substr(kScheme.size()));
}

}  // namespace

absl::StatusOr<Caller> Guard::Admit(const std::vector<std::string>& authorization,
                                    std::string_view method) {
  ASSIGN_OR_RETURN(Caller caller, Identify(authorization));
  const std::optional<v1::Role> needed = NeededRole(method);
  if (!needed.has_value() || caller.role < *needed) {
    return domain::RoleInsufficient(method, caller.role, needed.value_or(v1::ROLE_UNSPECIFIED));
  }
  return caller;
}

absl::StatusOr<Caller> Guard::Identify(const std::vector<std::string>& authorization) {
  if (insecure_) {
    return Caller{
        .name = "insecure", .role = v1::ROLE_ADMIN, .scope = storage::Scope::Everything()};
  }
  if (authorization.empty()) return domain::TokenMissing();
  // Of two it would not be clear which counts.
  const auto shown = authorization.size() == 1 ? ReadHeader(authorization[0]) : std::nullopt;
  if (!shown.has_value()) return domain::TokenInvalid();
  std::optional<storage::StoredToken> stored;
  RETURN_IF_ERROR(domain::FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(stored, token_store::Find(connection, shown->id));
    return absl::OkStatus();
  })));
  // The answer and its time are the same for a token that is not there.
  const std::string hash = HashTokenSecret(shown->secret);
  const bool same =
      SameHash(hash, stored.has_value() ? stored->secret_sha256 : std::string(hash.size(), '\0'));
  if (!same || !stored.has_value() || !stored->valid) return domain::TokenInvalid();
  if (stored->use_is_news) {
    const absl::Status noted = database_.Run(
        [&](Connection& connection) { return token_store::MarkUsed(connection, shown->id); });
    RETURN_IF_ERROR(domain::FromStorage(noted));
  }
  const v1::Token& token = stored->token;
  Caller caller{.token_id = token.id(),
                .name = token.name(),
                .role = token.role(),
                .scope = storage::Scope::Of({token.projects().begin(), token.projects().end()})};
  if (token.has_expires_at()) caller.expires_at = token.expires_at();
  return caller;
}

}  // namespace longshore::access
