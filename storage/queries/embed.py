"""Makes C++ of .sql files: a header that declares each statement, and a source file that holds its text.

A file holds one statement, which has the file's name, or several, each below a line `-- name: NAME`. Text below a line
`-- fragment: NAME` is no statement: it stands wherever a statement or a later fragment says `${NAME}`. Parameters are written by
name, `@task_ids`, and become $1, $2, ... in the order in which they first appear. A file's comments stay in the file, but the
first line of a statement, if it is a comment, is also the statement's title. A line `-- planned each time` is for a statement
whose values say what is to be left out: one plan for all values would be made for none.

Usage: embed.py NAMESPACE HEADER SOURCE INCLUDE FILE.sql ...
"""

import os
import re
import sys

SECTION = re.compile(r"^-- (name|fragment): ([a-z_0-9]+)$")
# Of a statement whose plan depends on its values: Connection has it planned anew for each execution.
PLANNED_EACH_TIME = re.compile(r"^-- planned each time$", re.MULTILINE)
# What is not to be searched for parameters: comments, and texts in quotes.
TOKEN = re.compile(r"(--[^\n]*)|('(?:[^']|'')*')|@([a-z_][a-z_0-9]*)", re.MULTILINE)


class Mistake(Exception):
    """What is wrong with a file, for whoever builds."""


def sections(path, text):
    """Yields kind, name and text of each section of a file."""
    kind, name, lines = "name", os.path.basename(path)[:-len(".sql")], []
    seen = False
    for line in text.splitlines():
        match = SECTION.match(line)
        if not match:
            lines.append(line)
            continue
        if seen or without_comments("\n".join(lines)):
            yield kind, name, "\n".join(lines)
        kind, name, lines, seen = match.group(1), match.group(2), [], True
    yield kind, name, "\n".join(lines)


def without_comments(text):
    text = TOKEN.sub(lambda m: "" if m.group(1) else m.group(0), text)
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def title(text):
    """The comment in the first line, or nothing."""
    first = text.lstrip().partition("\n")[0]
    return first[2:].strip() if first.startswith("--") else ""


def insert_fragments(where, text, fragments):
    def fragment(match):
        if match.group(1) not in fragments:
            raise Mistake(f"{where}: there is no fragment {match.group(1)} before it")
        return fragments[match.group(1)]
    return re.sub(r"\$\{([a-z_0-9]+)\}", fragment, text)


def number_parameters(text):
    """The text with $1 for the first parameter and so on, and the parameters' names."""
    names = []

    def number(match):
        name = match.group(3)
        if name is None:
            return match.group(0)
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"
    return TOKEN.sub(number, text), names


def constant(name):
    return "k" + "".join(word.capitalize() for word in name.split("_"))


def read(paths):
    """Yields name, text, parameters and title of each statement of all files, and whether it is planned each time."""
    fragments, taken = {}, set()
    files = [(path, open(path, encoding="utf-8").read()) for path in sorted(paths)]
    # Files of nothing but fragments come first: they are for all.
    files.sort(key=lambda file: not os.path.basename(file[0]).startswith("fragments"))
    for path, text in files:
        for kind, name, body in sections(path, text):
            where = f"{path}: {name}"
            head = title(body)
            planned_each_time = PLANNED_EACH_TIME.search(body) is not None
            body = insert_fragments(where, without_comments(body), fragments).rstrip().rstrip(";")
            if not body:
                raise Mistake(f"{where}: is empty")
            if (kind, name) in taken:
                raise Mistake(f"{where}: is there twice")
            taken.add((kind, name))
            if kind == "fragment":
                fragments[name] = body
            else:
                yield (name, *number_parameters(body), head, planned_each_time)


def main(namespace, header, source, include, *paths):
    statements = sorted(read(paths))
    guard = re.sub(r"[^A-Z]", "_", include.upper()) + "_"
    with open(header, "w", encoding="utf-8") as file:
        file.write(f"// Made by storage/queries/embed.py.\n#ifndef {guard}\n#define {guard}\n\n#include <span>\n\n"
                   f'#include "storage/query.h"\n\nnamespace {namespace} {{\n\n')
        for name, *_ in statements:
            file.write(f"extern const storage::Query {constant(name)};\n")
        file.write("\n// All of them, by name.\nstd::span<const storage::Query* const> All();\n\n"
                   f"}}  // namespace {namespace}\n\n"
                   f"#endif  // {guard}\n")
    with open(source, "w", encoding="utf-8") as file:
        file.write(f'// Made by storage/queries/embed.py.\n#include "{include}"\n\nnamespace {namespace} {{\n\n')
        for name, text, parameters, head, planned_each_time in statements:
            names = ", ".join(f'"{parameter}"' for parameter in parameters)
            file.write(f'constinit const storage::Query {constant(name)} = {{\n    "{name}", R"__SQL__({text})__SQL__",\n'
                       f'    {{{names}}}, R"__SQL__({head})__SQL__", {str(planned_each_time).lower()}}};\n\n')
        every = ", ".join(f"&{constant(name)}" for name, *_ in statements)
        file.write("std::span<const storage::Query* const> All() {\n"
                   f"  static const storage::Query* const kAll[] = {{{every}}};\n"
                   f"  return kAll;\n}}\n\n}}  // namespace {namespace}\n")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Mistake as mistake:
        sys.exit(str(mistake))
