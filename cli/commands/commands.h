// One function for each command, which adds the command to the one above it.
#ifndef LONGSHORE_CLI_COMMANDS_COMMANDS_H_
#define LONGSHORE_CLI_COMMANDS_COMMANDS_H_

#include "cli/command.h"

namespace longshore::cli {

void AddAudit(const Command& parent);
void AddCancel(const Command& parent);
void AddCompletion(const Command& parent);
void AddContextDelete(const Command& parent);
void AddContextList(const Command& parent);
void AddContextSet(const Command& parent);
void AddContextUse(const Command& parent);
void AddDeploy(const Command& parent);
void AddDeploymentsCancel(const Command& parent);
void AddDeploymentsList(const Command& parent);
void AddDeploymentsPause(const Command& parent);
void AddDeploymentsResume(const Command& parent);
void AddDeploymentsRetry(const Command& parent);
void AddDeploymentsShow(const Command& parent);
void AddDeploymentsWatch(const Command& parent);
void AddExecute(const Command& parent);
void AddInstancesAdd(const Command& parent);
void AddInstancesCreate(const Command& parent);
void AddInstancesDelete(const Command& parent);
void AddInstancesList(const Command& parent);
void AddInstancesShow(const Command& parent);
void AddInstancesUpdate(const Command& parent);
void AddList(const Command& parent);
void AddOutput(const Command& parent);
void AddPayloadsList(const Command& parent);
void AddPrune(const Command& parent);
void AddScript(const Command& parent);
void AddStatus(const Command& parent);
void AddTasks(const Command& parent);
void AddTokensBootstrap(const Command& parent);
void AddTokensCreate(const Command& parent);
void AddTokensList(const Command& parent);
void AddTokensRevoke(const Command& parent);
void AddVerify(const Command& parent);
void AddWatch(const Command& parent);
void AddWorkers(const Command& parent);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_COMMANDS_COMMANDS_H_
