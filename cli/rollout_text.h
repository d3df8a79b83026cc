// Shows rollouts.
#ifndef LONGSHORE_CLI_ROLLOUT_TEXT_H_
#define LONGSHORE_CLI_ROLLOUT_TEXT_H_

#include <string>

#include "longshore/v1/deployment.pb.h"

namespace longshore::cli {

// "10", "20%" or "-"; "1, 5%, 25%" or "-".
std::string MaxConcurrencyText(const v1::Rollout& rollout);
std::string MaxErrorsText(const v1::Rollout& rollout);
std::string WavesText(const v1::Rollout& rollout);
// What a rollout is doing, for example "ROLLING, wave 2 of 4".
std::string RolloutText(const v1::Deployment& deployment);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_ROLLOUT_TEXT_H_
