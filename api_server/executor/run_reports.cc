#include "api_server/executor/run_reports.h"

#include <map>
#include <utility>

#include "api_server/executor/event_rules.h"

namespace longshore::executor {
namespace {

using storage::RunReports;

// How far the life of a run has come within the batch.
enum class Phase { kNothing, kArrived, kStarted, kPrinting, kCompleted };

struct Run {
  storage::HeldLease lease;
  Phase phase = Phase::kNothing;
  std::string remote_path;  // Since it arrived.
};

// Not thread-safe. Each Add returns false for what is not as usual.
class ReportReader {
 public:
  explicit ReportReader(const OutputLimit& limit) : limit_(limit) {}

  bool Add(const ReportedEvent& reported) {
    const v1::TaskEvent& event = *reported.event;
    if (!CheckEvent(event, limit_.head).ok()) return false;
    if (event.has_cleaned()) {
      reports_.cleaned.push_back(reported.cleaned_run());
      return true;
    }
    Run& run = runs_.try_emplace(event.task_id(), Run{.lease = reported.lease()}).first->second;
    if (run.lease != reported.lease()) return false;
    switch (event.kind_case()) {
      case v1::TaskEvent::kTransferred:
        run.remote_path = event.transferred().remote_path();
        return run.remote_path.starts_with('/') && Advance(&run, Phase::kNothing, Phase::kArrived);
      case v1::TaskEvent::kExecuting:
        reports_.starts.push_back({.lease = run.lease, .remote_path = run.remote_path});
        return !event.executing().ended() && Advance(&run, Phase::kArrived, Phase::kStarted);
      case v1::TaskEvent::kOutput:
        return AddOutput(event.output(), &run);
      case v1::TaskEvent::kFinished:
        return AddCompletion(event.finished(), &run);
      default:
        return false;
    }
  }

  // Returns all of it; nothing when a script has arrived that has not been started yet.
  std::optional<RunReports> Take() && {
    for (const auto& [task_id, run] : runs_) {
      if (run.phase == Phase::kArrived) return std::nullopt;
    }
    return std::move(reports_);
  }

 private:
  // The run comes to phase `to`, unless it has been past `from`.
  static bool Advance(Run* run, Phase from, Phase to) {
    if (run->phase > from) return false;
    run->phase = to;
    return true;
  }

  bool AddOutput(const v1::OutputChunk& output, Run* run) {
    const int64_t end = output.offset() + static_cast<int64_t>(output.data().size());
    reports_.output.push_back(
        {.lease = run->lease, .offset = output.offset(), .data = output.data()});
    return end <= limit_.total() && run->phase != Phase::kArrived &&
           Advance(run, Phase::kPrinting, Phase::kPrinting);
  }

  bool AddCompletion(const v1::Finished& finished, Run* run) {
    storage::CompletionReport completion{.lease = run->lease,
                                         .output_bytes = finished.output_bytes(),
                                         .output_missing = finished.output_missing(),
                                         .run_directory = finished.run_directory()};
    if (finished.has_execution_time()) {
      completion.execution_time_us = ExecutionTimeUs(finished);
    }
    reports_.completions.push_back(std::move(completion));
    return finished.status() == v1::PAYLOAD_STATUS_COMPLETED && finished.error().empty() &&
           finished.output_bytes() <= limit_.total() && run->phase != Phase::kArrived &&
           Advance(run, Phase::kPrinting, Phase::kCompleted);
  }

  const OutputLimit& limit_;
  std::map<int64_t, Run> runs_;  // By task.
  RunReports reports_;
};

}  // namespace

std::optional<RunReports> ReadRunReports(const std::vector<ReportedEvent>& events,
                                         const OutputLimit& limit) {
  ReportReader reader(limit);
  for (const ReportedEvent& reported : events) {
    if (!reader.Add(reported)) return std::nullopt;
  }
  return std::move(reader).Take();
}

}  // namespace longshore::executor
