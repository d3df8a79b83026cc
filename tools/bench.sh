#!/usr/bin/env bash
# Installs what is missing, builds optimised programs and prints the tables of docs/performance.md: those of the modules of
# tests/bench that are named, those that end within minutes, or with --full all but retention, in an hour or so. Needs root. The
# modules say what may be set in the environment.
# Usage: tools/bench.sh [--full | access|bench|deploy|fleet|http|lifecycles|lone|retention|trickle|watchers ...]
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
. tools/lib/build.sh
tools/lib/install.sh test bench
case ${1:-} in
  "") set -- bench lone lifecycles ;;
  --full) set -- bench lone trickle fleet lifecycles deploy watchers access http ;;
esac
model=$(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1)
echo "$(date -I), commit $(git describe --always --dirty), $(nproc) cores: $model"
for module in "$@"; do
  echo
  echo "$module:"
  bazel run "${bazel_flags[@]}" -c opt --noshow_progress --ui_event_filters=-info "//tests/bench:$module"
done
