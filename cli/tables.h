// Lists of resources as tables. A wide table has more columns.
#ifndef LONGSHORE_CLI_TABLES_H_
#define LONGSHORE_CLI_TABLES_H_

#include <string>
#include <vector>

#include "longshore/v1/access.pb.h"
#include "longshore/v1/deployment.pb.h"
#include "longshore/v1/instance.pb.h"
#include "longshore/v1/payload.pb.h"
#include "longshore/v1/task.pb.h"
#include "longshore/v1/worker.pb.h"

namespace longshore::cli {

std::string InstanceTable(const std::vector<v1::Instance>& instances, bool wide);
std::string PayloadTable(const std::vector<v1::Payload>& payloads, bool wide);
// The table or, for more than 100 payloads, only those that did not go well. The counts come last.
std::string PayloadSummary(const std::vector<v1::Payload>& payloads, bool wide);
std::string DeploymentTable(const std::vector<v1::Deployment>& deployments, bool wide);
std::string WorkerTable(const std::vector<v1::Worker>& workers);
std::string TokenTable(const std::vector<v1::Token>& tokens);
std::string AuditTable(const std::vector<v1::AuditEvent>& events, bool wide);
std::string TaskTable(const std::vector<v1::Task>& tasks, bool wide);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_TABLES_H_
