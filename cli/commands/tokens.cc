#include <google/protobuf/util/time_util.h>

#include <iostream>

#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/pages.h"
#include "cli/session.h"
#include "cli/shared_options.h"
#include "cli/tables.h"
#include "common/access_token.h"
#include "common/first_line.h"
#include "common/status_macros.h"
#include "storage/audit_store.h"
#include "storage/connection.h"
#include "storage/token_store.h"

namespace longshore::cli {
namespace {

using google::protobuf::util::TimeUtil;

struct CreateOptions {
  std::string name;
  v1::Role role = v1::ROLE_UNSPECIFIED;
  std::vector<std::string> projects;
  std::chrono::milliseconds lifetime{0};
};

// A token goes to standard output alone, so that it can be redirected to a file.
int Show(const v1::CreateTokenResponse& made, const Printer& printer) {
  printer.Print(made, made.token() + "\n");
  if (!printer.structured()) {
    std::cerr << "token " << made.id() << " is made; it is shown this once\n";
  }
  return kExitDone;
}

absl::StatusOr<int> CreateToken(const CreateOptions& options, Session* session) {
  v1::CreateTokenRequest request;
  request.set_name(options.name);
  request.set_role(options.role);
  request.mutable_projects()->Add(options.projects.begin(), options.projects.end());
  if (options.lifetime.count() > 0) {
    *request.mutable_expires_at() =
        TimeUtil::GetCurrentTime() + TimeUtil::MillisecondsToDuration(options.lifetime.count());
  }
  ASSIGN_OR_RETURN(const v1::CreateTokenResponse made, session->client.CreateToken(request));
  return Show(made, session->printer);
}

absl::StatusOr<int> ListTokens(int32_t limit, Session* session) {
  ASSIGN_OR_RETURN(
      const std::vector<v1::Token> tokens,
      ReadPages(&session->client, &Client::ListTokens, &v1::ListTokensResponse::mutable_tokens,
                v1::ListTokensRequest(), limit));
  session->printer.PrintRows(tokens, TokenTable(tokens));
  return kExitDone;
}

absl::StatusOr<int> RevokeToken(int64_t id, Session* session) {
  v1::RevokeTokenRequest request;
  request.set_token_id(id);
  ASSIGN_OR_RETURN(const v1::Token token, session->client.RevokeToken(request));
  session->printer.Print(token, "token " + std::to_string(id) + " is revoked\n");
  return kExitDone;
}

// For who has the database: nobody else can make a first token.
absl::StatusOr<int> Bootstrap(const std::string& url_file, const Here& here) {
  const std::string url = FirstLine(url_file);
  if (url.empty()) return UsageError("'" + url_file + "' cannot be read, or is empty");
  ASSIGN_OR_RETURN(const auto connection, storage::Connection::Open(url));
  AccessToken made{.secret = NewTokenSecret()};
  v1::Token wanted;
  wanted.set_name("bootstrap");
  wanted.set_role(v1::ROLE_ADMIN);
  wanted.add_projects(storage::Scope::kEveryProject);
  RETURN_IF_ERROR(connection->ExecuteScript("BEGIN"));
  ASSIGN_OR_RETURN(const v1::Token stored,
                   storage::token_store::Insert(*connection, wanted, HashTokenSecret(made.secret)));
  made.id = stored.id();
  v1::AuditEvent event;
  event.set_principal("longshore tokens bootstrap");
  event.set_method("tokens bootstrap");
  event.add_ids(made.id);
  event.set_code("OK");
  RETURN_IF_ERROR(storage::audit_store::Insert(*connection, event));
  RETURN_IF_ERROR(connection->ExecuteScript("COMMIT"));
  v1::CreateTokenResponse response;
  response.set_id(made.id);
  response.set_token(FormatAccessToken(made));
  return Show(response, here.printer);
}

}  // namespace

void AddTokensCreate(const Command& parent) {
  const auto options = std::make_shared<CreateOptions>();
  const Command command =
      parent.Add("create", "Makes a token, which is printed once and kept nowhere");
  command.Text("--name", "NAME", &options->name, "for people, and in the audit");
  command.Require("--name");
  command.EnumChoice("--role", &options->role, "what it may do");
  command.Require("--role");
  command.Texts("--project", "PROJECT", &options->projects,
                "where it may do it; may be given several times, '*' is every project");
  command.Require("--project");
  command.Duration("--expires-in", &options->lifetime,
                   "how long it counts; without it, as long as your own");
  command.Does([options](Session* session) { return CreateToken(*options, session); });
}

void AddTokensList(const Command& parent) {
  const auto limit = std::make_shared<int32_t>(kNoLimit);
  const Command command = parent.Add("list", "Lists tokens, without their secrets");
  AddLimit(command, limit.get());
  command.Does([limit](Session* session) { return ListTokens(*limit, session); });
}

void AddTokensRevoke(const Command& parent) {
  const auto id = std::make_shared<int64_t>(0);
  const Command command =
      parent.Add("revoke", "Makes a token count no more; its watches end within 5 s");
  command.Id("TOKEN", id.get(), "its id");
  command.Does([id](Session* session) { return RevokeToken(*id, session); });
}

void AddTokensBootstrap(const Command& parent) {
  const auto url_file = std::make_shared<std::string>();
  const Command command =
      parent.Add("bootstrap", "Makes a token that may do everything, in the database itself");
  command.Text("--database_url_file", kFileType, url_file.get(),
               "file with the database's connection string, postgresql://...");
  command.Require("--database_url_file");
  command.DoesHere([url_file](const Here& here) { return Bootstrap(*url_file, here); });
}

}  // namespace longshore::cli
