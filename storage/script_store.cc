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

absl::StatusOr<std::optional<std::string>> ScriptStore::GetForHolder(Connection& connection,
                                                                     const std::string& sha256,
                                                                     const std::string& worker) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("SELECT content FROM scripts s WHERE sha256 = $1 AND EXISTS (SELECT 1"
                         " FROM tasks t JOIN deployments d ON d.id = t.deployment_id"
                         " WHERE t.status = 'RUNNING' AND t.worker = $2"
                         " AND d.script_sha256 = s.sha256)",
                         Params().Bytes(sha256).Text(worker)));
  if (result.rows() == 0) return std::nullopt;
  return result.Bytes(0, 0);
}

}  // namespace longshore::storage
