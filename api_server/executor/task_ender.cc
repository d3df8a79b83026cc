#include "api_server/executor/task_ender.h"

#include <glog/logging.h>

#include <algorithm>

#include "common/status_macros.h"
#include "storage/isolate.h"

namespace longshore::executor {
namespace {

using storage::Connection;
namespace task_store = storage::task_store;

constexpr int kMaxTasksPerBatch = 1000;

}  // namespace

TaskEnder::TaskEnder(storage::Database* database, domain::Signals* signals,
                     int64_t max_output_bytes)
    : database_(*database), signals_(*signals), output_limit_(max_output_bytes) {}

absl::Status TaskEnder::EndAll(const FindTasks& find, const MakeEnd& make_end) {
  bool more = true;
  while (more) {
    ASSIGN_OR_RETURN(more, EndBatch(find, make_end));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> TaskEnder::EndBatch(const FindTasks& find, const MakeEnd& make_end) {
  std::vector<int64_t> found;
  std::vector<int64_t> ended;
  absl::Status status = EndFound(find, make_end, /*only=*/nullptr, &found, &ended);
  const bool is_full = found.size() == kMaxTasksPerBatch;
  // Where nothing was found it is the query that is at fault.
  if (storage::IsRowFault(status) && !found.empty()) {
    status = EndIsolated(find, make_end, found, &ended);
  }
  if (!ended.empty()) signals_.PayloadsChanged(ended);
  RETURN_IF_ERROR(status);
  return is_full && !ended.empty();
}

absl::Status TaskEnder::EndIsolated(const FindTasks& find, const MakeEnd& make_end,
                                    const std::vector<int64_t>& ids, std::vector<int64_t>* ended) {
  std::vector<int64_t> found;
  const auto end_part = [&](const std::vector<int64_t>& part) {
    return EndFound(find, make_end, &part, &found, ended);
  };
  ASSIGN_OR_RETURN(const auto refused, storage::ApplyIsolated<int64_t>(ids, end_part));
  for (const auto& one : refused) {
    LOG(ERROR) << "task " << one.item << " cannot be ended: " << one.reason;
  }
  return absl::OkStatus();
}

absl::Status TaskEnder::EndFound(const FindTasks& find, const MakeEnd& make_end,
                                 const std::vector<int64_t>* only, std::vector<int64_t>* found,
                                 std::vector<int64_t>* ended) {
  std::vector<int64_t> payload_ids;
  bool freed = false;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    payload_ids.clear();
    ASSIGN_OR_RETURN(*found, find(connection, kMaxTasksPerBatch));
    std::vector<int64_t> wanted = *found;
    std::erase_if(wanted, [only](int64_t id) {
      return only != nullptr && !std::binary_search(only->begin(), only->end(), id);
    });
    ASSIGN_OR_RETURN(const auto tasks, task_store::Lock(connection, wanted));
    std::vector<storage::TaskEnd> ends;
    for (const storage::LockedTask& task : tasks) {
      ends.push_back(make_end(task));
      payload_ids.push_back(task.payload_id);
    }
    return task_store::End(connection, ends, output_limit_, &freed);
  }));
  if (freed) signals_.TasksDue();
  ended->insert(ended->end(), payload_ids.begin(), payload_ids.end());
  return absl::OkStatus();
}

}  // namespace longshore::executor
