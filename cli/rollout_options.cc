#include "cli/rollout_options.h"

#include "cli/errors.h"
#include "cli/script_file.h"
#include "cli/values.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

// Reads "10" or "20%" into the one or the other.
absl::Status ParseLimit(const std::string& what, const std::string& text, int32_t* count,
                        int32_t* percent) {
  const bool is_percent = !text.empty() && text.back() == '%';
  ASSIGN_OR_RETURN(const int32_t value,
                   ParseCount(what, is_percent ? text.substr(0, text.size() - 1) : text));
  *(is_percent ? percent : count) = value;
  return absl::OkStatus();
}

absl::Status ParseWaves(const std::string& text, v1::Rollout* rollout) {
  for (const std::string& part : SplitList(text)) {
    int32_t count = 0;
    int32_t percent = 0;
    RETURN_IF_ERROR(ParseLimit("--waves", part, &count, &percent));
    v1::Wave* wave = rollout->add_waves();
    wave->set_count(count);
    wave->set_percent(percent);
  }
  return absl::OkStatus();
}

absl::Status ParsePause(const RolloutOptions& options, v1::Rollout* rollout) {
  const int given = (options.wave_pause != 0 ? 1 : 0) + (options.wave_hold ? 1 : 0) +
                    (options.wave_check.empty() ? 0 : 1);
  if (given == 0) return absl::OkStatus();
  if (given > 1 || options.waves.empty()) {
    return UsageError("give --wave-pause, --wave-hold or --wave-check, one of them, with --waves");
  }
  rollout->mutable_pause()->set_seconds(options.wave_pause);
  rollout->mutable_pause()->set_until_resumed(options.wave_hold);
  if (options.wave_check.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(*rollout->mutable_pause()->mutable_check_script(),
                   ReadScript(options.wave_check));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Rollout> ParseRollout(const RolloutOptions& options) {
  v1::Rollout rollout;
  int32_t count = 0;
  int32_t percent = 0;
  if (!options.max_concurrency.empty()) {
    RETURN_IF_ERROR(ParseLimit("--max-concurrency", options.max_concurrency, &count, &percent));
    rollout.set_max_concurrency(count);
    rollout.set_max_concurrency_percent(percent);
  }
  count = percent = 0;
  if (!options.max_errors.empty()) {
    RETURN_IF_ERROR(ParseLimit("--max-errors", options.max_errors, &count, &percent));
    rollout.set_max_errors(count);
    rollout.set_max_errors_percent(percent);
  }
  RETURN_IF_ERROR(ParseWaves(options.waves, &rollout));
  RETURN_IF_ERROR(ParsePause(options, &rollout));
  return rollout;
}

}  // namespace longshore::cli
