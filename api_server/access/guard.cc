#include "api_server/access/guard.h"

#include <glog/logging.h>

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "api_server/access/permissions.h"
#include "api_server/domain/errors.h"
#include "common/access_token.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "storage/audit_store.h"
#include "storage/token_store.h"

namespace longshore::access {
namespace {

using domain::Caller;
using storage::Connection;
namespace token_store = storage::token_store;

// Of each token, and of all who show none together: who floods an api_server with calls that are
// refused does not fill the audit. So many at once are no flood.
constexpr int kRefusalsPerSecond = 5;
constexpr int kRefusalsAtOnce = 500;

constexpr std::string_view kScheme = "bearer ";

// The token in the header's value. The scheme's case does not matter (RFC 9110, 11.1).
std::optional<AccessToken> ReadHeader(std::string_view value) {
  if (value.size() <= kScheme.size()) return std::nullopt;
  const std::string scheme(value.substr(0, kScheme.size()));
  if (!absl::EqualsIgnoreCase(scheme, std::string(kScheme))) return std::nullopt;
  return ParseAccessToken(value.substr(kScheme.size()));
}

// The project that a refusal is shown to: one of the caller's own, never another that the request
// names.
std::string ProjectOf(const Caller& caller, const Call& call) {
  if (!call.project.empty() && caller.scope.Contains(call.project)) return call.project;
  const bool one = caller.scope.projects().size() == 1 && !caller.scope.has_everything();
  return one ? caller.scope.projects().front() : "";
}

}  // namespace

Guard::Guard(storage::Database* database, GuardOptions options)
    : database_(*database),
      options_(options),
      requests_(options.requests_per_second),
      refusals_(kRefusalsPerSecond, kRefusalsAtOnce) {}

absl::StatusOr<Caller> Guard::Admit(const Call& call) {
  std::optional<Caller> former;
  absl::StatusOr<Caller> caller = Identify(call.authorization, &former);
  if (!caller.ok()) {
    NoteRefusal(former.has_value() ? &*former : nullptr, call, caller.status());
    return caller;
  }
  caller->method = call.method;
  caller->peer = call.peer;
  caller->request_id = call.request_id;
  caller->traceparent = call.traceparent;
  if (const absl::Status allowed = Check(*caller, call); !allowed.ok()) {
    NoteRefusal(&*caller, call, allowed);
    return allowed;
  }
  return caller;
}

absl::Status Guard::Check(const Caller& caller, const Call& call) {
  if (const auto wait = requests_.Take(caller.token_id); wait.count() > 0) {
    return domain::QuotaExceeded("the token makes more than " +
                                     std::to_string(options_.requests_per_second) +
                                     " requests in a second",
                                 wait);
  }
  const std::optional<Permission> needed = PermissionFor(call.method);
  if (needed.has_value() && caller.role >= needed->role) return absl::OkStatus();
  return domain::RoleInsufficient(call.method, caller.role,
                                  needed.has_value() ? needed->role : v1::ROLE_UNSPECIFIED);
}

void Guard::NoteFailure(const Caller& caller, const Call& call, const absl::Status& why) {
  const std::optional<Permission> permission = PermissionFor(call.method);
  if (permission.has_value() && permission->changes) NoteRefusal(&caller, call, why);
}

void Guard::NoteRefusal(const Caller* caller, const Call& call, const absl::Status& why) {
  // The database is away: there is nothing to note it in, and nothing was decided.
  if (absl::IsUnavailable(why)) return;
  if (refusals_.Take(caller == nullptr ? 0 : caller->token_id).count() > 0) {
    LOG_EVERY_N(WARNING, 1000) << google::COUNTER << " refusals were not noted, for there were many"
                               << " at once; this one: " << why;
    return;
  }
  v1::AuditEvent event;
  event.set_peer(call.peer);
  event.set_method(call.method);
  event.set_code(absl::StatusCodeToString(why.code()));
  event.set_reason(ReasonOf(why));
  // What somebody says whom nobody knows is not written down.
  if (caller != nullptr) {
    event.set_principal(caller->name);
    event.set_token_id(caller->token_id);
    event.set_project(ProjectOf(*caller, call));
    event.mutable_ids()->Add(call.ids.begin(), call.ids.end());
    event.set_request_id(call.request_id);
  }
  const absl::Status noted = database_.Run(
      [&](Connection& connection) { return storage::audit_store::Insert(connection, event); });
  if (!noted.ok()) LOG(WARNING) << "a refusal was not noted: " << noted;
}

absl::StatusOr<Caller> Guard::Identify(const std::vector<std::string>& authorization,
                                       std::optional<Caller>* former) {
  if (options_.insecure) {
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
  if (!same || !stored.has_value()) return domain::TokenInvalid();
  const v1::Token& token = stored->token;
  Caller caller{.token_id = token.id(),
                .name = token.name(),
                .role = token.role(),
                .scope = storage::Scope::Of({token.projects().begin(), token.projects().end()})};
  if (!stored->valid) {
    *former = std::move(caller);
    return domain::TokenInvalid();
  }
  if (stored->use_is_news) {
    const absl::Status noted = database_.Run(
        [&](Connection& connection) { return token_store::MarkUsed(connection, shown->id); });
    RETURN_IF_ERROR(domain::FromStorage(noted));
  }
  if (token.has_expires_at()) caller.expires_at = token.expires_at();
  return caller;
}

}  // namespace longshore::access
