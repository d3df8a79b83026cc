// The remote runner with fail points in it (common/fail_point.h, fail_points.sed), for tests.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_FAIL_POINTS_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_FAIL_POINTS_H_

namespace longshore::run {

// The text of the runner. Null unless :runner_fail_points is linked in, as in no shipped program.
[[gnu::weak]] const char* RunnerWithFailPoints();

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_FAIL_POINTS_H_
