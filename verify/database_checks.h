// Checks of a live database against the invariants of docs/guarantees.md.
//
// Each check is a file of checks/. It is independent of the code that writes: its SQL is derived
// from the contract and the schema alone, so that a fault of a store shows. Only the connection is
// shared, and the way in which statements get into the program.
#ifndef LONGSHORE_VERIFY_DATABASE_CHECKS_H_
#define LONGSHORE_VERIFY_DATABASE_CHECKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/policy.h"
#include "storage/connection.h"
#include "verify/violation.h"

namespace longshore::verify {

struct DatabaseOptions {
  int64_t max_output_bytes = policy::kMaxOutputBytes;  // The api_servers' --max_output_bytes.
  int max_running_per_instance =
      policy::kMaxRunningPerInstance;  // The api_servers' --max_running_per_instance.
  // Nothing is under way or asked for: every payload must be terminal or rest in TRANSFERRED,
  // nothing may be left to clean up.
  bool quiescent = false;
};

// All checks, in one read-only snapshot, so that work that goes on meanwhile shows as it was at one
// moment; at most 20 violations of a check. Errors: those of the connection; FailedPrecondition
// when the database is not Longshore's.
absl::StatusOr<std::vector<Violation>> CheckDatabase(storage::Connection& connection,
                                                     const DatabaseOptions& options);

// The names of the checks, in order.
std::vector<std::string> DatabaseCheckNames();

}  // namespace longshore::verify

#endif  // LONGSHORE_VERIFY_DATABASE_CHECKS_H_
