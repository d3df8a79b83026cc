// The tokens table.
#ifndef LONGSHORE_STORAGE_TOKEN_STORE_H_
#define LONGSHORE_STORAGE_TOKEN_STORE_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "longshore/v1/access.pb.h"
#include "storage/connection.h"
#include "storage/rows.h"
#include "storage/scope.h"

namespace longshore::storage {

// A token, with what tells whether who shows it may use it.
struct StoredToken {
  v1::Token token;
  std::string secret_sha256;  // 32 raw bytes.
  bool valid = false;         // Neither revoked nor expired, by the database's clock.
  bool use_is_news = false;   // last_used_at is over a minute old.
};

namespace token_store {

// Inserts a token with the name, role, projects and expires_at of `token`. Returns it as stored.
absl::StatusOr<v1::Token> Insert(Connection& connection, const v1::Token& token,
                                 const std::string& secret_sha256);
// Returns the token for somebody who shows it, or nullopt when there is none.
absl::StatusOr<std::optional<StoredToken>> Find(Connection& connection, int64_t id);
absl::Status MarkUsed(Connection& connection, int64_t id);
// Returns true when any token was ever made. `lock` keeps others from making one until the
// transaction ends.
absl::StatusOr<bool> Any(Connection& connection, bool lock);
// Returns those of `ids` that are valid now.
absl::StatusOr<std::set<int64_t>> FindValid(Connection& connection, const std::set<int64_t>& ids);
// Returns whether the token is valid now, and keeps it from being revoked until the transaction
// ends.
absl::StatusOr<bool> LockValid(Connection& connection, int64_t id);
// Lists tokens all of whose projects are in `scope`, by ascending id.
absl::StatusOr<std::vector<v1::Token>> List(Connection& connection, const Scope& scope, Page page);
// Revokes a token and returns it, or nullopt when there is none in `scope`.
absl::StatusOr<std::optional<v1::Token>> Revoke(Connection& connection, const Scope& scope,
                                                int64_t id);

}  // namespace token_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_TOKEN_STORE_H_
