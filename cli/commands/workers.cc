#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/pages.h"
#include "cli/session.h"
#include "cli/shared_options.h"
#include "cli/tables.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

absl::StatusOr<int> ListWorkers(int32_t limit, Session* session) {
  v1::ListWorkersResponse first;
  ASSIGN_OR_RETURN(
      const std::vector<v1::Worker> workers,
      ReadPages(&session->client, &Client::ListWorkers, &v1::ListWorkersResponse::mutable_workers,
                v1::ListWorkersRequest(), limit, &first));
  std::string text = WorkerTable(workers);
  for (const std::string& pool : first.pools_without_worker()) {
    text += "no worker of the pool " + pool + " is connected: what is for its instances waits\n";
  }
  session->printer.PrintRows(workers, text);
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
