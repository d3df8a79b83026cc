#!/usr/bin/env bash
# Sourced: builds the programs and says where they are. Needs the repository's top in $top.
# shellcheck disable=SC2034,SC2154

# The repository's own cache, outside of it, brings a clean build down to seconds.
bazel_flags=(--disk_cache="${XDG_CACHE_HOME:-$HOME/.cache}/longshore-bazel")

# Optimised programs, as users have them; tests build theirs by themselves, for speed of building.
build_programs() {
  (cd "$top" && bazel build "${bazel_flags[@]}" -c opt --noshow_progress --ui_event_filters=-info \
    //api_server //payload_worker //cli:longshore)
}

# Sets api_server, payload_worker and longshore to what build_programs built. Not through bazel-bin: that leads to what was built
# last, which may be a test's.
find_programs() {
  local bin
  bin=$(cd "$top" && bazel info -c opt bazel-bin 2> /dev/null)
  api_server=$bin/api_server/api_server
  payload_worker=$bin/payload_worker/payload_worker
  longshore=$bin/cli/longshore
}
