#include "storage/runs/run_reports.h"

#include "common/status_macros.h"
#include "storage/payload_log.h"
#include "storage/queries/queries.h"
#include "storage/webhook_store.h"

namespace longshore::storage {
namespace {

template <typename Report>
std::vector<HeldLease> LeasesOf(const std::vector<Report>& reports) {
  std::vector<HeldLease> leases;
  leases.reserve(reports.size());
  for (const Report& report : reports) leases.push_back(report.lease);
  return leases;
}

// All tasks of which something is told, each once.
std::vector<HeldLease> LeasesOf(const RunReports& reports) {
  std::set<HeldLease> leases;
  for (const StartReport& report : reports.starts) leases.insert(report.lease);
  for (const OutputReport& report : reports.output) leases.insert(report.lease);
  for (const CompletionReport& report : reports.completions) leases.insert(report.lease);
  return {leases.begin(), leases.end()};
}

Statement StartStatement(const RunReports& reports, const RunReportOptions& options) {
  std::vector<std::string> remote_paths;
  for (const StartReport& start : reports.starts) remote_paths.push_back(start.remote_path);
  return {.query = queries::kStartHeldRuns,
          .params = LeaseParams(LeasesOf(reports.starts))
                        .Texts("remote_paths", remote_paths)
                        .Int("delivery_timeout_seconds", options.delivery_timeout.count())
                        .Int("grace_seconds", options.grace.count())};
}

Statement OutputStatement(const RunReports& reports, const RunReportOptions& options) {
  std::vector<int64_t> starts;
  std::vector<int64_t> ends;
  std::vector<std::string> data;
  for (const OutputReport& output : reports.output) {
    starts.push_back(output.offset);
    ends.push_back(output.offset + static_cast<int64_t>(output.data.size()));
    data.push_back(output.data);
  }
  return {.query = queries::kAppendHeldOutput,
          .params = LeaseParams(LeasesOf(reports.output))
                        .Ints("start_bytes", starts)
                        .Ints("end_bytes", ends)
                        .BytesArray("data", data)
                        .Int("kept_bytes", options.limit.total())};
}

Statement CompletionStatement(const RunReports& reports, const RunReportOptions& options,
                              bool tells_webhooks) {
  std::vector<std::optional<int64_t>> times;
  std::vector<int64_t> output_bytes;
  std::vector<bool> missing;
  std::vector<bool> run_directories;
  for (const CompletionReport& completion : reports.completions) {
    times.push_back(completion.execution_time_us);
    output_bytes.push_back(completion.output_bytes);
    missing.push_back(completion.output_missing);
    run_directories.push_back(completion.run_directory);
  }
  return {.query = queries::kCompleteHeldRuns,
          .params = LeaseParams(LeasesOf(reports.completions))
                        .OptionalInts("execution_times_us", times)
                        .Ints("output_bytes", output_bytes)
                        .Bools("output_missing", missing)
                        .Bools("run_directories", run_directories)
                        .Int("max_output_bytes", options.limit.total())
                        .Bool("webhooks_are_told", tells_webhooks)};
}

// Reads the results of the statements, in their order.
class Reader {
 public:
  explicit Reader(const std::vector<Result>& results) : next_(results.begin()) {}

  const Result& Next() { return *next_++; }
  // Of a statement that gives a row for each report of a task that its sender holds.
  const Result& NextOf(size_t reports, StoredReports* stored) {
    const Result& result = Next();
    size_t held = 0;
    for (const Row row : result) {
      if (row.IsNull("held_payload_id")) continue;
      ++held;
      stored->payloads.insert(row.Int("held_payload_id"));
    }
    stored->complete = stored->complete && held == reports;
    return result;
  }

 private:
  std::vector<Result>::const_iterator next_;
};

}  // namespace

absl::StatusOr<StoredReports> StoreRunReports(Connection& connection, const RunReports& reports,
                                              const RunReportOptions& options,
                                              bool tells_webhooks) {
  const bool starts = !reports.starts.empty();
  const bool prints = !reports.output.empty();
  const bool completes = !reports.completions.empty();
  const bool tells = completes && tells_webhooks;
  // A statement locks its own tasks, so that only several have to have them locked before, all in
  // the order of their ids. No claim must miss the places that become free.
  const bool holds = completes || (starts && prints);

  std::vector<Statement> statements;
  if (holds) {
    statements.push_back(
        {.query = queries::kHoldTasks,
         .params = LeaseParams(LeasesOf(reports)).Bool("with_capacity", completes)});
  }
  if (starts) statements.push_back(StartStatement(reports, options));
  if (prints) statements.push_back(OutputStatement(reports, options));
  if (completes) statements.push_back(CompletionStatement(reports, options, tells_webhooks));
  if (tells) {
    std::vector<int64_t> task_ids;
    for (const CompletionReport& completion : reports.completions) {
      task_ids.push_back(completion.lease.task_id);
    }
    statements.push_back(webhook_store::TellOfEndedStatement(task_ids));
  }
  if (!reports.cleaned.empty()) {
    statements.push_back(lease_store::DeleteCleanupsStatement(reports.cleaned));
  }
  ASSIGN_OR_RETURN(const std::vector<Result> results, connection.ExecuteTogether(statements));

  StoredReports stored{.complete = true, .has_webhooks = tells_webhooks};
  Reader reader(results);
  if (holds) reader.Next();
  if (starts) LogStarted(connection, reader.NextOf(reports.starts.size(), &stored));
  if (prints) reader.NextOf(reports.output.size(), &stored);
  if (!completes) return stored;
  const Result& completed = reader.Next();
  LogEnded(connection, completed);
  const Row all = completed.first();
  stored.freed = all.Bool("freed");
  stored.has_webhooks = all.Bool("has_webhooks");
  const std::vector<int64_t> payloads = all.IntArray("payloads_of_ended");
  stored.payloads.insert(payloads.begin(), payloads.end());
  stored.complete = stored.complete && payloads.size() == reports.completions.size();
  return stored;
}

}  // namespace longshore::storage
