#!/usr/bin/env bash
# Runs under sanitizers what needs neither sshd nor PostgreSQL: thread over the concurrent core, address and undefined behaviour
# over the same and the fuzz targets' seeds. Debian's gRPC, libpq and libssh are not built for the thread sanitizer, so tests that
# link one of them are left out; tools/test.sh --config=asan runs everything by hand. Ends with a line "N passed, N failed".
# Usage: tools/sanitize.sh
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
tools/lib/install.sh build test || exit 1

uninstrumented='//storage:connection + //third_party/libssh + //proto/longshore/v1:worker_cc_grpc + //common:logging'

tests_of() {
  bazel query --noshow_progress --ui_event_filters=-info \
    "kind(cc_test, $1) - rdeps(//..., $uninstrumented) - attr(tags, 'manual', //...)" 2> /dev/null
}

passed=0
failed=0
run() {
  local config=$1 scope=$2 targets good bad log
  mapfile -t targets < <(tests_of "$scope")
  if [ "${#targets[@]}" -eq 0 ]; then
    echo "sanitize.sh: no test matches $scope" >&2
    failed=$((failed + 1))
    return
  fi
  log=$(mktemp)
  tools/test.sh --config="$config" -- "${targets[@]}" | tee "$log"
  read -r good _ bad _ < <(tail -n 1 "$log")
  passed=$((passed + good))
  failed=$((failed + bad))
  rm -f "$log"
}

run tsan '//common/... + //payload_worker/... + //http/...'
run asan '//common/... + //payload_worker/... + //http/... + //api_server/http/... + //tests/fuzz/...'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
