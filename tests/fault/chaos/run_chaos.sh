#!/usr/bin/env bash
# Runs the chaos run from the top of its runfiles; words as for chaos.py.
set -euo pipefail
if [ -d "$0.runfiles/longshore" ]; then cd "$0.runfiles/longshore"; fi
export PYTHONPATH=$PWD/tests/e2e:$PWD/tests/fault/chaos PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 tests/fault/chaos/chaos.py "$@"
