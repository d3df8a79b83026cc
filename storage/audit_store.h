// The audit_events table. Its rows are never changed or deleted.
#ifndef LONGSHORE_STORAGE_AUDIT_STORE_H_
#define LONGSHORE_STORAGE_AUDIT_STORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "longshore/v1/access.pb.h"
#include "storage/connection.h"
#include "storage/rows.h"
#include "storage/scope.h"

namespace longshore::storage {

// Which events to list. Times in microseconds since the epoch; 0 or empty: any.
struct AuditFilter {
  int64_t from = 0;
  int64_t to = 0;  // Not included.
  std::string project;
  std::string principal;
};

namespace audit_store {

// Inserts an event; its id and time are the database's.
absl::Status Insert(Connection& connection, const v1::AuditEvent& event);
// Lists events of projects in `scope` by descending id; page.after is the last id of the previous
// page. Events of no project are for those who see everything.
absl::StatusOr<std::vector<v1::AuditEvent>> List(Connection& connection, const Scope& scope,
                                                 const AuditFilter& filter, Page page);

}  // namespace audit_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_AUDIT_STORE_H_
