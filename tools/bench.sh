#!/usr/bin/env bash
# Installs what is missing, builds optimised programs and prints the tables of docs/performance.md: those of the modules of
# tests/bench that are named, or those that end within minutes. Needs root. The modules say what may be set in the environment.
# Usage: tools/bench.sh [bench|lone|access|http|watchers|deploy|fleet|retention ...]
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
. tools/lib/build.sh
tools/lib/install.sh test bench
[ $# -gt 0 ] || set -- bench lone access http
for module in "$@"; do
  bazel run "${bazel_flags[@]}" -c opt --noshow_progress --ui_event_filters=-info "//tests/bench:$module"
done
