#!/usr/bin/env bash
# Installs what is missing, builds optimised programs and prints the table of docs/performance.md. Needs root.
# Usage: [HOSTS=100] [ROUNDS=10] [FORKS=20] tests/bench/run.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
top=$PWD
. tools/lib/build.sh
tools/lib/install.sh test bench
exec bazel run "${bazel_flags[@]}" -c opt --noshow_progress --ui_event_filters=-info //tests/bench
