#!/usr/bin/env bash
# Makes Debian packages of programs that are built: longshore-api-server, longshore-worker and longshore, and their debug symbols
# apart. Needs the group `package` of tools/lib/install.sh. Usage: build_packages.sh PROGRAMS_DIR OUT_DIR [VERSION]
# PROGRAMS_DIR holds api_server, payload_worker and longshore; VERSION is that of common/version.h, if none is given.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 2 ] || {
  sed -n '2,4s/^# //p' "$0" >&2
  exit 2
}
programs=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
released=$(sed -n 's/.*kVersion = "\(.*\)";/\1/p' "$top/common/version.h")
version=${3:-$released}
# The day of the release, so that the same programs make the same packages.
day=$(sed -n "s/^## $released (\(.*\))/\1/p" "$top/CHANGELOG.md")
SOURCE_DATE_EPOCH=$(date -u -d "$day" +%s)
export SOURCE_DATE_EPOCH

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
tree=$stage/longshore
mkdir -p "$tree/programs" "$tree/completion" "$tree/ansible"
# By reference: in runfiles everything is a symlink.
cp -rL "$top/packaging/debian" "$top/packaging/api_server.flags" "$top/packaging/payload_worker.flags" \
  "$top/ops/database_roles.sql" "$tree"
# By its own name debhelper would take it for a changelog of Debian's format.
install -m 644 "$top/CHANGELOG.md" "$tree/NEWS"
(cd "$top/ansible" && find . -name BUILD.bazel -o -name '__pycache__' -prune -o -type f -print -o -type l -print) |
  while read -r file; do install -D -m 644 "$top/ansible/$file" "$tree/ansible/$file"; done
# The names in /usr/bin, where people find what they run by hand too, --check and --migrate_only, are those of the packages.
install -m 755 "$programs/api_server" "$tree/programs/longshore-api-server"
install -m 755 "$programs/payload_worker" "$tree/programs/longshore-worker"
install -m 755 "$programs/longshore" "$tree/programs/longshore"
"$tree/programs/longshore" completion bash > "$tree/completion/longshore"
"$tree/programs/longshore" completion zsh > "$tree/completion/_longshore"
"$tree/programs/longshore" completion fish > "$tree/completion/longshore.fish"
"$top/packaging/man_pages.py" "$tree/programs" "$version" "$day" "$tree/man"
chmod -R u+w,go-w "$tree"
chmod 755 "$tree/debian/rules"
cat > "$tree/debian/changelog" << EOF
longshore ($version) unstable; urgency=medium

  * NEWS says what is new.

 -- Longshore maintainers <maintainers@longshore.invalid>  $(date -u -R -d "$day")
EOF

log=$stage/log
(cd "$tree" && dpkg-buildpackage -b -us -uc) > "$log" 2>&1 || {
  cat "$log" >&2
  exit 1
}
mv "$stage"/*.deb "$stage"/*.changes "$stage"/*.buildinfo "$out"
