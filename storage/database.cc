#include "storage/database.h"

#include <utility>

#include "common/fail_point.h"
#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {
namespace {

// Enough for a deadlock or a lock timeout to pass; a longer fight is the caller's to report.
constexpr int kMaxTries = 5;

}  // namespace

Database::Database(DatabaseOptions options) : options_(std::move(options)) {}

Database::~Database() = default;

absl::StatusOr<std::unique_ptr<Connection>> Database::Acquire() {
  const auto deadline = std::chrono::steady_clock::now() + options_.acquire_timeout;
  {
    MutexLock lock(&mutex_);
    while (idle_.empty() && open_ >= options_.max_connections) {
      if (std::chrono::steady_clock::now() >= deadline) {
        return absl::UnavailableError("the database is busy: no connection became free in time");
      }
      returned_.WaitUntil(&mutex_, deadline);
    }
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
    ++open_;
  }
  auto connection = Connection::Open(options_.url);
  if (!connection.ok()) {
    MutexLock lock(&mutex_);
    --open_;
    returned_.NotifyOne();
  }
  return connection;
}

void Database::Return(std::unique_ptr<Connection> connection) {
  MutexLock lock(&mutex_);
  if (connection->healthy()) {
    idle_.push_back(std::move(connection));
  } else {
    // The idle ones most likely share its fate; they are opened again when needed.
    open_ -= 1 + static_cast<int>(idle_.size());
    idle_.clear();
  }
  returned_.NotifyOne();
}

absl::Status Database::WithConnection(const std::function<absl::Status(Connection&)>& body) {
  ASSIGN_OR_RETURN(auto connection, Acquire());
  absl::Status status = body(*connection);
  const auto after_commit = connection->TakeAfterCommit();
  Return(std::move(connection));
  if (status.ok()) {
    for (const auto& tell : after_commit) tell();
  }
  return status;
}

Database::Usage Database::usage() {
  MutexLock lock(&mutex_);
  return {.open = open_, .idle = static_cast<int>(idle_.size())};
}

absl::Status Database::Repeat(const std::function<absl::Status(Connection&, bool* begun)>& body) {
  absl::Status status;
  for (int i = 0; i < kMaxTries; ++i) {
    bool begun = false;
    status = WithConnection([&](Connection& connection) { return body(connection, &begun); });
    // A pooled connection may have died while it was idle: nothing has happened yet, so try
    // another.
    const bool stale = absl::IsUnavailable(status) && !begun && i == 0;
    if (!absl::IsAborted(status) && !stale) break;
  }
  return status;
}

absl::Status Database::Transact(const std::function<absl::Status(Connection&)>& body) {
  return Repeat([&](Connection& connection, bool* begun) {
    RETURN_IF_ERROR(connection.ExecuteScript("BEGIN"));
    *begun = true;
    if (absl::Status result = body(connection); !result.ok()) {
      if (connection.healthy()) connection.ExecuteScript("ROLLBACK").IgnoreError();
      return result;
    }
    LONGSHORE_FAIL_POINT("database.committing");
    RETURN_IF_ERROR(connection.ExecuteScript("COMMIT"));
    LONGSHORE_RETURN_IF_FAIL_POINT("database.committed");
    return absl::OkStatus();
  });
}

absl::Status Database::TransactAtOnce(const std::function<absl::Status(Connection&)>& body) {
  return Repeat([&](Connection& connection, bool* begun) {
    if (connection.IsStale()) return absl::UnavailableError("the database ended the connection");
    *begun = true;
    LONGSHORE_FAIL_POINT("database.committing");
    RETURN_IF_ERROR(body(connection));
    LONGSHORE_RETURN_IF_FAIL_POINT("database.committed");
    return absl::OkStatus();
  });
}

absl::Status Database::Run(const std::function<absl::Status(Connection&)>& body) {
  absl::Status status;
  for (int i = 0; i < kMaxTries; ++i) {
    status = WithConnection(body);
    // Once more on a fresh connection: a pooled one may have died while it was idle. Only for what
    // reads or is harmless twice.
    if (!absl::IsAborted(status) && !(absl::IsUnavailable(status) && i == 0)) break;
  }
  return status;
}

absl::Status Database::Notify(const std::string& channel, const std::string& payload) {
  return Run([&](Connection& connection) {
    return connection
        .Execute(queries::kNotify, Params().Text("channel", channel).Text("payload", payload))
        .status();
  });
}

absl::StatusOr<bool> Database::HasOtherListeners(const std::string& channel, int own_pid) {
  bool others = true;
  RETURN_IF_ERROR(Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const Result result,
                     connection.Execute(queries::kFindOtherListeners,
                                        Params().Text("channel", channel).Int("own_pid", own_pid)));
    others = result.first().Bool("others");
    return absl::OkStatus();
  }));
  return others;
}

}  // namespace longshore::storage
