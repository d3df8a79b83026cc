#!/usr/bin/env bash
# Builds the programs and makes Debian packages of them, with the debug symbols in packages of their own; docs/install.md says how
# to install them. Installs what is missing. Usage: tools/package.sh [--out DIR]; DIR is where they come to, .cache/packages if
# none is named
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/tools/lib/build.sh"
out=$top/.cache/packages
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=${2:?--out needs a directory} && shift 2 ;;
    *)
      sed -n '2,4s/^# //p' "$0" >&2
      exit 2
      ;;
  esac
done

"$top/tools/lib/install.sh" build package
bazel_flags+=(--copt=-g)
build_programs
find_programs
programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
ln -s "$api_server" "$payload_worker" "$longshore" "$programs"
mkdir -p "$out"
rm -f "$out"/longshore*.deb "$out"/longshore*.changes "$out"/longshore*.buildinfo
"$top/packaging/build_packages.sh" "$programs" "$out"
# Warnings fail too.
lintian --allow-root --fail-on error,warning "$out"/*.changes
ls -1 "$out"/*.deb
