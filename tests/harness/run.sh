#!/usr/bin/env bash
# Runs a Python module of tests/ as a program, at the top of the runfiles, with Debian's Python, which is the one that has grpc.
# Leaves nothing behind (supervisor.py); needs root.
# Usage: run.sh MODULE [WORD ...]
set -euo pipefail
export PYTHONPATH=$PWD/tests:$PWD/tests/harness/stubs PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m harness.supervisor /usr/bin/python3 -m "$@"
