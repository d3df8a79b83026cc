#!/usr/bin/env bash
# An hour or more of overload, and a picture of what it does to memory. Usage: tools/soak.sh --minutes N --picture FILE.svg
# Installs what is missing, gnuplot too; needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
. tools/lib/build.sh
tools/lib/install.sh test picture

minutes=60
picture=soak.svg
while [ $# -gt 0 ]; do
  case $1 in
    --minutes) minutes=$2 ;;
    --picture) picture=$2 ;;
    *)
      echo "soak.sh: '$1' is not known" >&2
      exit 2
      ;;
  esac
  shift 2
done
bazel build "${bazel_flags[@]}" --noshow_progress --ui_event_filters=-info //tests/fault/chaos:run
figures=$(mktemp)
trap 'rm -f "$figures"' EXIT
status=0
bazel-bin/tests/fault/chaos/run soak --minutes "$minutes" --out "$figures" || status=$?
tools/lib/soak_picture.sh "$figures" > "$picture"
exit "$status"
