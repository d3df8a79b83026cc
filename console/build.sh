#!/usr/bin/env bash
# Makes the files of the console that a browser loads. Usage: build.sh NODE_MODULES OUT_DIRECTORY
set -euo pipefail

modules=$(realpath "$1")
out=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The compiler and the bundler look for packages beside the files that import them.
cp -rL "$(dirname "$0")/src" "$(dirname "$0")/tsconfig.json" "$work"
ln -s "$modules" "$work/node_modules"
cd "$work"

node node_modules/typescript/bin/tsc -p .
node node_modules/esbuild/bin/esbuild src/main.tsx --bundle --minify --target=es2022 --format=iife --jsx=automatic \
  --jsx-import-source=preact --legal-comments=none --log-level=warning --outfile="$out/console.js"
node node_modules/esbuild/bin/esbuild src/console.css --bundle --minify --log-level=warning --outfile="$out/console.css"
cp src/index.html src/icon.svg "$out"
