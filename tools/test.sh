#!/usr/bin/env bash
# Installs what is missing and runs every test; ends with a line "N passed, N failed" that counts test cases.
# Usage: tools/test.sh [BAZEL FLAG ...] [-- TARGET ...], for example: tools/test.sh --config=asan -- //common/...
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
top=$PWD
. tools/lib/build.sh
tools/lib/install.sh test || exit 1

flags=()
targets=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  flags+=("$1")
  shift
done
[ $# -eq 0 ] || { shift && targets=("$@"); }
[ ${#targets[@]} -gt 0 ] || targets=(//...)

summary=$(mktemp)
trap 'rm -f "$summary"' EXIT
bazel test "${bazel_flags[@]}" --noshow_progress --keep_going --local_test_jobs=2 "${flags[@]}" "${targets[@]}" 2>&1 |
  tee "$summary"
status=${PIPESTATUS[0]}

# A target's log tells its cases; one that told none, or did not pass without telling which, counts as one.
verdicts='PASSED|FAILED TO BUILD|FAILED|TIMEOUT|FLAKY|NO STATUS|INCOMPLETE'
passed=0
failed=0
while read -r target verdict; do
  path=${target#//}
  good=0
  bad=0
  if [ "$verdict" != "NO STATUS" ] && [ "$verdict" != "FAILED TO BUILD" ]; then
    read -r good bad < <(awk '
      /^\[       OK \]/ { good++ }
      /^\[  FAILED  \] .* \([0-9]+ ms\)$/ { bad++ }
      /^Ran [0-9]+ tests? in/ { ran += $2 }
      /^FAILED \(/ {
        while (match($0, /(failures|errors)=[0-9]+/)) {
          split(substr($0, RSTART, RLENGTH), part, "=")
          lost += part[2]
          $0 = substr($0, RSTART + RLENGTH)
        }
      }
      END { print good + ran - lost + 0, bad + lost + 0 }' "bazel-testlogs/${path/:/\/}/test.log" 2> /dev/null || echo 0 0)
  fi
  passed=$((passed + good))
  failed=$((failed + bad))
  if [ "$verdict" = PASSED ]; then
    [ "$good" -gt 0 ] || passed=$((passed + 1))
  else
    [ "$bad" -gt 0 ] || failed=$((failed + 1))
  fi
done < <(sed -nE "s/^(\/\/[^ ]+) +(\(cached\) )?($verdicts).*/\1 \3/p" "$summary")
# Bazel itself failed before it came to any test.
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
echo "$passed passed, $failed failed"
exit "$status"
