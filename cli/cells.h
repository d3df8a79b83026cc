// Single values as tables and lines for people show them; "-" stands for none.
#ifndef LONGSHORE_CLI_CELLS_H_
#define LONGSHORE_CLI_CELLS_H_

#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "longshore/v1/deployment.pb.h"
#include "longshore/v1/instance.pb.h"
#include "longshore/v1/payload.pb.h"

namespace longshore::cli {

std::string OrDash(const std::string& text);
// "-" for 0.
std::string NumberText(int64_t number);
// "2026-11-25 14:03:09", UTC.
std::string TimeText(const google::protobuf::Timestamp& time);
// "3.04s".
std::string DurationText(const v1::Payload& payload);
std::string ExitText(const v1::Payload& payload);
// "COMPLETED", or "FAILED (NONZERO_EXIT)".
std::string StatusText(const v1::Payload& payload);
// "web-1.example:22"; "-" until its provider has given it one.
std::string AddressText(const v1::Instance& instance);
// Its path, or the beginning of its hash.
std::string ScriptText(const v1::Deployment& deployment);
// "project web, tags a,b", or how many there are by id.
std::string TargetText(const v1::DeployPayloadRequest& request);
// "12/20 ended  PENDING 8  COMPLETED 11  FAILED 1".
std::string CountsText(const v1::PayloadCounts& counts);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_CELLS_H_
