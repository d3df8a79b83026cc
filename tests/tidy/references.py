"""No reference to a file that is not there."""

import ast
import os
import re

ENDINGS = r"(?:cc|h|py|sh|md|sql|proto|bzl|pml|yml|svg|sed|bazel)"
WORD = r"(?<![\w/.${}<>*%~-])((?:[\w.-]+/)*[\w-]+\." + ENDINGS + r")\b(?![\w*/(])"
# What the build makes.
GENERATED = (".pb.h", ".pb.cc", ".inc", "queries/queries.h", "checks/checks.h")
# Files of others that comments name.
FOREIGN = {"completion_queue.cc", "sched.h", "sys/prctl.h"}
COMMENT = {".cc": "//", ".h": "//", ".proto": "//", ".sql": "--", ".sh": "#", ".bazel": "#", ".bzl": "#"}


def placeholder(path):
    """NNNN_name.sql, FILE.svg: a word in capitals stands for something. A page like README.md does not."""
    return not path.endswith(".md") and re.search(r"[A-Z]{4}", os.path.basename(path))


def top_folders(tree):
    return {path.split("/")[0] for path in tree.files if "/" in path}


def comments(tree, path):
    """(number, text) of the comments and docstrings of a file; everything in a page."""
    if path.endswith(".md"):
        yield from enumerate(tree.lines(path), 1)
        return
    ending = os.path.splitext(path)[1]
    if ending == ".py":
        for node in ast.walk(ast.parse(tree.text(path))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
                yield node.body[0].lineno, ast.get_docstring(node)
    mark = COMMENT.get(ending, "#")
    for number, line in enumerate(tree.lines(path), 1):
        if line.strip().startswith(mark):
            yield number, line


def exists(tree, path, word):
    """`word` may be a path from the top, from where it stands, or the end of one."""
    if tree.has(word) or tree.has(os.path.normpath(os.path.join(os.path.dirname(path), word))):
        return True
    return any(file.endswith("/" + word) for file in tree.files)


def paths(tree):
    """A path that begins at a folder of the top exists, wherever it is written; so does a page, by its name."""
    tops = top_folders(tree)
    for path in tree.files:
        if path.endswith((".svg", "LICENSE")):
            continue
        for number, line in enumerate(tree.lines(path), 1):
            for word in re.findall(WORD, line):
                rooted = word.split("/")[0] in tops and "/" in word
                if not (rooted or word.endswith(".md")) or word.endswith(GENERATED) or placeholder(word):
                    continue
                if not exists(tree, path, word):
                    yield f"{path}:{number}: there is no {word}"


def names_in_comments(tree):
    """A file that a comment names exists."""
    for path in tree.named(".cc", ".h", ".py", ".sh", ".sql", ".proto", ".bazel", ".bzl"):
        for number, text in comments(tree, path):
            for word in re.findall(WORD, text):
                if word.endswith(GENERATED) or placeholder(word) or word in FOREIGN:
                    continue
                if not exists(tree, path, word):
                    yield f"{path}:{number}: there is no {word}"


def links(tree):
    """What a page links to, and the files and folders that it puts in backticks from the top, exist."""
    tops = top_folders(tree)
    for path in tree.named(".md"):
        for number, line in enumerate(tree.lines(path), 1):
            for target in re.findall(r"\]\(([^)#:\s]+)(?:#[\w-]*)?\)", line):
                if not tree.has(os.path.normpath(os.path.join(os.path.dirname(path), target))):
                    yield f"{path}:{number}: the link to {target} leads nowhere"
            for word in re.findall(r"`([\w.-]+/[\w./-]*)`", line):
                word = word.rstrip("/")
                if word.split("/")[0] in tops and not tree.has(word) and not program(tree, word):
                    yield f"{path}:{number}: there is no {word}"


def program(tree, word):
    """A target of Bazel that has the name of its folder's last part or of a rule in it."""
    folder, name = os.path.split(word)
    build = os.path.join(folder, "BUILD.bazel")
    return tree.has(build) and f'name = "{name}"' in tree.text(build)
