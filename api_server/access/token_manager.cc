#include "api_server/access/token_manager.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <google/protobuf/util/time_util.h>
#include <unistd.h>

#include <cstdio>
#include <set>
#include <vector>

#include "api_server/domain/audit.h"
#include "api_server/domain/errors.h"
#include "api_server/domain/fields.h"
#include "api_server/domain/page.h"
#include "common/access_token.h"
#include "common/private_file.h"
#include "common/status_macros.h"
#include "storage/audit_store.h"
#include "storage/token_store.h"

namespace longshore::access {
namespace {

using domain::Caller;
using google::protobuf::util::TimeUtil;
using storage::Connection;
using storage::Scope;
namespace token_store = storage::token_store;

constexpr int kMaxProjects = 100;

// Inserts the token and returns it as its holder writes it.
absl::StatusOr<AccessToken> Insert(Connection& connection, const v1::Token& token) {
  AccessToken made{.secret = NewTokenSecret()};
  ASSIGN_OR_RETURN(const v1::Token stored,
                   token_store::Insert(connection, token, HashTokenSecret(made.secret)));
  made.id = stored.id();
  return made;
}

// The project of a change to a token, which may be for several.
std::string OnlyProject(const v1::Token& token) {
  const bool one = token.projects_size() == 1 && token.projects(0) != Scope::kEveryProject;
  return one ? token.projects(0) : "";
}

absl::Status CheckProjects(const Caller& caller, const v1::CreateTokenRequest& request) {
  if (request.projects().empty()) {
    return domain::InvalidField("projects", "", "must name at least one; '*' is every project");
  }
  if (request.projects_size() > kMaxProjects) {
    return domain::InvalidField("projects", std::to_string(request.projects_size()),
                                "are too many: at most " + std::to_string(kMaxProjects));
  }
  for (const std::string& project : request.projects()) {
    RETURN_IF_ERROR(domain::CheckLabel("projects", project, domain::kMaxLabelBytes,
                                       /*required=*/true));
    const bool own = project == Scope::kEveryProject ? caller.scope.has_everything()
                                                     : caller.scope.Contains(project);
    if (!own) return domain::ProjectForbidden("projects", project);
  }
  return absl::OkStatus();
}

bool IsValid(const google::protobuf::Timestamp& time) {
  return time.seconds() >= 0 && time.seconds() <= TimeUtil::kTimestampMaxSeconds &&
         time.nanos() >= 0 && time.nanos() < 1000000000;
}

// 0 for a time that is not set.
absl::StatusOr<int64_t> MicrosecondsOf(std::string_view field,
                                       const google::protobuf::Timestamp& time) {
  if (IsValid(time)) return TimeUtil::TimestampToMicroseconds(time);
  return domain::InvalidField(field, std::to_string(time.seconds()), "is no time since 1970");
}

// No token outlives the one that made it.
absl::Status SetExpiry(const Caller& caller, const v1::CreateTokenRequest& request,
                       v1::Token* token) {
  if (!request.has_expires_at()) {
    if (caller.expires_at.has_value()) *token->mutable_expires_at() = *caller.expires_at;
    return absl::OkStatus();
  }
  const std::string shown = std::to_string(request.expires_at().seconds());
  if (!IsValid(request.expires_at()) || request.expires_at() <= TimeUtil::GetCurrentTime()) {
    return domain::InvalidField("expires_at", shown, "must be a time to come");
  }
  if (caller.expires_at.has_value() && request.expires_at() > *caller.expires_at) {
    return domain::InvalidField(
        "expires_at", shown,
        "must not be after your own token's, " + TimeUtil::ToString(*caller.expires_at));
  }
  *token->mutable_expires_at() = request.expires_at();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::CreateTokenResponse> TokenManager::Create(
    const Caller& caller, const v1::CreateTokenRequest& request) {
  RETURN_IF_ERROR(domain::CheckLabel("name", request.name(), domain::kMaxLabelBytes,
                                     /*required=*/true));
  RETURN_IF_ERROR(domain::CheckEnum("role", request.role(), v1::Role_IsValid));
  if (request.role() == v1::ROLE_UNSPECIFIED) {
    return domain::InvalidField("role", "", "must be VIEWER, OPERATOR or ADMIN");
  }
  if (request.role() > caller.role) {
    return domain::RoleInsufficient("a token of a greater role", caller.role, request.role());
  }
  RETURN_IF_ERROR(CheckProjects(caller, request));
  v1::Token token;
  token.set_name(request.name());
  token.set_role(request.role());
  const std::set<std::string> projects(request.projects().begin(), request.projects().end());
  token.mutable_projects()->Add(projects.begin(), projects.end());
  RETURN_IF_ERROR(SetExpiry(caller, request, &token));
  AccessToken made;
  RETURN_IF_ERROR(
      domain::FromStorage(database_.Transact([&](Connection& connection) -> absl::Status {
        if (caller.token_id != 0) {
          ASSIGN_OR_RETURN(const bool valid, token_store::LockValid(connection, caller.token_id));
          if (!valid) return domain::TokenInvalid();  // Revoked since the guard looked.
        }
        ASSIGN_OR_RETURN(made, Insert(connection, token));
        return domain::NoteChange(connection, caller,
                                  {.project = OnlyProject(token), .ids = {made.id}});
      })));
  v1::CreateTokenResponse response;
  response.set_id(made.id);
  response.set_token(FormatAccessToken(made));
  return response;
}

absl::StatusOr<v1::ListTokensResponse> TokenManager::List(const Caller& caller,
                                                          const v1::ListTokensRequest& request) {
  constexpr char kList[] = "tokens";
  ASSIGN_OR_RETURN(const storage::Page page,
                   domain::ParsePage(kList, request.page_size(), request.page_token()));
  std::vector<v1::Token> tokens;
  RETURN_IF_ERROR(domain::FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(tokens, token_store::List(connection, caller.scope, page));
    return absl::OkStatus();
  })));
  v1::ListTokensResponse response;
  response.set_next_page_token(domain::FinishPage(kList, page, &tokens));
  for (v1::Token& token : tokens) *response.add_tokens() = std::move(token);
  return response;
}

