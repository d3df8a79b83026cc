#!/usr/bin/python3
"""Has clang read what uses a mutex with its thread-safety analysis, -Wall and -Wextra; every warning is an error.

The annotations of common/mutex.h mean nothing to gcc, which builds the programs. Nothing is compiled: clang stops after the
analysis. Headers of libraries that many files include are read once, in advance: a file takes half to two thirds of the time.
Usage: tools/thread_safety.py [FILE ...], by default every file of compile_commands.json that includes common/mutex.h, directly or
not.
"""

import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
MUTEX = "common/mutex.h"
FLAGS = ["-fsyntax-only", "-Wthread-safety", "-Werror"]
# The words that say what the compiler writes, and how many there are of each.
OUTPUTS = {"-MF": 2, "-o": 2, "-MD": 1, "-c": 1}
# Which share of the files has to include a header for it to be read in advance.
OFTEN = 0.1


def includes(path, known):
    """Puts the file, and all that it includes, into `known`, as it is named there. Of headers of libraries only their names."""
    known.add(path)
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        for header in re.findall(r'^#include ([<"][^>"]+)[>"]', file.read(), re.MULTILINE):
            name = header[1:]
            if name in known:
                continue
            if header[0] == '"' and os.path.exists(os.path.join(TOP, name)):
                includes(name, known)
            else:
                known.add(header)
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
    return words


def macros(entry):
    return tuple(word for word in entry["arguments"] if word.startswith("-D"))


class Checker:
    """Reads files, with what it has read of libraries before, for each set of macros. Writes into `directory`."""

    def __init__(self, directory):
        self.directory = directory
        self.read = {}

    def read_libraries(self, entries):
        by_macros = collections.defaultdict(list)
        for entry in entries:
            by_macros[macros(entry)].append(entry)
        for alike in by_macros.values():
            counts = collections.Counter(name for entry in alike for name in includes(entry["file"], set()) if name[0] in '<"')
            # Not messages that the build makes: each library of theirs has a folder of its own.
            often = [name for name, count in sorted(counts.items())
                     if count > max(1, OFTEN * len(alike)) and not name.endswith(".pb.h")]
            if often:
                self.read[macros(alike[0])] = self.read_in_advance(alike[0], often)

    def read_in_advance(self, like, headers):
        path = f"{self.directory}/libraries-{len(self.read)}"
        with open(path + ".h", "w", encoding="utf-8") as file:
            for header in headers:
                file.write(f"#include {header}{'>' if header[0] == '<' else header[0]}\n")
        words = [word for word in command(like) if word != like["file"]]
        subprocess.run([*words, "-x", "c++-header", path + ".h", "-o", path + ".pch"], cwd=TOP, check=True)
        return path + ".pch"

    def check(self, entry):
        libraries = self.read.get(macros(entry))
        words = command(entry) + FLAGS + (["-include-pch", libraries] if libraries else [])
        return subprocess.run(words, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main():
    with open(os.path.join(TOP, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    wanted = set(sys.argv[1:])
    entries = [e for e in entries if (e["file"] in wanted if wanted else MUTEX in includes(e["file"], set()))]
    failed = 0
    with tempfile.TemporaryDirectory() as directory, \
            concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        checker = Checker(directory)
        checker.read_libraries(entries)
        for done in pool.map(checker.check, entries):
            failed += done.returncode != 0
            print(done.stdout, end="", flush=True)
    print(f"clang read {len(entries)} files, {failed} with warnings")
    return 1 if failed or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
