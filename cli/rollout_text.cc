#include "cli/rollout_text.h"

#include "absl/strings/str_join.h"
#include "cli/cells.h"
#include "common/enum_text.h"

namespace longshore::cli {
namespace {

std::string LimitText(int32_t count, int32_t percent) {
  return percent == 0 ? NumberText(count) : std::to_string(percent) + "%";
}

}  // namespace

std::string MaxConcurrencyText(const v1::Rollout& rollout) {
  return LimitText(rollout.max_concurrency(), rollout.max_concurrency_percent());
}

std::string MaxErrorsText(const v1::Rollout& rollout) {
  return LimitText(rollout.max_errors(), rollout.max_errors_percent());
}

std::string WavesText(const v1::Rollout& rollout) {
  return OrDash(absl::StrJoin(rollout.waves(), ", ", [](std::string* out, const v1::Wave& wave) {
    out->append(LimitText(wave.count(), wave.percent()));
  }));
}

std::string RolloutText(const v1::Deployment& deployment) {
  std::string text = EnumText(deployment.rollout_state());
  if (deployment.wave_count() == 0) return text;
  text += ", wave " + std::to_string(deployment.wave()) + " of " +
          std::to_string(deployment.wave_count());
  if (deployment.rollout_state() == v1::ROLLOUT_STATE_WAITING) {
    text += ", the next one at " + TimeText(deployment.next_wave_at());
  }
  if (deployment.check_deployment_id() != 0) {
    text += ", checked by deployment " + std::to_string(deployment.check_deployment_id());
  }
  return text;
}

}  // namespace longshore::cli
