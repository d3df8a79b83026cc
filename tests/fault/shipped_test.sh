#!/usr/bin/env bash
# The shipped programs have no fail points in them, those of the fault tests do; and each prints the version of common/version.h.
set -euo pipefail
failed=0
count() { strings -a "$1" | grep -cE 'LONGSHORE_FAIL_POINTS|\.fail_points|worker\.connecting|sink\.stored' || true; }
for program in api_server payload_worker; do
  shipped=$(count "$program/$program")
  with=$(count "tests/fault/$program")
  echo "$program: $shipped traces of fail points, $with in the one for tests"
  if [ "$shipped" -ne 0 ] || [ "$with" -eq 0 ]; then failed=1; fi
done
version=$(sed -nE 's/.* kVersion = "([^"]+)";/\1/p' common/version.h)
for program in api_server payload_worker; do
  printed=$("$program/$program" --version)
  echo "$printed"
  if [ "$printed" != "$program version $version" ]; then failed=1; fi
done
exit "$failed"
