// What goes when it is old enough.
#ifndef LONGSHORE_STORAGE_RETENTION_STORE_H_
#define LONGSHORE_STORAGE_RETENTION_STORE_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/connection.h"

namespace longshore::storage {

// How long things are kept; 0: for ever. The defaults are the contract's.
struct Retention {
  // Payloads that have ended, with their output and tasks, deployments without payloads, unused
  // scripts, terminated instances, and workers that were not seen.
  std::chrono::seconds payloads = std::chrono::hours(90 * 24);
  std::chrono::seconds request_ids = std::chrono::hours(7 * 24);
  std::chrono::seconds audit = std::chrono::hours(400 * 24);
};

// The audit of the last 30 days stays whatever is asked for (migrations/0015_retention.sql).
inline constexpr std::chrono::hours kLeastAuditRetention{30 * 24};

// How many rows go, by their kind: "payloads", "tasks", "deployments" and so on.
using Pruned = std::map<std::string, int64_t>;

namespace retention_store {

// What is pruned together. The kinds that hang on payloads come after them.
enum class Step { kRequestIds, kAudit, kPayloads, kInstanceTasks, kInstances, kScripts, kWorkers };

// Returns all of them, in their order.
const std::vector<Step>& Steps();

// Removes up to `limit` rows. Call it in a transaction of its own, and again until it returns
// nothing. Returns nullopt while somebody else prunes. The audit is left alone where this role may
// not delete from it. Errors: also Aborted, when somebody holds a lock for long.
absl::StatusOr<std::optional<Pruned>> Prune(Connection& connection, const Retention& retention,
                                            Step step, int64_t limit);

// Returns how many rows would go now, and in the end. Reads only.
absl::StatusOr<Pruned> Count(Connection& connection, const Retention& retention);

}  // namespace retention_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_RETENTION_STORE_H_
