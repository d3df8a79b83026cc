// How the command line shows things: tables for people.
#ifndef LONGSHORE_CLI_OUTPUT_H_
#define LONGSHORE_CLI_OUTPUT_H_

#include <google/protobuf/repeated_field.h>

#include <string>
#include <vector>

#include "longshore/v1/deployment.pb.h"
#include "longshore/v1/instance.pb.h"
#include "longshore/v1/payload.pb.h"
#include "longshore/v1/task.pb.h"

namespace longshore::cli {

// Columns as wide as their widest cell, two spaces between; the first row is the heading. Control
// characters are shown as "?".
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

std::string InstanceTable(const std::vector<v1::Instance>& instances);
std::string InstanceDetails(const v1::Instance& instance);
std::string PayloadTable(const std::vector<v1::Payload>& payloads);
// The table, or for a fleet of over 100 only what did not go well; the counts last.
std::string PayloadSummary(const std::vector<v1::Payload>& payloads);
// "payload 7 on instance 3 is FAILED (NONZERO_EXIT): ...".
std::string PayloadLine(const v1::Payload& payload);
// "12/20 ended  PENDING 8  COMPLETED 11  FAILED 1".
std::string CountsText(const v1::PayloadCounts& counts);
std::string DeploymentTable(const std::vector<v1::Deployment>& deployments);
std::string DeploymentDetails(const v1::Deployment& deployment);
std::string TaskTable(const std::vector<v1::Task>& tasks);
// One payload in full, "name: value" lines; its output last.
std::string PayloadDetails(const v1::Payload& payload);

// "payload 7 task 9", a line for each.
std::string PayloadTaskLines(const google::protobuf::RepeatedField<int64_t>& payload_ids,
                             const google::protobuf::RepeatedField<int64_t>& task_ids);

// "COMPLETED", or "FAILED (NONZERO_EXIT)".
std::string StatusText(const v1::Payload& payload);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_OUTPUT_H_
