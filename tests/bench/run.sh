#!/usr/bin/env bash
# Installs what is missing, builds optimised programs and prints a table of docs/performance.md: that of bench.py, or of the
# module of tests/bench that is named. Needs root. The modules say what may be set in the environment.
# Usage: tests/bench/run.sh [bench|watchers]
set -euo pipefail
cd "$(dirname "$0")/../.."
top=$PWD
. tools/lib/build.sh
tools/lib/install.sh test bench
exec bazel run "${bazel_flags[@]}" -c opt --noshow_progress --ui_event_filters=-info "//tests/bench:${1:-bench}"
