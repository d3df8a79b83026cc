"""The source tree as the rules read it."""

import fnmatch
import os

# What .gitignore names, and what no rule is for.
SKIPPED = (".git", ".cache", "bazel-*", "__pycache__", "compile_commands.json", "node_modules", "*.binpb", "*.png")


class Tree:
    """The text files below `root`, by their paths relative to it."""

    def __init__(self, root):
        self.root = root
        self.files = sorted(self._walk())
        self.folders = {os.path.dirname(path) for path in self.files}
        for folder in list(self.folders):
            while folder:
                self.folders.add(folder)
                folder = os.path.dirname(folder)

    def _walk(self):
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if not skipped(name)]
            for name in files:
                if not skipped(name):
                    yield os.path.relpath(os.path.join(folder, name), self.root)

    def text(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def lines(self, path):
        return self.text(path).splitlines()

    def named(self, *endings, below=""):
        return [path for path in self.files if path.endswith(endings) and path.startswith(below)]

    def has(self, path):
        return path in self.folders or os.path.exists(os.path.join(self.root, path))


def skipped(name):
    return any(fnmatch.fnmatch(name, pattern) for pattern in SKIPPED)
