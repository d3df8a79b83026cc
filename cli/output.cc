#include "cli/output.h"

#include "absl/strings/str_join.h"
#include "cli/cells.h"
#include "cli/rollout_text.h"
#include "cli/table.h"
#include "common/enum_text.h"
#include "common/utf8.h"

namespace longshore::cli {
namespace {

constexpr size_t kMaxLineBytes = 200;

}  // namespace

std::string InstanceDetails(const v1::Instance& instance) {
  return FormatTable({
      {"instance:", std::to_string(instance.id())},
      {"name:", instance.name()},
      {"project:", OrDash(instance.project())},
      {"tags:", OrDash(absl::StrJoin(instance.tags(), ","))},
      {"provider:", instance.provider()},
      {"address:", AddressText(instance)},
      {"user:", instance.ssh_user()},
      {"become root:", instance.become() ? "yes" : "no"},
      {"jump:", OrDash(JumpText(instance))},
      {"pool:", instance.pool()},
      {"host key:", OrDash(instance.host_key())},
      {"status:", EnumText(instance.status())},
      {"status error:", OrDash(instance.status_error())},
      {"payload:", EnumText(instance.payload_status())},
      {"payload error:", OrDash(instance.payload_error())},
      {"created:", TimeText(instance.created_at())},
      {"updated:", TimeText(instance.updated_at())},
  });
}

std::string PayloadLine(const v1::Payload& payload) {
  std::string line = "payload " + std::to_string(payload.id()) + " on instance " +
                     std::to_string(payload.instance_id()) + " is " + StatusText(payload);
  if (!payload.error().empty()) line += ": " + payload.error();
  return ToPrintableLine(line, kMaxLineBytes);
}

std::string DeploymentDetails(const v1::Deployment& deployment) {
  const v1::DeployPayloadRequest& request = deployment.request();
  return FormatTable({
      {"deployment:", std::to_string(deployment.id())},
      {"created:", TimeText(deployment.created_at())},
      {"script:", ScriptText(deployment)},
      {"sha256:",
       deployment.script_sha256() + " (" + std::to_string(deployment.script_bytes()) + " B)"},
      {"target:", TargetText(request)},
      {"execute:", request.execute_payload() ? "yes" : "no"},
      {"max concurrency:", MaxConcurrencyText(request.rollout())},
      {"max errors:", MaxErrorsText(request.rollout())},
      {"waves:", WavesText(request.rollout())},
      {"rollout:", RolloutText(deployment)},
      {"payloads:", CountsText(deployment.counts())},
      {"stopped:", OrDash(deployment.stop_reason())},
  });
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
      {"error:", OrDash(payload.error())},
      {"execution time:", DurationText(payload)},
      {"timeout:", std::to_string(payload.timeout()) + "s"},
      {"script:", payload.script_sha256() + " (" + std::to_string(payload.script_bytes()) + " B)"},
      {"task:", std::to_string(payload.task_id())},
      {"created:", TimeText(payload.created_at())},
      {"transferred:", TimeText(payload.transferred_at())},
      {"started:", TimeText(payload.started_at())},
      {"finished:", TimeText(payload.finished_at())},
      {"output:", std::to_string(payload.output_bytes()) + " B" +
                      (payload.output_truncated() ? ", not all of it kept" : "")},
  });
  if (!payload.output().empty()) text += "\n" + payload.output();
  return text;
}

}  // namespace longshore::cli
