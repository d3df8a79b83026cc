#!/usr/bin/env bash
# Runs the console's unit tests in Node. Usage: test.sh NODE_MODULES
set -euo pipefail

modules=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -rL "$(dirname "$0")/src" "$(dirname "$0")/tests" "$work"
ln -s "$modules" "$work/node_modules"
cd "$work"
node node_modules/esbuild/bin/esbuild tests/*_test.ts --bundle --platform=node --format=esm --jsx=automatic \
  --jsx-import-source=preact --log-level=warning --outdir=built --out-extension:.js=.mjs
node --test --test-reporter=tap built/*.mjs | tee log
# For tools/test.sh, which counts the cases.
sed -nE 's/^# tests ([0-9]+)$/Ran \1 tests in Node/p' log
