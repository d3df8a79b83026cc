#!/usr/bin/env bash
# Runs one Python test file with Debian's Python, which is the one that has grpc. Further words are unittest's, for example
# bazel test //tests/fault:fault_test --test_arg=-k --test_arg=upload
set -euo pipefail
file=$1
shift
PYTHONPATH=$PWD/tests/e2e:$PWD/$(dirname "$file")
export PYTHONPATH PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m unittest -v "$(basename "$file" .py)" "$@"
