#!/usr/bin/env bash
# Installs the npm packages of a directory's lock file where they are missing, and prints the directory that holds their
# node_modules. That one lies outside of the repository and is named by the lock file, so that every checkout finds its own
# versions. Usage: npm.sh [DIRECTORY], beneath the repository; third_party/npm, if none is named
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../${1:-third_party/npm}" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/longshore-npm
directory=$cache/$(sha256sum < "$source/package-lock.json" | cut -c 1-16)
if [ ! -d "$directory" ]; then
  mkdir -p "$cache"
  partial=$(mktemp -d "$cache/partial.XXXXXX")
  trap 'rm -rf "$partial"' EXIT
  cp "$source/package.json" "$source/package-lock.json" "$partial"
  # No package's own scripts: none is needed, and each would run as whoever installs.
  (cd "$partial" && npm ci --prefer-offline --ignore-scripts --no-audit --no-fund --loglevel=error) >&2
  # Whoever else installs the same at this moment may have been first.
  mv -T "$partial" "$directory" 2> /dev/null || [ -d "$directory" ]
fi
echo "$directory"
