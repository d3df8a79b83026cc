// Checks of what is left behind on the instances themselves, against the database.
#ifndef LONGSHORE_VERIFY_INSTANCE_CHECKS_H_
#define LONGSHORE_VERIFY_INSTANCE_CHECKS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/connection.h"
#include "verify/violation.h"

namespace longshore::verify {

struct InstanceReport {
  std::vector<Violation> violations;
  int checked = 0;
  int others = 0;  // Run directories and uploads there that are not this database's.
  // "instance 3: why": those that could not be looked at, so nothing is known of them.
  std::vector<std::string> unreachable;
};

// Looks at every instance that may have been delivered to, through the system's `ssh` with the
// private key in the file `key_file` and the host key pinned in the database: run directories and
// unfinished uploads of this database's runs that belong to no open payload and to no cleanup.
// Those of other installations are counted, and none is touched. What is under way meanwhile is not
// taken for a leftover. Blocks. Errors: those of the connection.
absl::StatusOr<InstanceReport> CheckInstances(storage::Connection& connection,
                                              const std::string& key_file);

}  // namespace longshore::verify

#endif  // LONGSHORE_VERIFY_INSTANCE_CHECKS_H_
