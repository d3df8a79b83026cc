// Single things as text for people.
#ifndef LONGSHORE_CLI_OUTPUT_H_
#define LONGSHORE_CLI_OUTPUT_H_

#include <google/protobuf/repeated_field.h>

#include <string>

#include "longshore/v1/deployment.pb.h"
#include "longshore/v1/instance.pb.h"
#include "longshore/v1/payload.pb.h"

namespace longshore::cli {

// One thing in full, in lines "name: value". The output of a payload comes last.
std::string InstanceDetails(const v1::Instance& instance);
std::string DeploymentDetails(const v1::Deployment& deployment);
std::string PayloadDetails(const v1::Payload& payload);

// For example "payload 7 on instance 3 is FAILED (NONZERO_EXIT): ...".
std::string PayloadLine(const v1::Payload& payload);
// A line for each payload, for example "payload 7 task 9".
std::string PayloadTaskLines(const google::protobuf::RepeatedField<int64_t>& payload_ids,
                             const google::protobuf::RepeatedField<int64_t>& task_ids);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_OUTPUT_H_
