#include "storage/script_store.h"

#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {

namespace script_store {

absl::Status Put(Connection& connection, const std::string& sha256, const std::string& content) {
  return connection
      .Execute(queries::kInsertScript, Params().Bytes("sha256", sha256).Bytes("content", content))
      .status();
}

absl::StatusOr<std::optional<std::string>> Get(Connection& connection, const Scope& scope,
                                               const std::string& sha256) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(queries::kGetScript, scope.AddTo(Params().Bytes("sha256", sha256))));
  if (result.rows() == 0) return std::nullopt;
  return result.first().Bytes("content");
}

absl::StatusOr<std::optional<std::string>> GetForHolder(Connection& connection,
                                                        const std::string& sha256,
                                                        const std::string& worker) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kGetScriptForHolder,
                                      Params().Bytes("sha256", sha256).Text("worker", worker)));
  if (result.rows() == 0) return std::nullopt;
  return result.first().Bytes("content");
}

}  // namespace script_store

}  // namespace longshore::storage
