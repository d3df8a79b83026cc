#!/usr/bin/python3
"""Writes compile_commands.json for editors and clang-tidy, from what Bazel would run for each of Longshore's own C++ files.

Usage: tools/compile_commands.py [TARGET ...], by default everything. It also builds the generated headers that those files
include, and compiles nothing else.
"""

import json
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "longshore-bazel")
FLAGS = [f"--disk_cache={CACHE}", "--noshow_progress", "--ui_event_filters=-info"]
# The folders whose files are Longshore's own, not generated.
SOURCES = ("api_server/", "cli/", "common/", "http/", "payload_worker/", "storage/", "tests/", "verify/")
# What gcc knows and clang does not.
GCC_ONLY = ("-fno-canonical-system-headers", "-Wno-free-nonheap-object")


def bazel(command, *arguments):
    return subprocess.run(["bazel", command, *FLAGS, *arguments], cwd=TOP, check=True, stdout=subprocess.PIPE).stdout


def commands(targets):
    """An entry for each file; the first configuration that compiles it counts."""
    graph = json.loads(bazel("aquery", "--output=jsonproto", f"mnemonic('CppCompile', deps(set({' '.join(targets)})))"))
    entries = {}
    for action in graph.get("actions", []):
        arguments = action["arguments"]
        source = arguments[arguments.index("-c") + 1]
        if source.startswith(SOURCES):
            entries.setdefault(source, {
                "directory": TOP, "file": source, "arguments": [word for word in arguments if word not in GCC_ONLY]})
    return [entries[source] for source in sorted(entries)]


def main():
    targets = sys.argv[1:] or ["//..."]
    bazel("build", "--output_groups=compilation_prerequisites_INTERNAL_", *targets)
    with open(os.path.join(TOP, "compile_commands.json"), "w") as file:
        json.dump(commands(targets), file, indent=1)


if __name__ == "__main__":
    main()
