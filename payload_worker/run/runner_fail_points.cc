#include "payload_worker/run/runner_fail_points.h"

namespace longshore::run {

const char* RunnerWithFailPoints() {
  return
#include "payload_worker/run/remote_runner_with_fail_points.inc"
      ;
}

}  // namespace longshore::run
