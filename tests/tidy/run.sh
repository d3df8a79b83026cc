#!/usr/bin/env bash
# Runs tidy_test.py with Debian's Python.
set -euo pipefail
PYTHONPATH=$PWD/tests/tidy PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 -m unittest -v tidy_test
