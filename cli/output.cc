#include "cli/output.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/enum_text.h"
#include "common/utf8.h"

namespace longshore::cli {
namespace {

constexpr size_t kMaxCellBytes = 200;

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "-";
  const absl::Time at = absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", at, absl::UTCTimeZone());
}

std::string DurationText(const v1::Payload& payload) {
  if (!payload.has_execution_time()) return "-";
  const auto& time = payload.execution_time();
  return absl::StrFormat("%.2fs", static_cast<double>(time.seconds()) + time.nanos() / 1e9);
}

std::string ScriptText(const v1::Deployment& deployment) {
  const std::string& path = deployment.request().payload_path();
  return path.empty() ? deployment.script_sha256().substr(0, 12) : path;
}

std::string ExitText(const v1::Payload& payload) {
  return payload.has_exit_code() ? std::to_string(payload.exit_code()) : "-";
}

// "-" until its provider has given it one.
std::string AddressText(const v1::Instance& instance) {
  if (instance.address().empty()) return "-";
  return instance.address() + ":" + std::to_string(instance.port());
}

}  // namespace

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  std::vector<std::vector<std::string>> shown = rows;
  for (auto& row : shown) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = ToPrintableLine(row[i], kMaxCellBytes);
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const auto& row : shown) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text += std::string(widths[i] - row[i].size() + 2, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

std::string StatusText(const v1::Payload& payload) {
  std::string text = EnumText(payload.status());
  if (payload.status() == v1::PAYLOAD_STATUS_FAILED) {
    text += " (" + EnumText(payload.failure_reason()) + ")";
  }
  return text;
}

std::string InstanceTable(const std::vector<v1::Instance>& instances) {
  std::vector<std::vector<std::string>> rows{
      {"ID", "NAME", "PROJECT", "ADDRESS", "USER", "STATUS", "TAGS"}};
  for (const v1::Instance& instance : instances) {
    rows.push_back({std::to_string(instance.id()), instance.name(), instance.project(),
                    AddressText(instance), instance.ssh_user(), EnumText(instance.status()),
                    absl::StrJoin(instance.tags(), ",")});
  }
  return FormatTable(rows);
}

std::string InstanceDetails(const v1::Instance& instance) {
  const auto or_dash = [](const std::string& text) { return text.empty() ? "-" : text; };
  return FormatTable({
      {"instance:", std::to_string(instance.id())},
      {"name:", instance.name()},
      {"project:", or_dash(instance.project())},
      {"tags:", or_dash(absl::StrJoin(instance.tags(), ","))},
      {"provider:", instance.provider()},
      {"address:", AddressText(instance)},
      {"user:", instance.ssh_user()},
      {"host key:", or_dash(instance.host_key())},
      {"status:", EnumText(instance.status())},
      {"status error:", or_dash(instance.status_error())},
      {"payload:", EnumText(instance.payload_status())},
      {"payload error:", or_dash(instance.payload_error())},
      {"created:", TimeText(instance.created_at())},
      {"updated:", TimeText(instance.updated_at())},
  });
}

std::string PayloadTable(const std::vector<v1::Payload>& payloads) {
  std::vector<std::vector<std::string>> rows{
      {"PAYLOAD", "INSTANCE", "STATUS", "EXIT", "TIME", "OUTPUT", "REMOTE PATH", "ERROR"}};
  for (const v1::Payload& payload : payloads) {
    rows.push_back({std::to_string(payload.id()), std::to_string(payload.instance_id()),
                    StatusText(payload), ExitText(payload), DurationText(payload),
                    std::to_string(payload.output_bytes()) + " B", payload.remote_path(),
                    payload.error()});
  }
  return FormatTable(rows);
}

std::string PayloadSummary(const std::vector<v1::Payload>& payloads) {
  constexpr size_t kMaxRows = 100;
  if (payloads.size() <= kMaxRows) return PayloadTable(payloads);
  std::map<v1::PayloadStatus, size_t> counts;
  std::vector<v1::Payload> bad;
  for (const v1::Payload& payload : payloads) {
    ++counts[payload.status()];
    if (payload.status() == v1::PAYLOAD_STATUS_FAILED ||
        payload.status() == v1::PAYLOAD_STATUS_CANCELLED) {
      bad.push_back(payload);
    }
  }
  std::string text = bad.empty() ? "" : PayloadTable(bad);
  text += std::to_string(payloads.size()) + " payloads:";
  for (const auto& [status, count] : counts) {
    text += "  " + EnumText(status) + " " + std::to_string(count);
  }
  return text + "\n";
}

std::string PayloadLine(const v1::Payload& payload) {
  std::string line = "payload " + std::to_string(payload.id()) + " on instance " +
                     std::to_string(payload.instance_id()) + " is " + StatusText(payload);
  if (!payload.error().empty()) line += ": " + payload.error();
  return ToPrintableLine(line, kMaxCellBytes);
}

std::string CountsText(const v1::PayloadCounts& counts) {
  std::string text = std::to_string(counts.completed() + counts.failed() + counts.cancelled()) +
                     "/" + std::to_string(counts.total()) + " ended";
  const auto add = [&](const char* status, int64_t count) {
    if (count > 0) text += std::string("  ") + status + " " + std::to_string(count);
  };
  add("PENDING", counts.pending());
  add("TRANSFERRED", counts.transferred());
  add("EXECUTING", counts.executing());
  add("COMPLETED", counts.completed());
  add("FAILED", counts.failed());
  add("CANCELLED", counts.cancelled());
  return text;
}

std::string DeploymentTable(const std::vector<v1::Deployment>& deployments) {
  std::vector<std::vector<std::string>> rows{
      {"DEPLOYMENT", "CREATED", "SCRIPT", "PAYLOADS", "STOPPED"}};
  for (const v1::Deployment& deployment : deployments) {
    rows.push_back({std::to_string(deployment.id()), TimeText(deployment.created_at()),
                    ScriptText(deployment), CountsText(deployment.counts()),
                    deployment.stop_reason().empty() ? "-" : deployment.stop_reason()});
  }
  return FormatTable(rows);
}

std::string DeploymentDetails(const v1::Deployment& deployment) {
  const v1::DeployPayloadRequest& request = deployment.request();
  std::string target = std::to_string(request.instance_ids_size()) + " instances by id";
  if (request.has_selector()) {
    target = "tags " + absl::StrJoin(request.selector().tags(), ",");
    if (!request.selector().project().empty()) {
      target = "project " + request.selector().project() + ", " + target;
    }
  }
  const auto limit = [](int32_t number) { return number == 0 ? "-" : std::to_string(number); };
  return FormatTable({
      {"deployment:", std::to_string(deployment.id())},
      {"created:", TimeText(deployment.created_at())},
      {"script:", ScriptText(deployment)},
      {"sha256:",
       deployment.script_sha256() + " (" + std::to_string(deployment.script_bytes()) + " B)"},
      {"target:", target},
      {"execute:", request.execute_payload() ? "yes" : "no"},
      {"max concurrency:", limit(request.rollout().max_concurrency())},
      {"max errors:", limit(request.rollout().max_errors())},
      {"payloads:", CountsText(deployment.counts())},
      {"stopped:", deployment.stop_reason().empty() ? "-" : deployment.stop_reason()},
  });
}

std::string TaskTable(const std::vector<v1::Task>& tasks) {
  std::vector<std::vector<std::string>> rows{
      {"TASK", "TYPE", "STATUS", "ATTEMPT", "PAYLOAD", "INSTANCE", "WORKER", "RUN AT", "ERROR"}};
  for (const v1::Task& task : tasks) {
    rows.push_back({std::to_string(task.id()), EnumText(task.type()), EnumText(task.status()),
                    std::to_string(task.attempt()), std::to_string(task.payload_id()),
                    std::to_string(task.instance_id()), task.worker().empty() ? "-" : task.worker(),
                    TimeText(task.run_at()), task.error()});
  }
  return FormatTable(rows);
}

std::string PayloadTaskLines(const google::protobuf::RepeatedField<int64_t>& payload_ids,
                             const google::protobuf::RepeatedField<int64_t>& task_ids) {
  std::string text;
  for (int i = 0; i < payload_ids.size(); ++i) {
    text +=
        "payload " + std::to_string(payload_ids[i]) + " task " + std::to_string(task_ids[i]) + "\n";
  }
  return text;
}

std::string PayloadDetails(const v1::Payload& payload) {
  std::string text = FormatTable({
      {"payload:", std::to_string(payload.id())},
      {"deployment:", std::to_string(payload.deployment_id())},
      {"instance:", std::to_string(payload.instance_id())},
      {"remote path:", payload.remote_path()},
      {"status:", StatusText(payload)},
      {"executed:", payload.executed() ? "yes" : "no"},
      {"exit code:", ExitText(payload)},
      {"error:", payload.error().empty() ? "-" : payload.error()},
      {"execution time:", DurationText(payload)},
      {"timeout:", std::to_string(payload.timeout()) + "s"},
      {"script:", payload.script_sha256() + " (" + std::to_string(payload.script_bytes()) + " B)"},
      {"task:", std::to_string(payload.task_id())},
      {"created:", TimeText(payload.created_at())},
      {"started:", TimeText(payload.started_at())},
      {"finished:", TimeText(payload.finished_at())},
      {"output:", std::to_string(payload.output_bytes()) + " B" +
                      (payload.output_truncated() ? ", not all of it kept" : "")},
  });
  if (!payload.output().empty()) text += "\n" + payload.output();
  return text;
}

}  // namespace longshore::cli
