#include "storage/payload_log.h"

#include <glog/logging.h>

#include <cstdio>
#include <utility>

namespace longshore::storage {
namespace {

std::string Line(const Row& row, const std::string& what, const std::string& more = "") {
  return "payload " + row.String("id") + " " + what + ": deployment " +
         row.String("deployment_id") + ", instance " + row.String("instance_id") + ", task " +
         row.String("task_id") + ", attempt " + row.String("attempt") + more;
}

void WriteAfterCommit(Connection& connection, std::vector<std::string> lines) {
  if (lines.empty()) return;
  connection.AfterCommit([lines = std::move(lines)] {
    for (const std::string& line : lines) LOG(INFO) << line;
  });
}

void Log(Connection& connection, const Result& payloads, const std::string& what) {
  std::vector<std::string> lines;
  lines.reserve(payloads.rows());
  for (const Row row : payloads) lines.push_back(Line(row, what));
  WriteAfterCommit(connection, std::move(lines));
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
  Log(connection, payloads, "accepted");
}

void LogAskedToRun(Connection& connection, const Result& payloads) {
  Log(connection, payloads, "asked to run");
}

void LogStarted(Connection& connection, const Result& payloads) {
  Log(connection, payloads, "started");
}

void LogDelivered(Connection& connection, const Result& payloads) {
  std::vector<std::string> lines;
  for (const Row row : payloads) {
    if (!row.Bool("execute_payload")) lines.push_back(Line(row, "delivered"));
  }
  WriteAfterCommit(connection, std::move(lines));
}

void LogEnded(Connection& connection, const Result& payloads) {
  std::vector<std::string> lines;
  lines.reserve(payloads.rows());
  for (const Row row : payloads) {
    if (row.IsNull("id")) continue;
    std::string how = "ended " + row.String("status");
    if (!row.Text("failure_reason").empty()) how += " (" + row.String("failure_reason") + ")";
    lines.push_back(Line(row, how, OutcomeOf(row)));
  }
  WriteAfterCommit(connection, std::move(lines));
}

}  // namespace longshore::storage
