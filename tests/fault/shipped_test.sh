#!/usr/bin/env bash
# No fail point of the shipped programs can be armed, those of the fault tests can; and each prints the version of
# common/version.h.
set -euo pipefail
failed=0
# By whose trace a program is seen to arm them: its own, and those of the runner that it carries.
own=LONGSHORE_FAIL_POINTS
of_runner=.fail_points/
count() { strings -a "$2" | grep -cF "$1" || true; }
while read -r program trace; do
  shipped=$(count "$trace" "$program/$program")
  with=$(count "$trace" "tests/fault/$program")
  echo "$program: $trace $shipped times, $with times in the one for tests"
  if [ "$shipped" -ne 0 ] || [ "$with" -eq 0 ]; then failed=1; fi
done <<< "api_server $own
payload_worker $own
payload_worker $of_runner"
version=$(sed -nE 's/.* kVersion = "([^"]+)";/\1/p' common/version.h)
for program in api_server payload_worker; do
  printed=$("$program/$program" --version)
  echo "$printed"
  if [ "$printed" != "$program version $version" ]; then failed=1; fi
done
exit "$failed"
