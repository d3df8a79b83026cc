// Tells workers to stop tasks that were asked to be stopped.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_CANCEL_SENDER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_CANCEL_SENDER_H_

#include <cstdint>
#include <set>

#include "api_server/executor/worker_registry.h"
#include "common/work_queue.h"
#include "storage/database.h"

namespace longshore::executor {

// Thread-safe. A signal is a hint, for whoever has any role of the database can send one: what is
// to be stopped is what the tasks' rows say.
class CancelSender {
 public:
  // `work` asks the database. All of them must outlive the sender.
  CancelSender(storage::Database* database, WorkerRegistry* workers, WorkQueue* work)
      : database_(*database), workers_(*workers), work_(*work) {}

  // Looks which of the tasks are to be stopped, and tells the workers. Does not block.
  void Look(const std::set<int64_t>& task_ids);

 private:
  storage::Database& database_;
  WorkerRegistry& workers_;
  WorkQueue& work_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_CANCEL_SENDER_H_
