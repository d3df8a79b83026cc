// What goes when it is old enough.
#ifndef LONGSHORE_STORAGE_RETENTION_STORE_H_
#define LONGSHORE_STORAGE_RETENTION_STORE_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

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

// How many rows went, by their kind: "payloads", "tasks", "deployments" and so on.
using Pruned = std::map<std::string, int64_t>;

namespace retention_store {

// Takes up to `limit` rows of each kind; the kinds that hang on payloads only once no more payloads
// are to go. Call it in a transaction, and again until it returns nothing. Returns nothing at once
// while somebody else prunes. The audit is left alone where this role may not delete from it.
absl::StatusOr<Pruned> Prune(Connection& connection, const Retention& retention, int64_t limit);

}  // namespace retention_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_RETENTION_STORE_H_
