#include "api_server/domain/rollout_limits.h"

#include <algorithm>
#include <string>

#include "api_server/domain/errors.h"
#include "common/status_macros.h"

namespace longshore::domain {
namespace {

int64_t Share(int64_t payloads, int percent) { return (payloads * percent + 99) / 100; }

// A limit that can be given as a number or as a percentage; 0: not given.
absl::Status CheckLimit(const std::string& field, int32_t count, int32_t percent) {
  if (count < 0) return InvalidField(field, std::to_string(count), "is negative");
  if (percent < 0 || percent > 100) {
    return InvalidField(field + "_percent", std::to_string(percent), "is out of range: 1 to 100");
  }
  if (count == 0 || percent == 0) return absl::OkStatus();
  return InvalidField(field + "_percent", std::to_string(percent),
                      "and " + field + " are both given; give one of them");
}

// Waves whose order can be seen without knowing how many payloads there are.
absl::Status CheckWaves(const v1::Rollout& rollout) {
  if (rollout.waves_size() > kMaxWaves) {
    return InvalidField("rollout.waves", std::to_string(rollout.waves_size()),
                        "are too many: at most " + std::to_string(kMaxWaves));
  }
  int32_t last_count = 0;
  int32_t last_percent = 0;
  for (const v1::Wave& wave : rollout.waves()) {
    if ((wave.count() == 0) == (wave.percent() == 0)) {
      return InvalidField("rollout.waves", "", "must each have a count or a percent, one of them");
    }
    if (wave.count() < 0 || wave.percent() < 0 || wave.percent() > 100) {
      return InvalidField("rollout.waves",
                          std::to_string(wave.count() == 0 ? wave.percent() : wave.count()),
                          "is out of range: a positive count, or 1 to 100 percent");
    }
    int32_t& last = wave.count() == 0 ? last_percent : last_count;
    const int32_t next = wave.count() == 0 ? wave.percent() : wave.count();
    if (next <= last) {
      return InvalidField("rollout.waves", std::to_string(next),
                          "must go further than the wave before, " + std::to_string(last));
    }
    last = next;
  }
  return absl::OkStatus();
}

absl::Status CheckPause(const v1::Rollout& rollout) {
  if (!rollout.has_pause()) return absl::OkStatus();
  const v1::WavePause& pause = rollout.pause();
  if (!pause.check_script_sha256().empty()) {
    return InvalidField("rollout.pause.check_script_sha256", pause.check_script_sha256(),
                        "is for answers; give check_script");
  }
  if (rollout.waves().empty()) {
    return InvalidField("rollout.pause", "", "needs waves: it is what comes between them");
  }
  const int given = (pause.seconds() != 0 ? 1 : 0) + (pause.until_resumed() ? 1 : 0) +
                    (pause.check_script().empty() ? 0 : 1);
  if (given != 1) {
    return InvalidField("rollout.pause", "",
                        "must have seconds, until_resumed or check_script, one of them");
  }
  if (pause.seconds() >= 0 && pause.seconds() <= kMaxWavePause) return absl::OkStatus();
  return InvalidField("rollout.pause.seconds", std::to_string(pause.seconds()),
                      "is out of range: 1 to " + std::to_string(kMaxWavePause));
}

}  // namespace

absl::Status CheckRollout(const v1::Rollout& rollout) {
  RETURN_IF_ERROR(CheckLimit("rollout.max_concurrency", rollout.max_concurrency(),
                             rollout.max_concurrency_percent()));
  RETURN_IF_ERROR(
      CheckLimit("rollout.max_errors", rollout.max_errors(), rollout.max_errors_percent()));
  RETURN_IF_ERROR(CheckWaves(rollout));
  return CheckPause(rollout);
}

storage::RolloutLimits ResolveRollout(const v1::Rollout& rollout, int64_t payloads) {
  storage::RolloutLimits limits{.max_concurrency = rollout.max_concurrency(),
                                .max_errors = rollout.max_errors()};
  if (rollout.max_concurrency_percent() > 0) {
    limits.max_concurrency = static_cast<int>(Share(payloads, rollout.max_concurrency_percent()));
  }
  if (rollout.max_errors_percent() > 0) {
    limits.max_errors = static_cast<int>(Share(payloads, rollout.max_errors_percent()));
  }
  int64_t last = 0;
  for (const v1::Wave& wave : rollout.waves()) {
    const int64_t end = std::min(
        payloads, wave.count() > 0 ? int64_t{wave.count()} : Share(payloads, wave.percent()));
    if (end > last) limits.waves.push_back(end);
    last = std::max(last, end);
  }
  if (!rollout.waves().empty() && last < payloads) limits.waves.push_back(payloads);
  limits.pause_seconds = rollout.pause().seconds();
  limits.until_resumed = rollout.pause().until_resumed();
  return limits;
}

}  // namespace longshore::domain
