#!/usr/bin/python3
"""Has clang read what uses a mutex with its thread-safety analysis, -Wall and -Wextra; every warning is an error.

The annotations of common/mutex.h mean nothing to gcc, which builds the programs. Nothing is compiled: clang stops after the
analysis. Usage: tools/thread_safety.py [FILE ...], by default every file of compile_commands.json that includes common/mutex.h,
directly or not.
"""

import concurrent.futures
import json
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
MUTEX = "common/mutex.h"
FLAGS = ["-fsyntax-only", "-Wthread-safety", "-Werror"]
# The words that say what the compiler writes, and how many there are of each.
OUTPUTS = {"-MF": 2, "-o": 2, "-MD": 1, "-c": 1}


def includes(path, known):
    """Puts the file, and those of the repository that it includes, into `known`."""
    known.add(path)
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        for header in re.findall(r'^#include "([^"]+)"', file.read(), re.MULTILINE):
            if header not in known and os.path.exists(os.path.join(TOP, header)):
                includes(header, known)
    return known


def command(entry):
    words, position = ["clang++"], 1
    while position < len(entry["arguments"]):
        word = entry["arguments"][position]
        if word in OUTPUTS:
            position += OUTPUTS[word]
        else:
            words += [] if word.startswith("-frandom-seed") else [word]
            position += 1
    return words + FLAGS


def check(entry):
    return subprocess.run(command(entry), cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main():
    with open(os.path.join(TOP, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    wanted = set(sys.argv[1:])
    entries = [e for e in entries if (e["file"] in wanted if wanted else MUTEX in includes(e["file"], set()))]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for done in pool.map(check, entries):
            failed += done.returncode != 0
            print(done.stdout, end="", flush=True)
    print(f"clang read {len(entries)} files, {failed} with warnings")
    return 1 if failed or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
