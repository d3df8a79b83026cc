// Checks log files for secrets.
#ifndef LONGSHORE_VERIFY_LOG_CHECKS_H_
#define LONGSHORE_VERIFY_LOG_CHECKS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "verify/violation.h"

namespace longshore::verify {

// Looks in the files `logs` for private keys, and for the first line of each file of
// `secret_files`. The violations do not repeat what was found. Errors: NotFound when a file cannot
// be read.
absl::StatusOr<std::vector<Violation>> CheckLogs(const std::vector<std::string>& logs,
                                                 const std::vector<std::string>& secret_files);

}  // namespace longshore::verify

#endif  // LONGSHORE_VERIFY_LOG_CHECKS_H_
