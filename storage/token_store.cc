#include "storage/token_store.h"

#include "common/enum_text.h"
#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {
namespace {

v1::Token ReadToken(const Row& row) {
  v1::Token token;
  token.set_id(row.Int("id"));
  token.set_name(row.String("name"));
  token.set_role(EnumFromText<v1::Role>(row.Text("role")));
  for (std::string& project : row.TextArray("projects")) token.add_projects(std::move(project));
  ReadTimestamp(row, "created_at", [&] { return token.mutable_created_at(); });
  ReadTimestamp(row, "expires_at", [&] { return token.mutable_expires_at(); });
  ReadTimestamp(row, "revoked_at", [&] { return token.mutable_revoked_at(); });
  ReadTimestamp(row, "last_used_at", [&] { return token.mutable_last_used_at(); });
  return token;
}

int64_t Microseconds(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1000000 + time.nanos() / 1000;
}

}  // namespace

namespace token_store {

absl::StatusOr<v1::Token> Insert(Connection& connection, const v1::Token& token,
                                 const std::string& secret_sha256) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          queries::kInsertToken,
          Params()
              .Text("name", token.name())
              .Text("role", EnumText(token.role()))
              .Texts("projects", {token.projects().begin(), token.projects().end()})
              .Bytes("secret_sha256", secret_sha256)
              .Int("expires_at", token.has_expires_at() ? Microseconds(token.expires_at()) : 0)));
  return ReadToken(result.first());
}

absl::StatusOr<std::optional<StoredToken>> Find(Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kFindToken, Params().Int("id", id)));
  if (result.rows() == 0) return std::nullopt;
  const Row row = result.first();
  return StoredToken{.token = ReadToken(row),
                     .secret_sha256 = row.Bytes("secret_sha256"),
                     .valid = row.Bool("valid"),
                     .use_is_news = row.Bool("use_is_news")};
}

absl::Status MarkUsed(Connection& connection, int64_t id) {
  return connection.Execute(queries::kMarkTokenUsed, Params().Int("id", id)).status();
}

absl::StatusOr<bool> Any(Connection& connection, bool lock) {
  if (lock) RETURN_IF_ERROR(connection.Execute(queries::kLockTokens).status());
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kAnyToken));
  return result.first().Bool("any_token");
}

absl::StatusOr<std::set<int64_t>> FindValid(Connection& connection, const std::set<int64_t>& ids) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kFindValidTokens,
                                      Params().Ints("ids", {ids.begin(), ids.end()})));
  const std::vector<int64_t> valid = ReadIds(result);
  return std::set<int64_t>(valid.begin(), valid.end());
}

absl::StatusOr<bool> LockValid(Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kLockValidToken, Params().Int("id", id)));
  return result.rows() == 1;
}

absl::StatusOr<std::vector<v1::Token>> List(Connection& connection, const Scope& scope, Page page) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(queries::kListTokens,
                         scope.AddTo(Params().Int("after", page.after).Int("limit", page.limit))));
  std::vector<v1::Token> tokens;
  for (const Row row : result) tokens.push_back(ReadToken(row));
  return tokens;
}

absl::StatusOr<std::optional<v1::Token>> Revoke(Connection& connection, const Scope& scope,
                                                int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kRevokeToken, scope.AddTo(Params().Int("id", id))));
  if (result.rows() == 0) return std::nullopt;
  return ReadToken(result.first());
}

}  // namespace token_store

}  // namespace longshore::storage
