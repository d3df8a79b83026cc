// A pool of connections, and the functions that run transactions on them.
#ifndef LONGSHORE_STORAGE_DATABASE_H_
#define LONGSHORE_STORAGE_DATABASE_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "common/policy.h"
#include "storage/connection.h"

namespace longshore::storage {

struct DatabaseOptions {
  std::string url;
  int max_connections = policy::kDatabaseConnections;
  // How long a caller waits for a free connection before it gets Unavailable.
  std::chrono::milliseconds acquire_timeout{5000};
};

// Thread-safe. Errors are those of Connection; Unavailable also when no connection is free in time.
class Database {
 public:
  explicit Database(DatabaseOptions options);
  ~Database();

  // Runs `body` between BEGIN and COMMIT, and rolls back when it returns an error.
  //
  // On Aborted (deadlock, serialization failure, lock timeout) it repeats the whole transaction a
  // few times, so `body` must have no effect outside the database. When COMMIT returns Unavailable
  // it is not known whether the transaction took effect, so what `body` writes must be safe to
  // write again.
  absl::Status Transact(const std::function<absl::Status(Connection&)>& body);

  // Runs `body`, all of which is one Connection::ExecuteTogether, and so a transaction. What is
  // said of Transact goes for it too.
  absl::Status TransactAtOnce(const std::function<absl::Status(Connection&)>& body);

  // Runs `body`, a single statement without BEGIN. On Unavailable it runs `body` once more, and on
  // Aborted a few times, so that must be harmless.
  absl::Status Run(const std::function<absl::Status(Connection&)>& body);

  // Sends a NOTIFY in a transaction of its own. A lost notification only costs time, because every
  // listener also polls slowly.
  absl::Status Notify(const std::string& channel, const std::string& payload);
  // Returns whether others may listen to the channel besides the session `own_pid`
  // (Connection::pid).
  absl::StatusOr<bool> HasOtherListeners(const std::string& channel, int own_pid);

  const std::string& url() const { return options_.url; }

  struct Usage {
    int open = 0;
    int idle = 0;  // Of those.
  };
  Usage usage() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::StatusOr<std::unique_ptr<Connection>> Acquire() ABSL_LOCKS_EXCLUDED(mutex_);
  void Return(std::unique_ptr<Connection> connection) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status WithConnection(const std::function<absl::Status(Connection&)>& body);
  // Runs `body`, which sets `*begun` before it has anything take effect, as Transact says.
  absl::Status Repeat(const std::function<absl::Status(Connection&, bool* begun)>& body);

  const DatabaseOptions options_;
  Mutex mutex_;
  CondVar returned_;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
  int open_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_DATABASE_H_
