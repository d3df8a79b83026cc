#include "storage/payload_log.h"

#include <glog/logging.h>

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "common/log_fields.h"
#include "common/metrics.h"
#include "common/trace_context.h"

namespace longshore::storage {
namespace {

std::string Line(const Row& row, const std::string& what, const std::string& more = "") {
  return "payload " + row.String("id") + " " + what + ": deployment " +
         row.String("deployment_id") + ", instance " + row.String("instance_id") + ", task " +
         row.String("task_id") + ", attempt " + row.String("attempt") + more;
}

std::vector<LogField> Fields(const Row& row) {
  return {{"payload_id", row.Int("id")},           {"deployment_id", row.Int("deployment_id")},
          {"instance_id", row.Int("instance_id")}, {"task_id", row.Int("task_id")},
          {"attempt", row.Int("attempt")},         {"project", row.String("project")}};
}

// What a payload's task tells (the fragment task_of_payload).
struct OfTask {
  std::string worker;
  std::string traceparent;
  // Milliseconds; nothing when they are not known.
  std::optional<int64_t> waited;
  std::optional<int64_t> delivered;
  std::optional<int64_t> total;
};

std::optional<int64_t> ReadMilliseconds(const std::string& text) {
  int64_t value = 0;
  return absl::SimpleAtoi(text, &value) ? std::optional(value) : std::nullopt;
}

OfTask ReadOfTask(const Row& row) {
  const std::vector<std::string> parts = row.TextArray("of_task");
  if (parts.size() != 5) return {};  // The task is gone.
  return {.worker = parts[0],
          .traceparent = parts[1],
          .waited = ReadMilliseconds(parts[2]),
          .delivered = ReadMilliseconds(parts[3]),
          .total = ReadMilliseconds(parts[4])};
}

std::vector<LogField> Fields(const Row& row, const OfTask& of_task) {
  std::vector<LogField> fields = Fields(row);
  if (!of_task.worker.empty()) fields.push_back({"worker", of_task.worker});
  AddTraceId(of_task.traceparent, &fields);
  for (const auto& [name, value] : {std::pair("waited_ms", of_task.waited),
                                    {"delivery_ms", of_task.delivered},
                                    {"total_ms", of_task.total}}) {
    if (value.has_value()) fields.push_back({name, *value});
  }
  return fields;
}

std::string Seconds(int64_t milliseconds) {
  return absl::StrFormat("%.3f s", static_cast<double>(milliseconds) / 1e3);
}

// How long the phases so far have taken.
std::string PhasesOf(const OfTask& of_task) {
  std::string phases;
  if (of_task.waited.has_value()) phases += ", waited " + Seconds(*of_task.waited);
  if (of_task.delivered.has_value()) phases += ", delivered in " + Seconds(*of_task.delivered);
  return phases;
}

struct PayloadMetrics {
  prometheus::Family<metrics::Counter>& steps = metrics::Counters(
      "longshore_payload_steps_total", "Steps of payloads that were stored, but for their ends.");
  prometheus::Family<metrics::Counter>& ends = metrics::Counters(
      "longshore_payloads_ended_total", "Payloads that have ended, by status and reason.");
};

PayloadMetrics& Metrics() {
  static auto* const kMetrics = new PayloadMetrics();
  return *kMetrics;
}

// What becomes of a payload: a line of the log, what it is about, and what is counted.
struct Note {
  std::string line;
  std::vector<LogField> fields;
  prometheus::Family<metrics::Counter>& counters;
  prometheus::Labels labels;
  std::string traceparent{};
};

void WriteAfterCommit(Connection& connection, std::vector<Note> notes) {
  if (notes.empty()) return;
  connection.AfterCommit([notes = std::move(notes)] {
    for (const Note& note : notes) {
      const LogFields fields(note.fields);
      LOG(INFO) << note.line;
      metrics::Increment(note.counters, note.labels, note.traceparent);
    }
  });
}

// Of steps that no worker has a part in.
void Log(Connection& connection, const Result& payloads, const std::string& what) {
  std::vector<Note> notes;
  notes.reserve(payloads.rows());
  for (const Row row : payloads) {
    notes.push_back({.line = Line(row, what),
                     .fields = Fields(row),
                     .counters = Metrics().steps,
                     .labels = {{"step", what}}});
  }
  WriteAfterCommit(connection, std::move(notes));
}

// Whether a payload takes this step.
using Takes = bool (*)(const Row& row);

void LogOfWorker(Connection& connection, const Result& payloads, const std::string& what,
                 Takes takes) {
  std::vector<Note> notes;
  notes.reserve(payloads.rows());
  for (const Row row : payloads) {
    if (!takes(row)) continue;
    const OfTask of_task = ReadOfTask(row);
    notes.push_back({.line = Line(row, what, PhasesOf(of_task)),
                     .fields = Fields(row, of_task),
                     .counters = Metrics().steps,
                     .labels = {{"step", what}},
                     .traceparent = of_task.traceparent});
  }
  WriteAfterCommit(connection, std::move(notes));
}

prometheus::Labels EndLabels(const Row& row) {
  return {{"status", absl::AsciiStrToLower(row.String("status"))},
          {"failure_reason", absl::AsciiStrToLower(row.String("failure_reason"))}};
}

// The run's exit status and time, as far as they are known.
std::string OutcomeOf(const Row& row) {
  std::string outcome;
  if (!row.IsNull("exit_code")) outcome += ", exit code " + row.String("exit_code");
  if (!row.IsNull("execution_time_us")) {
    outcome += ", ran " + Seconds(row.Int("execution_time_us") / 1000);
  }
  return outcome;
}

}  // namespace

void LogAccepted(Connection& connection, const Result& payloads) {
  Log(connection, payloads, "accepted");
}

void LogAskedToRun(Connection& connection, const Result& payloads) {
  Log(connection, payloads, "asked to run");
}

void LogStarted(Connection& connection, const Result& payloads) {
  LogOfWorker(connection, payloads, "started", [](const Row& row) { return !row.IsNull("id"); });
}

void LogDelivered(Connection& connection, const Result& payloads) {
  LogOfWorker(connection, payloads, "delivered",
              [](const Row& row) { return !row.Bool("execute_payload"); });
}

void LogEnded(Connection& connection, const Result& payloads) {
  std::vector<Note> notes;
  notes.reserve(payloads.rows());
  for (const Row row : payloads) {
    if (row.IsNull("id")) continue;
    std::string how = "ended " + row.String("status");
    if (!row.Text("failure_reason").empty()) how += " (" + row.String("failure_reason") + ")";
    const OfTask of_task = ReadOfTask(row);
    std::string outcome = OutcomeOf(row) + PhasesOf(of_task);
    if (of_task.total.has_value()) outcome += ", in all " + Seconds(*of_task.total);
    std::vector<LogField> fields = Fields(row, of_task);
    if (!row.IsNull("execution_time_us")) {
      fields.push_back({"run_ms", row.Int("execution_time_us") / 1000});
    }
    notes.push_back({.line = Line(row, how, outcome),
                     .fields = std::move(fields),
                     .counters = Metrics().ends,
                     .labels = EndLabels(row),
                     .traceparent = of_task.traceparent});
  }
  WriteAfterCommit(connection, std::move(notes));
}

}  // namespace longshore::storage
