#!/usr/bin/python3
"""Prints the lines covered by folder beside their floors, and fails where one is lower.

Usage: coverage_floor.py GCOVR_SUMMARY MARKDOWN. The floors are the rows `| FOLDER | PERCENT |` of the page's table whose header
is `| folder | floor |`.
"""

import collections
import json
import re
import sys


def floors(page):
    """{folder: percent} of the table."""
    with open(page) as file:
        table = re.search(r"^\| folder \| floor \|\n\|[-|]+\n((?:\|.*\n)*)", file.read(), re.MULTILINE)
    if not table:
        sys.exit(f"{page} has no table of floors")
    rows = (row.strip("|").split("|") for row in table[1].splitlines())
    return {folder.strip(" `"): float(percent.strip(" %")) for folder, percent in rows}


def covered(summary):
    """{folder: (covered lines, lines)} by the two first parts of each file's path, or the first where the file lies there."""
    with open(summary) as file:
        files = json.load(file)["files"]
    lines = collections.defaultdict(lambda: (0, 0))
    for entry in files:
        folder = "/".join(entry["filename"].split("/")[:-1][:2])
        hit, total = lines[folder]
        lines[folder] = hit + entry["line_covered"], total + entry["line_total"]
    return lines


def main():
    wanted = floors(sys.argv[2])
    measured = covered(sys.argv[1])
    low = []
    for folder in sorted(wanted.keys() | measured.keys()):
        hit, total = measured.get(folder, (0, 0))
        percent = 100 * hit / total if total else 0
        print(f"{folder:28} {hit:6} of {total:6} lines  {percent:5.1f} %  floor {wanted.get(folder, 'none')}")
        if folder not in wanted or percent < wanted[folder]:
            low.append(folder)
    if low:
        sys.exit(f"below the floor of {sys.argv[2]}, or without one: {', '.join(low)}")


if __name__ == "__main__":
    main()
