#!/usr/bin/env bash
# Runs a test of proto/ that starts no program of Longshore. Usage: run.sh MODULE
set -euo pipefail
export PYTHONPATH=$PWD/tests PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m unittest -v "$1"
