#include "cli/tables.h"

#include <map>

#include "absl/strings/str_join.h"
#include "cli/cells.h"
#include "cli/rollout_text.h"
#include "cli/table.h"
#include "common/enum_text.h"

namespace longshore::cli {
namespace {

constexpr bool kWide = true;

}  // namespace

std::string InstanceTable(const std::vector<v1::Instance>& instances, bool wide) {
  using Row = v1::Instance;
  static const auto* const kColumns = new std::vector<Column<Row>>{
      {"ID", [](const Row& row) { return std::to_string(row.id()); }},
      {"NAME", [](const Row& row) { return row.name(); }},
      {"PROJECT", [](const Row& row) { return row.project(); }},
      {"ADDRESS", AddressText},
      {"USER", [](const Row& row) { return row.ssh_user(); }},
      {"POOL", [](const Row& row) { return row.pool(); }, kWide},
      {"BECOME", [](const Row& row) -> std::string { return row.become() ? "yes" : "no"; }, kWide},
      {"JUMP", [](const Row& row) { return OrDash(JumpText(row)); }, kWide},
      {"STATUS", [](const Row& row) { return EnumText(row.status()); }},
      {"PROVIDER", [](const Row& row) { return OrDash(row.provider()); }, kWide},
      {"REGION", [](const Row& row) { return OrDash(row.region()); }, kWide},
      {"SIZE", [](const Row& row) { return OrDash(row.size()); }, kWide},
      {"IMAGE", [](const Row& row) { return OrDash(row.image()); }, kWide},
      {"PAYLOAD", [](const Row& row) { return EnumText(row.payload_status()); }, kWide},
      {"CREATED", [](const Row& row) { return TimeText(row.created_at()); }, kWide},
      {"UPDATED", [](const Row& row) { return TimeText(row.updated_at()); }, kWide},
      {"ERROR", [](const Row& row) { return OrDash(row.status_error()); }, kWide},
      {"TAGS", [](const Row& row) { return absl::StrJoin(row.tags(), ","); }},
  };
  return MakeTable(*kColumns, instances, wide);
}

std::string PayloadTable(const std::vector<v1::Payload>& payloads, bool wide) {
  using Row = v1::Payload;
  static const auto* const kColumns = new std::vector<Column<Row>>{
      {"PAYLOAD", [](const Row& row) { return std::to_string(row.id()); }},
      {"INSTANCE", [](const Row& row) { return std::to_string(row.instance_id()); }},
      {"DEPLOYMENT", [](const Row& row) { return NumberText(row.deployment_id()); }, kWide},
      {"TASK", [](const Row& row) { return NumberText(row.task_id()); }, kWide},
      {"STATUS", StatusText},
      {"EXIT", ExitText},
      {"TIME", DurationText},
      {"TIMEOUT", [](const Row& row) { return std::to_string(row.timeout()) + "s"; }, kWide},
      {"ATTEMPT", [](const Row& row) { return std::to_string(row.attempt()); }, kWide},
      {"CREATED", [](const Row& row) { return TimeText(row.created_at()); }, kWide},
      {"STARTED", [](const Row& row) { return TimeText(row.started_at()); }, kWide},
      {"FINISHED", [](const Row& row) { return TimeText(row.finished_at()); }, kWide},
      {"OUTPUT", [](const Row& row) { return std::to_string(row.output_bytes()) + " B"; }},
      {"SCRIPT", [](const Row& row) { return row.script_sha256().substr(0, 12); }, kWide},
      {"REMOTE PATH", [](const Row& row) { return row.remote_path(); }},
      {"ERROR", [](const Row& row) { return row.error(); }},
  };
  return MakeTable(*kColumns, payloads, wide);
}

std::string PayloadSummary(const std::vector<v1::Payload>& payloads, bool wide) {
  constexpr size_t kMaxRows = 100;
  if (payloads.size() <= kMaxRows) return PayloadTable(payloads, wide);
  std::map<v1::PayloadStatus, size_t> counts;
  std::vector<v1::Payload> bad;
  for (const v1::Payload& payload : payloads) {
    ++counts[payload.status()];
    if (payload.status() == v1::PAYLOAD_STATUS_FAILED ||
        payload.status() == v1::PAYLOAD_STATUS_CANCELLED) {
      bad.push_back(payload);
    }
  }
  std::string text = bad.empty() ? "" : PayloadTable(bad, wide);
  text += std::to_string(payloads.size()) + " payloads:";
  for (const auto& [status, count] : counts) {
    text += "  " + EnumText(status) + " " + std::to_string(count);
  }
  return text + "\n";
}

std::string DeploymentTable(const std::vector<v1::Deployment>& deployments, bool wide) {
  using Row = v1::Deployment;
  static const auto* const kColumns = new std::vector<Column<Row>>{
      {"DEPLOYMENT", [](const Row& row) { return std::to_string(row.id()); }},
      {"CREATED", [](const Row& row) { return TimeText(row.created_at()); }},
      {"SCRIPT", ScriptText},
      {"SHA256", [](const Row& row) { return row.script_sha256(); }, kWide},
      {"SIZE", [](const Row& row) { return std::to_string(row.script_bytes()) + " B"; }, kWide},
      {"EXECUTE",
       [](const Row& row) -> std::string { return row.request().execute_payload() ? "yes" : "no"; },
       kWide},
      {"MAX CONCURRENCY",
       [](const Row& row) { return MaxConcurrencyText(row.request().rollout()); }, kWide},
      {"MAX ERRORS", [](const Row& row) { return MaxErrorsText(row.request().rollout()); }, kWide},
      {"WAVES", [](const Row& row) { return WavesText(row.request().rollout()); }, kWide},
      {"ROLLOUT", RolloutText},
      {"PAYLOADS", [](const Row& row) { return CountsText(row.counts()); }},
      {"STOPPED", [](const Row& row) { return OrDash(row.stop_reason()); }},
  };
  return MakeTable(*kColumns, deployments, wide);
}

std::string WorkerTable(const std::vector<v1::Worker>& workers) {
  using Row = v1::Worker;
  static const auto* const kColumns = new std::vector<Column<Row>>{
      {"NAME", [](const Row& row) { return row.name(); }},
      {"POOL", [](const Row& row) { return row.pool(); }},
      {"VERSION", [](const Row& row) { return row.version(); }},
      {"CONNECTED", [](const Row& row) { return TimeText(row.connected_at()); }},
      {"SEEN", [](const Row& row) { return TimeText(row.seen_at()); }},
      {"RUNNING", [](const Row& row) { return std::to_string(row.running()); }},
      {"CAPACITY", [](const Row& row) { return std::to_string(row.capacity()); }},
  };
  return MakeTable(*kColumns, workers, !kWide);
}

std::string TokenTable(const std::vector<v1::Token>& tokens) {
  using Row = v1::Token;
  static const auto* const kColumns = new std::vector<Column<Row>>{
      {"TOKEN", [](const Row& row) { return std::to_string(row.id()); }},
      {"NAME", [](const Row& row) { return row.name(); }},
      {"ROLE", [](const Row& row) { return EnumText(row.role()); }},
      {"PROJECTS", [](const Row& row) { return absl::StrJoin(row.projects(), ","); }},
      {"CREATED", [](const Row& row) { return TimeText(row.created_at()); }},
      {"EXPIRES",
       [](const Row& row) { return row.has_expires_at() ? TimeText(row.expires_at()) : "-"; }},
      {"REVOKED",
       [](const Row& row) { return row.has_revoked_at() ? TimeText(row.revoked_at()) : "-"; }},
      {"LAST USED",
       [](const Row& row) { return row.has_last_used_at() ? TimeText(row.last_used_at()) : "-"; }},
  };
  return MakeTable(*kColumns, tokens, !kWide);
}

std::string AuditTable(const std::vector<v1::AuditEvent>& events, bool wide) {
  using Row = v1::AuditEvent;
  static const auto* const kColumns = new std::vector<Column<Row>>{
      {"TIME", [](const Row& row) { return TimeText(row.time()); }},
      {"WHO", [](const Row& row) { return OrDash(row.principal()); }},
      {"TOKEN", [](const Row& row) { return NumberText(row.token_id()); }},
      {"FROM", [](const Row& row) { return row.peer(); }, kWide},
      {"METHOD", [](const Row& row) { return row.method(); }},
      {"PROJECT", [](const Row& row) { return OrDash(row.project()); }},
      {"IDS", [](const Row& row) { return OrDash(absl::StrJoin(row.ids(), ",")); }},
      {"SCRIPT SHA256", [](const Row& row) { return OrDash(row.script_sha256()); }, kWide},
      {"REQUEST ID", [](const Row& row) { return OrDash(row.request_id()); }, kWide},
      {"ANSWER",
       [](const Row& row) {
         return row.reason().empty() ? row.code() : row.code() + " (" + row.reason() + ")";
       }},
  };
  return MakeTable(*kColumns, events, wide);
}

std::string TaskTable(const std::vector<v1::Task>& tasks, bool wide) {
  using Row = v1::Task;
  static const auto* const kColumns = new std::vector<Column<Row>>{
      {"TASK", [](const Row& row) { return std::to_string(row.id()); }},
      {"TYPE", [](const Row& row) { return EnumText(row.type()); }},
      {"STATUS", [](const Row& row) { return EnumText(row.status()); }},
      {"ATTEMPT", [](const Row& row) { return std::to_string(row.attempt()); }},
      {"PAYLOAD", [](const Row& row) { return std::to_string(row.payload_id()); }},
      {"INSTANCE", [](const Row& row) { return std::to_string(row.instance_id()); }},
      {"DEPENDS ON", [](const Row& row) { return NumberText(row.depends_on()); }, kWide},
      {"WORKER", [](const Row& row) { return OrDash(row.worker()); }},
      {"RUN AT", [](const Row& row) { return TimeText(row.run_at()); }},
      {"CREATED", [](const Row& row) { return TimeText(row.created_at()); }, kWide},
      {"UPDATED", [](const Row& row) { return TimeText(row.updated_at()); }, kWide},
      {"ERROR", [](const Row& row) { return row.error(); }},
  };
  return MakeTable(*kColumns, tasks, wide);
}

}  // namespace longshore::cli
