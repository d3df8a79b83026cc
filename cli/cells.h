// Single values as people see them in tables and lines. "-" stands for none.
#ifndef LONGSHORE_CLI_CELLS_H_
#define LONGSHORE_CLI_CELLS_H_

#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "longshore/v1/deployment.pb.h"
#include "longshore/v1/instance.pb.h"
#include "longshore/v1/payload.pb.h"

namespace longshore::cli {

std::string OrDash(const std::string& text);
// The number, or "-" for 0.
std::string NumberText(int64_t number);
// For example "2026-11-25 14:03:09", in UTC.
std::string TimeText(const google::protobuf::Timestamp& time);
// How long the script ran, for example "3.04s".
std::string DurationText(const v1::Payload& payload);
// The exit status, or "-".
std::string ExitText(const v1::Payload& payload);
// For example "COMPLETED" or "FAILED (NONZERO_EXIT)".
std::string StatusText(const v1::Payload& payload);
// For example "web-1.example:22"; "-" until the provider has made the instance.
std::string AddressText(const v1::Instance& instance);
// The hosts on the way to it, without their keys; empty when there are none.
std::string JumpText(const v1::Instance& instance);
// The path of the script, or the beginning of its hash.
std::string ScriptText(const v1::Deployment& deployment);
// For example "project web, tags a,b", or how many instances were given by id.
std::string TargetText(const v1::DeployPayloadRequest& request);
// For example "12/20 ended  PENDING 8  COMPLETED 11  FAILED 1".
std::string CountsText(const v1::PayloadCounts& counts);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_CELLS_H_
