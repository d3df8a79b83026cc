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

bazel test "${bazel_flags[@]}" --noshow_progress --keep_going --local_test_jobs=2 "${flags[@]}" "${targets[@]}"
status=$?

# A target's log tells its cases; one that told none, or failed without telling which, counts as one.
passed=0
failed=0
for target in $(bazel query --noshow_progress "tests(set(${targets[*]}))" 2> /dev/null); do
  path=${target#//}
  log=bazel-testlogs/${path/:/\/}/test.log
  report=${log%.log}.xml
  read -r good bad < <(awk '
    /^\[       OK \]/ { good++ }
    /^\[  FAILED  \] .* \([0-9]+ ms\)$/ { bad++ }
    /^Ran [0-9]+ tests? in/ { ran += $2 }
    /^FAILED \(/ { while (match($0, /(failures|errors)=[0-9]+/)) { split(substr($0, RSTART, RLENGTH), part, "="); lost += part[2]; $0 = substr($0, RSTART + RLENGTH) } }
    END { print good + ran - lost + 0, bad + lost + 0 }' "$log" 2> /dev/null || echo 0 0)
  passed=$((passed + good))
  failed=$((failed + bad))
  if [ ! -e "$report" ] || grep -qE '(failures|errors)="[1-9]' "$report"; then
    [ "$bad" -gt 0 ] || failed=$((failed + 1))
  elif [ "$good" -eq 0 ]; then
    passed=$((passed + 1))
  fi
done
# What was not built was not run.
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
echo "$passed passed, $failed failed"
exit "$status"
