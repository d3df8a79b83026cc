#!/usr/bin/env bash
# What a change has to pass before the tests: formatting, linters, clang's thread-safety analysis, and clang-tidy on the C++ files
# that changed since BASE (default: the commit before the last). Installs what is missing. Usage: tools/presubmit.sh [BASE]
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
base=${1:-HEAD^}
tools/lib/install.sh build presubmit || exit 1

npm=$(tools/lib/npm.sh) || exit 1
# clang-tidy takes ten seconds and more for a file: of a large change it reads only so many.
tidy_files=12

# The files whose names have one of the endings. What Bazel and git keep at the top is none of them.
files() {
  local ending names=(-false)
  for ending in "$@"; do names+=(-o -name "*$ending"); done
  find . \( -path ./.git -o -path ./.cache -o -path './bazel-*' \) -prune -o -type f \( "${names[@]}" \) -print
}

format_cpp() { files .cc .h | xargs clang-format --dry-run --Werror; }
format_console() { "$npm/node_modules/.bin/prettier" --log-level=warn --check 'console/**/*.{css,json,ts,tsx}'; }
format_build() { files .bazel .bzl .BUILD WORKSPACE | xargs "$npm/node_modules/.bin/buildifier" --mode=check; }
lint_shell() { { files .sh && echo .ci/run; } | xargs shellcheck; }
lint_python() { files .py | xargs flake8; }
thread_safety() { tools/compile_commands.py && tools/thread_safety.py; }

lint_cpp() {
  local changed
  if ! git rev-parse --quiet --verify "$base" > /dev/null; then
    echo "there is no $base to compare with"
    return
  fi
  mapfile -t changed < <(git diff --name-only --diff-filter=d "$base" -- '*.cc')
  if [ "${#changed[@]}" -gt "$tidy_files" ]; then
    echo "not read, for there are more than $tidy_files: ${changed[*]:$tidy_files}"
    changed=("${changed[@]:0:$tidy_files}")
  fi
  [ "${#changed[@]}" -eq 0 ] || printf '%s\n' "${changed[@]}" |
    xargs -P 2 -n 1 clang-tidy --quiet --warnings-as-errors='*' -p .
}

failed=()
for stage in format_cpp format_console format_build lint_shell lint_python thread_safety lint_cpp; do
  begun=$SECONDS
  "$stage" || failed+=("$stage")
  echo "presubmit: $stage took $((SECONDS - begun)) s"
done
if [ "${#failed[@]}" -gt 0 ]; then
  echo "presubmit failed: ${failed[*]}" >&2
  exit 1
fi
