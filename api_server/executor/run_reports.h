// Recognises batches of events that tell only of runs that go well.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_RUN_REPORTS_H_
#define LONGSHORE_API_SERVER_EXECUTOR_RUN_REPORTS_H_

#include <optional>
#include <vector>

#include "api_server/executor/event_applier.h"
#include "common/output_limit.h"
#include "storage/runs/run_reports.h"

namespace longshore::executor {

// Returns what `events` tell, or nothing when one of them tells of anything else, is not as
// event_rules.h asks, or has more output than is kept.
std::optional<storage::RunReports> ReadRunReports(const std::vector<ReportedEvent>& events,
                                                  const OutputLimit& limit);

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_RUN_REPORTS_H_
