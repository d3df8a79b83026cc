#!/usr/bin/env bash
# Random faults under load, and after each round the check of every promise; docs/guarantees.md says what that is.
# Usage: tools/chaos.sh --rounds N --seed S [--first ROUND] [--instances N] [--workers N]
# The same seed and round draw the same requests and faults. Installs what is missing; needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
. tools/lib/build.sh
tools/lib/install.sh test
bazel build "${bazel_flags[@]}" --noshow_progress --ui_event_filters=-info //tests/fault/chaos:run
exec bazel-bin/tests/fault/chaos/run chaos "$@"
