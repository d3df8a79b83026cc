#!/usr/bin/env bash
# Runs screenshots.py, which tools/screenshots.sh has built. Usage: run.sh DIRECTORY
set -euo pipefail
directory=$(realpath "$1")
cd "$0.runfiles/longshore"
exec tests/harness/run.sh console.screenshots "$directory"
