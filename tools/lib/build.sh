# Sourced: builds the programs and says where they are. Needs the repository's top in $top.

# The repository's own cache, outside of it, brings a clean build down to seconds.
bazel_flags=(--disk_cache="${XDG_CACHE_HOME:-$HOME/.cache}/longshore-bazel")

build_programs() {
  (cd "$top" && bazel build "${bazel_flags[@]}" --noshow_progress --ui_event_filters=-info \
    //api_server //payload_worker //cli:longshore)
}

api_server=$top/bazel-bin/api_server/api_server
payload_worker=$top/bazel-bin/payload_worker/payload_worker
longshore=$top/bazel-bin/cli/longshore