absl::StatusOr<v1::Token> TokenManager::Revoke(const Caller& caller, int64_t token_id) {
  RETURN_IF_ERROR(domain::CheckId("token_id", token_id));
  std::optional<v1::Token> revoked;
  RETURN_IF_ERROR(
      domain::FromStorage(database_.Transact([&](Connection& connection) -> absl::Status {
        ASSIGN_OR_RETURN(revoked, token_store::Revoke(connection, caller.scope, token_id));
        if (!revoked.has_value()) return domain::TokenNotFound(token_id);
        return domain::NoteChange(connection, caller,
                                  {.project = OnlyProject(*revoked), .ids = {token_id}});
      })));
  return *std::move(revoked);
}

absl::StatusOr<v1::ListAuditEventsResponse> TokenManager::ListAudit(
    const Caller& caller, const v1::ListAuditEventsRequest& request) {
  RETURN_IF_ERROR(domain::CheckLabel("project", request.project(), domain::kMaxLabelBytes,
                                     /*required=*/false));
  RETURN_IF_ERROR(domain::CheckLabel("principal", request.principal(), domain::kMaxLabelBytes,
                                     /*required=*/false));
  ASSIGN_OR_RETURN(const int64_t from, MicrosecondsOf("from", request.from()));
  ASSIGN_OR_RETURN(const int64_t to, MicrosecondsOf("to", request.to()));
  const std::string list = "audit/" + std::to_string(from) + "/" + std::to_string(to) + "/" +
                           request.project() + "/" + request.principal();
  ASSIGN_OR_RETURN(const storage::Page page,
                   domain::ParsePage(list, request.page_size(), request.page_token()));
  std::vector<v1::AuditEvent> events;
  RETURN_IF_ERROR(domain::FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(events, storage::audit_store::List(connection, caller.scope,
                                                        {.from = from,
                                                         .to = to,
                                                         .project = request.project(),
                                                         .principal = request.principal()},
                                                        page));
    return absl::OkStatus();
  })));
  v1::ListAuditEventsResponse response;
  response.set_next_page_token(domain::FinishPage(list, page, &events));
  for (v1::AuditEvent& event : events) *response.add_events() = std::move(event);
  return response;
}

absl::Status WriteFirstToken(storage::Database& database, const std::string& path) {
  v1::Token first;
  first.set_name("first");
  first.set_role(v1::ROLE_ADMIN);
  first.add_projects(Scope::kEveryProject);
  return database.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const bool any, token_store::Any(connection, /*lock=*/true));
    if (any) return absl::OkStatus();
    ASSIGN_OR_RETURN(const AccessToken made, Insert(connection, first));
    Caller self{.name = "api_server", .scope = Scope::Everything()};
    self.method = "--bootstrap_token_file";
    RETURN_IF_ERROR(domain::NoteChange(connection, self, {.ids = {made.id}}));
    // Before the commit: a file without its token is written again, a token without its file would
    // be lost.
    RETURN_IF_ERROR(WritePrivately(path, FormatAccessToken(made) + "\n"));
    LOG(INFO) << "the first token is in " << path;
    return absl::OkStatus();
  });
}

}  // namespace longshore::access
