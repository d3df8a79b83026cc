#include "cli/cells.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/endpoint_text.h"
#include "common/enum_text.h"

namespace longshore::cli {

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

std::string NumberText(int64_t number) { return number == 0 ? "-" : std::to_string(number); }

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

std::string ExitText(const v1::Payload& payload) {
  return payload.has_exit_code() ? std::to_string(payload.exit_code()) : "-";
}

std::string StatusText(const v1::Payload& payload) {
  std::string text = EnumText(payload.status());
  if (payload.status() == v1::PAYLOAD_STATUS_FAILED) {
    text += " (" + EnumText(payload.failure_reason()) + ")";
  }
  return text;
}

std::string AddressText(const v1::Instance& instance) {
  if (instance.address().empty()) return "-";
  return EndpointText(instance.address(), instance.port());
}

std::string JumpText(const v1::Instance& instance) {
  return absl::StrJoin(instance.jump(), ", ", [](std::string* out, const v1::JumpHost& host) {
    absl::StrAppend(out, host.ssh_user(), "@", EndpointText(host.address(), host.port()));
  });
}

std::string ScriptText(const v1::Deployment& deployment) {
  const std::string& path = deployment.request().payload_path();
  return path.empty() ? deployment.script_sha256().substr(0, 12) : path;
}

std::string TargetText(const v1::DeployPayloadRequest& request) {
  if (!request.has_selector()) {
    return std::to_string(request.instance_ids_size()) + " instances by id";
  }
  const std::string tags = "tags " + absl::StrJoin(request.selector().tags(), ",");
  const std::string& project = request.selector().project();
  return project.empty() ? tags : "project " + project + ", " + tags;
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

}  // namespace longshore::cli
