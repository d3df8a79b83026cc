#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/pages.h"
#include "cli/session.h"
#include "cli/shared_options.h"
#include "cli/tables.h"

namespace longshore::cli {
namespace {

absl::StatusOr<int> ListWorkers(int32_t limit, Session* session) {
  ASSIGN_OR_RETURN(
      const std::vector<v1::Worker> workers,
      ReadPages(&session->client, &Client::ListWorkers, &v1::ListWorkersResponse::mutable_workers,
                v1::ListWorkersRequest(), limit));
  session->printer.PrintRows(workers, WorkerTable(workers));
  return kExitDone;
}

}  // namespace

void AddWorkers(const Command& parent) {
  const auto limit = std::make_shared<int32_t>(kNoLimit);
  const Command command =
      parent.Add("workers", "Lists the workers that have ever connected, the first one first");
  AddLimit(command, limit.get());
  command.Does([limit](Session* session) { return ListWorkers(*limit, session); });
}

}  // namespace longshore::cli
