#include "storage/payload_log.h"

#include <glog/logging.h>

#include <cstdio>
#include <utility>

#include "absl/strings/ascii.h"
#include "common/log_fields.h"
#include "common/metrics.h"

namespace longshore::storage {
namespace {

std::string Line(const Row& row, const std::string& what, const std::string& more = "") {
  return "payload " + row.String("id") + " " + what + ": deployment " +
         row.String("deployment_id") + ", instance " + row.String("instance_id") + ", task " +
         row.String("task_id") + ", attempt " + row.String("attempt") + more;
}

// Whether a worker has had it in hand.
enum class By { kNobody, kWorker };

std::vector<LogField> Fields(const Row& row, By by) {
  std::vector<LogField> fields{
      {"payload_id", row.Int("id")},           {"deployment_id", row.Int("deployment_id")},
      {"instance_id", row.Int("instance_id")}, {"task_id", row.Int("task_id")},
      {"attempt", row.Int("attempt")},         {"project", row.String("project")}};
  if (by == By::kNobody) return fields;
  if (std::string worker = row.String("worker"); !worker.empty()) {
    fields.push_back({"worker", std::move(worker)});
  }
  return fields;
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
  metrics::Counter* counter = nullptr;
};

void WriteAfterCommit(Connection& connection, std::vector<Note> notes) {
  if (notes.empty()) return;
  connection.AfterCommit([notes = std::move(notes)] {
    for (const Note& note : notes) {
      const LogFields fields(note.fields);
      LOG(INFO) << note.line;
      note.counter->Increment();
    }
  });
}

// Whether a payload takes this step.
using Takes = bool (*)(const Row& row);

void Log(
    Connection& connection, const Result& payloads, const std::string& what, By by,
    Takes takes = [](const Row&) { return true; }) {
  metrics::Counter& counter = Metrics().steps.Add({{"step", what}});
  std::vector<Note> notes;
  notes.reserve(payloads.rows());
  for (const Row row : payloads) {
    if (!takes(row)) continue;
    notes.push_back({.line = Line(row, what), .fields = Fields(row, by), .counter = &counter});
  }
  WriteAfterCommit(connection, std::move(notes));
}

metrics::Counter& EndCounter(const Row& row) {
  return Metrics().ends.Add(
      {{"status", absl::AsciiStrToLower(row.String("status"))},
       {"failure_reason", absl::AsciiStrToLower(row.String("failure_reason"))}});
}

std::string Seconds(int64_t microseconds) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3f s", static_cast<double>(microseconds) / 1e6);
  return text;
}

// The run's exit status and time, as far as they are known.
std::string OutcomeOf(const Row& row) {
  std::string outcome;
  if (!row.IsNull("exit_code")) outcome += ", exit code " + row.String("exit_code");
  if (!row.IsNull("execution_time_us")) outcome += ", ran " + Seconds(row.Int("execution_time_us"));
  return outcome;
}

}  // namespace

void LogAccepted(Connection& connection, const Result& payloads) {
  Log(connection, payloads, "accepted", By::kNobody);
}

void LogAskedToRun(Connection& connection, const Result& payloads) {
  Log(connection, payloads, "asked to run", By::kNobody);
}

void LogStarted(Connection& connection, const Result& payloads) {
  Log(connection, payloads, "started", By::kWorker);
}

void LogDelivered(Connection& connection, const Result& payloads) {
  Log(connection, payloads, "delivered", By::kWorker,
      [](const Row& row) { return !row.Bool("execute_payload"); });
}

void LogEnded(Connection& connection, const Result& payloads) {
  std::vector<Note> notes;
  notes.reserve(payloads.rows());
  for (const Row row : payloads) {
    if (row.IsNull("id")) continue;
    std::string how = "ended " + row.String("status");
    if (!row.Text("failure_reason").empty()) how += " (" + row.String("failure_reason") + ")";
    notes.push_back({.line = Line(row, how, OutcomeOf(row)),
                     .fields = Fields(row, By::kWorker),
                     .counter = &EndCounter(row)});
  }
  WriteAfterCommit(connection, std::move(notes));
}

}  // namespace longshore::storage
