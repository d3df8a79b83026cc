#include "storage/script_store.h"

#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {

namespace script_store {
namespace {

// Another one that is unused goes at the very moment only once.
constexpr int kPutTries = 5;

}  // namespace

absl::Status Put(Connection& connection, const std::string& sha256, const std::string& content) {
  for (int turn = 0; turn < kPutTries; ++turn) {
    RETURN_IF_ERROR(connection
                        .Execute(queries::kInsertScript,
                                 Params().Bytes("sha256", sha256).Bytes("content", content))
                        .status());
    ASSIGN_OR_RETURN(const Result held,
                     connection.Execute(queries::kHoldScript, Params().Bytes("sha256", sha256)));
    if (held.rows() > 0) return absl::OkStatus();
  }
  return absl::AbortedError("a script goes whenever it is stored");
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
