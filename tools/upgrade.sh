#!/usr/bin/env bash
# Upgrades a loaded stack from an earlier commit's programs to the present ones, one process after the other, and checks that
# nobody notices. Usage: tools/upgrade.sh COMMIT. Installs what is missing; needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
. tools/lib/build.sh
commit=${1:?usage: tools/upgrade.sh COMMIT}
tools/lib/install.sh test

old=$(mktemp -d)
chmod 755 "$old"
trap 'git worktree remove --force "$old/tree"; rm -rf "$old"' EXIT
git worktree add --detach "$old/tree" "$commit" > /dev/null
(
  cd "$old/tree"
  # A server of its own, gone afterwards.
  bazel --output_base="$old/bazel" --batch build "${bazel_flags[@]}" --noshow_progress --ui_event_filters=-info \
    //api_server //payload_worker
)
mkdir "$old/bin"
cp -L "$old/tree/bazel-bin/api_server/api_server" "$old/tree/bazel-bin/payload_worker/payload_worker" "$old/bin/"
chmod -R u+w "$old/bazel"
bazel test "${bazel_flags[@]}" --noshow_progress --nocache_test_results --test_env=LONGSHORE_OLD_BINARIES="$old/bin" \
  --test_output=all //tests/fault:rolling_restart_test
