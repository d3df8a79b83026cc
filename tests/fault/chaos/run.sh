#!/usr/bin/env bash
# Runs PROGRAM.py of this folder. Usage: run.sh PROGRAM [WORD ...]
set -euo pipefail
program=$1
shift
# Bazel's tests begin at the top of the runfiles; a program that is run by hand has to go there.
if [ -d "$0.runfiles/longshore" ]; then cd "$0.runfiles/longshore"; fi
exec tests/harness/run.sh "fault.chaos.$program" "$@"
