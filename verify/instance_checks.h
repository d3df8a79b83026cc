// Checks what is left behind on the instances themselves, against the database.
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
  int checked = 0;  // How many instances were looked at.
  int others = 0;   // Run directories and uploads that are not this database's.
  // The instances that could not be looked at, so that nothing is known about them, for example
  // "instance 3: why".
  std::vector<std::string> unreachable;
};

// Looks at every instance that may have received something, with the system's `ssh`, the private
// key in the file `key_file` and the host keys pinned in the database, by the way that workers go.
// It looks for run directories and unfinished uploads of this database's runs that belong to no
// open payload and to no cleanup. Those of other installations are counted. Nothing is changed.
// What is under way meanwhile does not count as left behind. Blocks. Errors: those of the
// connection.
absl::StatusOr<InstanceReport> CheckInstances(storage::Connection& connection,
                                              const std::string& key_file);

}  // namespace longshore::verify

#endif  // LONGSHORE_VERIFY_INSTANCE_CHECKS_H_
