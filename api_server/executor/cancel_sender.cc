#include "api_server/executor/cancel_sender.h"

#include <glog/logging.h>

#include <vector>

#include "common/status_macros.h"
#include "storage/task_store.h"

namespace longshore::executor {

void CancelSender::Look(const std::set<int64_t>& task_ids) {
  if (task_ids.empty()) return;
  work_.Add([this, ids = std::vector<int64_t>(task_ids.begin(), task_ids.end())] {
    std::vector<storage::StopRequest> requests;
    const absl::Status found = database_.Run([&](storage::Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(requests, storage::task_store::FindStopRequests(connection, ids));
      return absl::OkStatus();
    });
    if (!found.ok()) {
      // Their holders hear of it when they renew their leases.
      LOG(WARNING) << "looking for tasks to stop: " << found;
      return;
    }
    // Which worker holds a task is not known here; the others have no such task.
    for (const storage::StopRequest& request : requests) {
      v1::ServerMessage message;
      message.mutable_cancel_task()->set_task_id(request.task_id);
      message.mutable_cancel_task()->set_unless_started(request.unless_started);
      workers_.SendToAll(message);
    }
  });
}

}  // namespace longshore::executor
