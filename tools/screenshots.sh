#!/usr/bin/env bash
# Takes the pictures of docs/console.md anew: a stack with a small fleet, looked at by Chromium. Usage: tools/screenshots.sh
# [DIRECTORY]; docs/console, if none is named. Installs what is missing; needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
. tools/lib/build.sh
tools/lib/install.sh test
directory=${1:-docs/console}
mkdir -p "$directory"
bazel build "${bazel_flags[@]}" --noshow_progress --ui_event_filters=-info //tests/console:screenshots
bazel-bin/tests/console/screenshots "$directory"
