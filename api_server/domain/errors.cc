#include "api_server/domain/errors.h"

#include <glog/logging.h>

#include "common/enum_text.h"
#include "common/random.h"
#include "common/status.h"
#include "common/utf8.h"

namespace longshore::domain {
namespace {

// Values are quoted from requests: shown in one line, and not at any length.
constexpr size_t kMaxShown = 200;
// Clients take 8 KiB of an error, and it has the message three times over.
constexpr size_t kMaxSelectorShown = 600;

std::string Shown(std::string_view value) {
  std::string shown = "'" + ToPrintableLine(value, kMaxShown) + "'";
  if (value.size() > kMaxShown) shown += "... (" + std::to_string(value.size()) + " bytes)";
  return shown;
}

absl::Status FieldError(absl::StatusCode code, std::string_view reason, std::string_view field,
                        const std::string& message) {
  return WithFieldViolation(WithReason(absl::Status(code, message), reason), field, message);
}

absl::Status NotFound(std::string_view type, std::string_view reason, int64_t id) {
  const std::string name = std::to_string(id);
  return WithResource(
      WithReason(absl::NotFoundError(std::string(type) + " " + name + " does not exist"), reason),
      type, name);
}

absl::Status WrongState(std::string_view type, int64_t id, const std::string& message) {
  return WithResource(WithReason(absl::FailedPreconditionError(message), "WRONG_STATE"), type,
                      std::to_string(id));
}

}  // namespace

absl::Status InvalidField(std::string_view field, std::string_view value, std::string_view rule) {
  return FieldError(absl::StatusCode::kInvalidArgument, "INVALID_FIELD", field,
                    std::string(field) + " " + Shown(value) + " " + std::string(rule));
}

absl::Status RequestUnreadable(std::string_view method) {
  return WithReason(absl::InvalidArgumentError("what was sent is no request for " +
                                               std::string(method) + ": it cannot be read"),
                    "INVALID_FIELD");
}

absl::Status PayloadPathInvalid(std::string_view path, std::string_view problem) {
  return FieldError(absl::StatusCode::kInvalidArgument, "PAYLOAD_PATH_INVALID", "payload_path",
                    "payload_path " + Shown(path) + " " + std::string(problem));
}

absl::Status PayloadPathForbidden(std::string_view path, std::string_view problem) {
  return FieldError(absl::StatusCode::kPermissionDenied, "PAYLOAD_PATH_FORBIDDEN", "payload_path",
                    "payload_path " + Shown(path) + " " + std::string(problem));
}

absl::Status PayloadFileNotFound(std::string_view path) {
  const std::string message =
      "payload_path " + Shown(path) + " does not exist on the api_server's host";
  return WithResource(
      FieldError(absl::StatusCode::kNotFound, "PAYLOAD_NOT_FOUND", "payload_path", message), "file",
      ToPrintableLine(path, kMaxShown));
}

absl::Status PayloadTooLarge(std::string_view field, int64_t limit) {
  return FieldError(absl::StatusCode::kInvalidArgument, "PAYLOAD_TOO_LARGE", field,
                    std::string(field) + ": the script is larger than the limit of " +
                        std::to_string(limit) + " bytes (--max_payload_bytes)");
}

absl::Status RemotePathInvalid(std::string_view path, std::string_view rule) {
  return FieldError(absl::StatusCode::kInvalidArgument, "REMOTE_PATH_INVALID", "remote_path",
                    "remote_path " + Shown(path) + " " + std::string(rule));
}

absl::Status TimeoutOutOfRange(int64_t timeout, int64_t maximum) {
  return FieldError(absl::StatusCode::kInvalidArgument, "TIMEOUT_OUT_OF_RANGE", "timeout",
                    "timeout " + std::to_string(timeout) +
                        " is out of range: 0 for the default, or 1 to " + std::to_string(maximum) +
                        " seconds");
}

absl::Status InstanceNotFound(int64_t id) { return NotFound("instance", "INSTANCE_NOT_FOUND", id); }

absl::Status PayloadNotFound(int64_t id) { return NotFound("payload", "PAYLOAD_NOT_FOUND", id); }

absl::Status DeploymentNotFound(int64_t id) {
  return NotFound("deployment", "DEPLOYMENT_NOT_FOUND", id);
}

absl::Status ScriptNotFound(std::string_view sha256) {
  return WithResource(WithReason(absl::NotFoundError("no script with the sha256 " + Shown(sha256) +
                                                     " was ever deployed"),
                                 "SCRIPT_NOT_FOUND"),
                      "script", sha256);
}

absl::Status NoInstanceMatches(std::string_view wanted) {
  return FieldError(absl::StatusCode::kNotFound, "INSTANCE_NOT_FOUND", "selector",
                    "no instance matches " + ToPrintableLine(wanted, kMaxSelectorShown) +
                        (wanted.size() > kMaxSelectorShown ? "..." : ""));
}

absl::Status TaskNotFound(int64_t id) { return NotFound("task", "TASK_NOT_FOUND", id); }

absl::Status InstanceTerminated(int64_t id) {
  return WrongState("instance", id,
                    "instance " + std::to_string(id) + " is TERMINATED; it takes nothing any more");
}

absl::Status InstanceTerminating(int64_t id) {
  return WrongState(
      "instance", id,
      "instance " + std::to_string(id) + " is being terminated; it takes nothing new");
}

absl::Status InstanceNotMade(int64_t id) {
  return WrongState("instance", id,
                    "instance " + std::to_string(id) +
                        " has not been made yet: its provider will give its address and host key");
}

absl::Status InstanceHasPayloads(int64_t id) {
  return WrongState(
      "instance", id,
      "instance " + std::to_string(id) +
          " has payloads that have not ended, or are not cleaned up yet; as whom they "
          "run (become) cannot change before");
}

absl::Status InstanceListedTwice(int64_t id) {
  return InvalidField("instance_ids", std::to_string(id),
                      "is listed more than once; the first one counts");
}

absl::Status InstanceOfOtherProject(int64_t id, std::string_view project, std::string_view wanted) {
  return InvalidField("instance_ids", std::to_string(id),
                      "is of the project " + Shown(project) + ", the ones before it are of " +
                          Shown(wanted) + ": a deployment is for one project");
}

absl::Status PayloadInWrongState(int64_t id, std::string_view problem) {
  return WrongState("payload", id, "payload " + std::to_string(id) + " " + std::string(problem));
}

absl::Status DeploymentInWrongState(int64_t id, std::string_view problem) {
  return WrongState("deployment", id,
                    "deployment " + std::to_string(id) + " " + std::string(problem));
}

absl::Status RequestIdReused(std::string_view request_id) {
  return FieldError(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED", "request_id",
                    "request_id " + Shown(request_id) +
                        " was used with another request; use a new one for a new request");
}

absl::Status TokenNotFound(int64_t id) { return NotFound("token", "TOKEN_NOT_FOUND", id); }

absl::Status TokenMissing() {
  return WithReason(
      absl::UnauthenticatedError("no token came: send 'authorization: Bearer lsk_ID_SECRET'"),
      "TOKEN_MISSING");
}

absl::Status TokenInvalid() {
  return WithReason(absl::UnauthenticatedError("the token is unknown, expired or revoked, or not "
                                               "one 'authorization: Bearer lsk_ID_SECRET'"),
                    "TOKEN_INVALID");
}

absl::Status RoleInsufficient(std::string_view what, v1::Role role, v1::Role needed) {
  std::string message = std::string(what) + " is not for a token with the role " + EnumText(role);
  if (needed != v1::ROLE_UNSPECIFIED) message += "; it needs " + EnumText(needed);
  return WithReason(absl::PermissionDeniedError(message), "ROLE_INSUFFICIENT");
}

absl::Status ProjectForbidden(std::string_view field, std::string_view project) {
  return FieldError(
      absl::StatusCode::kPermissionDenied, "ROLE_INSUFFICIENT", field,
      std::string(field) + " " + Shown(project) + " is not a project that the token is for");
}

absl::Status QuotaExceeded(std::string_view problem, std::chrono::milliseconds delay) {
  return WithRetryDelay(
      WithReason(absl::ResourceExhaustedError(std::string(problem)), "QUOTA_EXCEEDED"), delay);
}

absl::Status FromStorage(const absl::Status& status) {
  if (status.ok() || !ReasonOf(status).empty()) return status;
  if (absl::IsUnavailable(status) || absl::IsAborted(status)) {
    LOG(WARNING) << "a request could not be carried out: " << status;
    return WithReason(
        absl::UnavailableError("the database is not available; nothing is half done; try again"),
        "DATABASE_UNAVAILABLE");
  }
  const std::string reference = RandomHex(4);
  LOG(ERROR) << "a request failed (" << reference << "): " << status;
  return WithReason(absl::InternalError("the api_server could not carry this out; its log says why,"
                                        " at " +
                                        reference),
                    "INTERNAL");
}

}  // namespace longshore::domain
