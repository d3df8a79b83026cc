// Checks what api_servers tell of the installation against its rows.
#ifndef LONGSHORE_VERIFY_METRICS_CHECKS_H_
#define LONGSHORE_VERIFY_METRICS_CHECKS_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/connection.h"
#include "verify/violation.h"

namespace longshore::verify {

// How many tasks have not ended, by type and status, in lower case. One that is left out is 0.
using OpenTasks = std::map<std::pair<std::string, std::string>, double>;

// Returns what a page in Prometheus' text format says of them. Errors: InvalidArgument when it says
// nothing of Longshore, or that its server has not reached the database.
absl::StatusOr<OpenTasks> ReadOpenTasks(std::string_view page);

// Where an api_server's /metrics are.
struct MetricsSource {
  std::string url;      // "https://host:port", or with the path.
  std::string token;    // A VIEWER's of every project; empty where /metrics are open.
  std::string ca_file;  // Empty: the system's certificates count.
};

// Compares each page with the rows. Rows move while work goes on: only a number that the rows had
// before the page and after it is held against it, and only when the page differs three times.
// Errors: those of the connection; Unavailable when a page cannot be read.
absl::StatusOr<std::vector<Violation>> CheckMetrics(storage::Connection& connection,
                                                    const std::vector<MetricsSource>& sources);

// The same over `read_page` and `read_rows`, for `where`.
absl::StatusOr<std::vector<Violation>> CompareOpenTasks(
    const std::string& where, const std::function<absl::StatusOr<OpenTasks>()>& read_page,
    const std::function<absl::StatusOr<OpenTasks>()>& read_rows);

}  // namespace longshore::verify

#endif  // LONGSHORE_VERIFY_METRICS_CHECKS_H_
