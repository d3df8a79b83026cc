#!/usr/bin/env bash
# Upgrades from an earlier commit to the present state while scripts run, and checks that none is lost and none runs twice.
# Usage: tools/upgrade.sh COMMIT [--running N]
# The programs of a loaded stack, one process after the other; and those of a machine, by the packages. N scripts, 1,000 if it is
# not said, run over all of it. Installs what is missing; needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
. tools/lib/build.sh
commit=${1:?usage: tools/upgrade.sh COMMIT [--running N]}
running=1000
[ "${2-}" != --running ] || running=${3:?--running needs a number}
tools/lib/install.sh test

old=$(mktemp -d)
chmod 755 "$old"
trap 'git worktree remove --force "$old/tree"; rm -rf "$old"' EXIT
git worktree add --detach "$old/tree" "$commit" > /dev/null
(
  cd "$old/tree"
  # A server of its own, gone afterwards.
  bazel --output_base="$old/bazel" --batch build "${bazel_flags[@]}" --noshow_progress --ui_event_filters=-info \
    //api_server //payload_worker //cli:longshore
)
mkdir "$old/bin"
for program in api_server/api_server payload_worker/payload_worker cli/longshore; do
  cp -L "$old/tree/bazel-bin/$program" "$old/bin/"
done
chmod -R u+w "$old/bazel"

try() {
  bazel test "${bazel_flags[@]}" --noshow_progress --nocache_test_results --test_env=LONGSHORE_RUNNING="$running" \
    --test_output=all "$@"
}
try --test_env=LONGSHORE_OLD_BINARIES="$old/bin" //tests/fault:rolling_restart_test
packages=(--test_env=LONGSHORE_OLD_BINARIES="$old/bin" //tests/packages:packages_test --test_arg=-k --test_arg=ones_own)
if [ -d "$old/tree/packaging" ]; then
  # A version before the present one, though the commit may not know it yet.
  version=$(sed -n 's/.*kVersion = "\(.*\)";/\1/p' common/version.h)~old
  DEB_BUILD_OPTIONS=noautodbgsym "$old/tree/packaging/build_packages.sh" "$old/bin" "$old/packages" "$version"
  packages+=(--test_env=LONGSHORE_OLD_PACKAGES="$old/packages" --test_arg=-k --test_arg=upgrade)
fi
try "${packages[@]}"
