#include "storage/script_store.h"

#include "common/status_macros.h"

namespace longshore::storage {

absl::Status ScriptStore::Put(Connection& connection, const std::string& sha256,
                              const std::string& content) {
  return connection
      .Execute("INSERT INTO scripts (sha256, content) VALUES ($1, $2) ON CONFLICT DO NOTHING",
               Params().Bytes(sha256).Bytes(content))
      .status();
}

absl::StatusOr<std::optional<std::string>> ScriptStore::Get(Connection& connection,
                                                            const std::string& sha256) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("SELECT content FROM scripts WHERE sha256 = $1", Params().Bytes(sha256)));
  if (result.rows() == 0) return std::nullopt;
  return result.Bytes(0, 0);
}

}  // namespace longshore::storage
