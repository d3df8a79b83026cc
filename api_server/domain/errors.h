// All errors that clients of the public API can see. Each message says what was wrong, with which
// value, and what would be right. Codes and reasons are those of the contract's table of errors.
#ifndef LONGSHORE_API_SERVER_DOMAIN_ERRORS_H_
#define LONGSHORE_API_SERVER_DOMAIN_ERRORS_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "longshore/v1/access.pb.h"

namespace longshore::domain {

// A field breaks its rule. `rule` completes the sentence "FIELD VALUE RULE".
absl::Status InvalidField(std::string_view field, std::string_view value, std::string_view rule);

// What came for the RPC `method` is no request of its kind.
absl::Status RequestUnreadable(std::string_view method);

absl::Status PayloadPathInvalid(std::string_view path, std::string_view problem);
absl::Status PayloadPathForbidden(std::string_view path, std::string_view problem);
absl::Status PayloadFileNotFound(std::string_view path);
absl::Status PayloadTooLarge(std::string_view field, int64_t limit);
absl::Status RemotePathInvalid(std::string_view path, std::string_view rule);
absl::Status TimeoutOutOfRange(int64_t timeout, int64_t maximum);

absl::Status InstanceNotFound(int64_t id);
absl::Status PayloadNotFound(int64_t id);
absl::Status TaskNotFound(int64_t id);
absl::Status DeploymentNotFound(int64_t id);
absl::Status ScriptNotFound(std::string_view sha256);
// `wanted` completes "no instance matches WANTED".
absl::Status NoInstanceMatches(std::string_view wanted);

absl::Status InstanceTerminated(int64_t id);
absl::Status InstanceTerminating(int64_t id);
// The instance has not been made yet, so it has no address that could be changed.
absl::Status InstanceNotMade(int64_t id);
// A run that was begun as one user is not found as another.
absl::Status InstanceHasPayloads(int64_t id);
absl::Status InstanceListedTwice(int64_t id);
// A deployment has instances of one project.
absl::Status InstanceOfOtherProject(int64_t id, std::string_view project, std::string_view wanted);
// `problem` completes "payload ID PROBLEM".
absl::Status PayloadInWrongState(int64_t id, std::string_view problem);
// `problem` completes "deployment ID PROBLEM".
absl::Status DeploymentInWrongState(int64_t id, std::string_view problem);
absl::Status TokenNotFound(int64_t id);
absl::Status RequestIdReused(std::string_view request_id);

absl::Status TokenMissing();
// The same for every token that does not count, whatever the cause.
absl::Status TokenInvalid();
// `what` is a method or what was asked of it.
absl::Status RoleInsufficient(std::string_view what, v1::Role role, v1::Role needed);
// The caller's token is not for the project that `field` names.
absl::Status ProjectForbidden(std::string_view field, std::string_view project);

// A quota or a rate is used up; `problem` is the message. It is worth another try after `delay`.
absl::Status QuotaExceeded(std::string_view problem, std::chrono::milliseconds delay);

// Returns what a client is told of an error of storage. Errors with a reason stay as they are. When
// the database is away the client gets Unavailable, otherwise Internal. The words of the database,
// which may name hosts and rows, go to the log alone.
absl::Status FromStorage(const absl::Status& status);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_ERRORS_H_
