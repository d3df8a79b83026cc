#!/usr/bin/env bash
# Runs PROGRAM.py of this folder from the top of its runfiles. Usage: run.sh PROGRAM [WORD ...]
set -euo pipefail
program=$1
shift
# Bazel's tests begin there; a program that is run by hand has to go there.
if [ -d "$0.runfiles/longshore" ]; then cd "$0.runfiles/longshore"; fi
export PYTHONPATH=$PWD/tests/e2e:$PWD/tests/hostile:$PWD/tests/fault/chaos PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "tests/fault/chaos/$program.py" "$@"
