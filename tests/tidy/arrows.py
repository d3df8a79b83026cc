"""Which folder may use which: the table of docs/architecture.md against #include and BUILD files, both ways."""

import ast
import re

PAGE = "docs/architecture.md"
# Folders whose files are not part of the programs.
UNRULED = ("tests", "tools", "ansible")


class Table:
    """The rows of "The folders": what each may use, whole folders or some of their headers."""

    def __init__(self, tree):
        rows = re.findall(r"^\| `([\w./]+)` \|.*\| ([^|]*)\|$", tree.text(PAGE), re.MULTILINE)
        self.folders = [folder.rstrip("/") for folder, _ in rows]
        self.allowed = {}  # (user, used): headers, None for all of them.
        for folder, cell in rows:
            self._read(folder.rstrip("/"), cell.strip())

    def _read(self, user, cell):
        used = None
        for item in filter(None, cell.split(", ")):
            match = re.fullmatch(r"(?:([\w/]+)(?:'s )?)?(?:`([\w.]+)`)?", item)
            if not match:
                raise ValueError(f"{PAGE}: '{item}' in the row of {user} is not understood")
            if match.group(1):
                used = self._resolve(user, match.group(1))
                self.allowed[user, used] = {f"{used}/{match.group(2)}"} if match.group(2) else None
            else:
                self.allowed[user, used].add(f"{used}/{match.group(2)}")

    def _resolve(self, user, name):
        for folder in (name, f"{user.split('/')[0]}/{name}", f"{name}/longshore/v1"):
            if folder in self.folders:
                return folder
        raise ValueError(f"{PAGE}: '{name}' in the row of {user} is no folder of the table")

    def folder_of(self, path):
        """The row that a file belongs to: the longest that it lies in."""
        rows = [folder for folder in self.folders if path.startswith(folder + "/")]
        return max(rows, key=len, default=None)


def ruled(path):
    return not path.startswith(tuple(f"{folder}/" for folder in UNRULED)) and not path.endswith("_test.cc") and (
        "/testing/" not in path)


def includes(tree):
    """(where, file, included file)"""
    for path in filter(ruled, tree.named(".cc", ".h")):
        for number, line in enumerate(tree.lines(path), 1):
            match = re.match(r'#include "([^"]+)"', line)
            if match:
                target = match.group(1)
                target = re.sub(r"^longshore/v1/", "proto/longshore/v1/", target)
                yield f"{path}:{number}", path, target


class Build:
    """The libraries and programs of the BUILD files: their dependencies and headers, by label."""

    def __init__(self, tree):
        self.rules = {}
        for path in tree.named("BUILD.bazel"):
            package = path[:-len("/BUILD.bazel")]
            if not path.startswith("third_party/") and "/" in path:
                for node in ast.parse(tree.text(path)).body:
                    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                        self._add(package, node.value)

    def _add(self, package, call):
        values = {keyword.arg: keyword.value for keyword in call.keywords}
        if getattr(call.func, "id", "") in ("cc_library", "cc_binary", "cc_grpc_library", "cc_proto_library"):
            self.rules[f"//{package}:{values['name'].value}"] = {
                "package": package, "deps": strings(values.get("deps")), "hdrs": strings(values.get("hdrs"))}

    def dependencies(self):
        """(label, its package, files of the label that it depends on)"""
        for label, rule in self.rules.items():
            if not ruled(rule["package"] + "/"):
                continue
            for word in rule["deps"]:
                if word.startswith("//") and not word.startswith("//third_party/"):
                    name = word if ":" in word else f"{word}:{word.rsplit('/', 1)[-1].lstrip('/')}"
                    package = name[2:].split(":")[0]
                    headers = self.rules.get(name, {}).get("hdrs") or ["?"]
                    yield f"{label} -> {word}", rule["package"], [f"{package}/{header}" for header in headers]


def strings(node):
    return [] if node is None else [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def arrows(tree):
    table = Table(tree)
    used = set()
    uses = [(where, user, [target]) for where, user, target in includes(tree)]
    uses += [(where, package + "/", targets) for where, package, targets in Build(tree).dependencies()]
    for where, user, targets in uses:
        source = table.folder_of(user)
        for target in targets:
            destination = table.folder_of(target)
            if destination is None or destination == source:
                continue
            headers = table.allowed.get((source, destination), set())
            if headers is not None and target not in headers:
                yield f"{where}: {source} may not use {target}"
            used |= {(source, destination, None), (source, destination, target)}
    for (source, destination), headers in table.allowed.items():
        for header in headers or [None]:
            if source not in UNRULED and (source, destination, header) not in used:
                yield f"{PAGE}: {source} does not use {header or destination}"
    for path in filter(ruled, tree.named(".cc", ".h")):
        if table.folder_of(path) is None:
            yield f"{PAGE}: no row for the folder of {path}"
