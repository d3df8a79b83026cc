#!/usr/bin/env bash
# Hours of load on a stack, and a picture of what it does to what the processes and tables hold.
# Usage: tools/soak.sh [--load overload|steady] [--minutes N] [--picture FILE.svg]
# overload (the default, for 60 minutes): more than the stack can take; steady (120): all that it does, at a pace that it can
# follow, for what must not grow; below 100 minutes what goes does not yet balance what comes. Installs what is missing, gnuplot
# too; needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
. tools/lib/build.sh
tools/lib/install.sh test picture

load=overload
minutes=
picture=soak.svg
while [ $# -gt 0 ]; do
  case $1 in
    --load) load=$2 ;;
    --minutes) minutes=$2 ;;
    --picture) picture=$2 ;;
    *)
      echo "soak.sh: '$1' is not known" >&2
      exit 2
      ;;
  esac
  shift 2
done
case $load in
  overload) minutes=${minutes:-60} ;;
  steady) minutes=${minutes:-120} ;;
  *)
    echo "soak.sh: there is no load '$load'" >&2
    exit 2
    ;;
esac
bazel build "${bazel_flags[@]}" --noshow_progress --ui_event_filters=-info //tests/fault/chaos:run
figures=$(mktemp)
trap 'rm -f "$figures"' EXIT
status=0
bazel-bin/tests/fault/chaos/run "$load" --minutes "$minutes" --out "$figures" || status=$?
"tools/lib/${load}_picture.sh" "$figures" > "$picture"
exit "$status"
