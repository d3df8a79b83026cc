// Checks a live database against the invariants of docs/guarantees.md.
//
// Each check is a file of checks/. It is independent of the code that writes: its SQL is derived
// from the contract and the schema alone, so that it shows the faults of a store. It shares only
// the connection with that code, and how statements get into the program.
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
  // Says that nothing is under way or asked for: every payload must be terminal or rest in
  // TRANSFERRED, and nothing may be left to clean up.
  bool quiescent = false;
};

// Runs all checks in one read-only snapshot, so that work under way is seen as it was at one
// moment. Returns at most 20 violations for each check. Errors: those of the connection;
// FailedPrecondition when the database is not Longshore's.
absl::StatusOr<std::vector<Violation>> CheckDatabase(storage::Connection& connection,
                                                     const DatabaseOptions& options);

// Returns the names of the checks, in their order.
std::vector<std::string> DatabaseCheckNames();

}  // namespace longshore::verify

#endif  // LONGSHORE_VERIFY_DATABASE_CHECKS_H_
