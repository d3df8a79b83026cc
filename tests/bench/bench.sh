#!/usr/bin/env bash
# Runs bench.py at the top of its runfiles.
set -euo pipefail
PYTHONPATH=$PWD/tests/e2e PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 tests/bench/bench.py
