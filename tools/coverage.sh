#!/usr/bin/env bash
# Measures which lines the unit tests (every cc_test) run, prints a table by folder, and fails where a folder is below its floor
# in docs/testing.md. What only whole-system tests run does not count. Usage: tools/coverage.sh
set -euo pipefail

cd "$(dirname "$0")/.."
tools/lib/install.sh build test coverage

# Without a cache, and not in a sandbox: gcc writes its notes beside the objects, where Bazel does not look for them.
flags=(--config=coverage --disk_cache= --noshow_progress)
mapfile -t tests < <(bazel query --noshow_progress --ui_event_filters=-info \
  "kind(cc_test, //...) - attr(tags, 'manual', //...)" 2> /dev/null)
objects=$(bazel info "${flags[@]}" bazel-bin 2> /dev/null)
counts=$(mktemp -d)
trap 'rm -rf "$counts"' EXIT
# A program writes its counts beside where it was compiled, which a test cannot reach: they are gathered, then put there.
bazel test "${flags[@]}" --nocache_test_results --keep_going --local_test_jobs=2 --test_env=GCOV_PREFIX="$counts" "${tests[@]}"
find "$objects/" -name '*.gcda' -delete
cp -r "$counts/proc/self/cwd/${objects#*/execroot/*/}/." "$objects/"

summary=$counts/summary.json
gcovr --root "$PWD" --object-directory "$objects" --exclude '.*_test\.cc' --exclude '.*/testing/.*' --exclude 'tests/.*' \
  --exclude 'third_party/.*' --exclude '.*bazel-out/.*' --json-summary "$summary" -j 2 "$objects" > /dev/null
tools/lib/coverage_floor.py "$summary" docs/testing.md
