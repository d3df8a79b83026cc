"""The pages of docs/ tell of every flag, RPC and reason, and of none that is not there."""

import re


def defined_flags(tree):
    """Name of each flag of the programs, with the file that defines it."""
    for path in tree.named(".cc"):
        if not path.startswith("tests/"):
            for name in re.findall(r"^DEFINE_\w+\(\s*(\w+)", tree.text(path), re.MULTILINE):
                yield name, path


def flags(tree):
    page = tree.text("docs/operations.md")
    defined = dict(defined_flags(tree))
    for name, path in defined.items():
        if not re.search(rf"`--{name}\b", page):
            yield f"docs/operations.md: nothing about --{name} of {path}"
    for row in re.findall(r"^\| (`--.*?) \|", page, re.MULTILINE):
        for name in re.findall(r"`--(\w+)`", row):
            if name not in defined:
                yield f"docs/operations.md: no program has --{name}"


def public_services(tree):
    return [path for path in tree.named("_service.proto", below="proto/") if not path.endswith("/worker_service.proto")]


def rpcs(tree):
    page = tree.text("docs/api.md")
    for path in public_services(tree):
        for name in re.findall(r"^ +rpc (\w+)\(", tree.text(path), re.MULTILINE):
            if not re.search(rf"\b{name}\b", page):
                yield f"docs/api.md: nothing about {name} of {path}"


def reasons(tree):
    """Of errors, in the domain and above it, and of payloads that failed."""
    for path in tree.named(".cc", below="api_server/domain/") + tree.named(".cc", below="api_server/services/"):
        if not path.endswith("_test.cc"):
            for name in re.findall(r'"([A-Z]{4,}(?:_[A-Z]+)*)"', tree.text(path)):
                yield name, path
    path = "proto/longshore/v1/payload.proto"
    for name in re.findall(r"^ +FAILURE_REASON_(\w+) =", tree.text(path), re.MULTILINE):
        if name != "UNSPECIFIED":
            yield name, path


def error_reasons(tree):
    page = tree.text("docs/api.md")
    for name, path in sorted(set(reasons(tree))):
        if not re.search(rf"\b{name}\b", page):
            yield f"docs/api.md: nothing about {name} of {path}"


def reason_rows(tree):
    """No reason stands in the table of errors that no code has."""
    known = {name for name, _ in reasons(tree)}
    table = re.search(r"^\| code \| reason \| when \|\n((?:\|.*\n)+)", tree.text("docs/api.md"), re.MULTILINE)
    for row in table.group(1).splitlines()[1:]:
        for name in re.findall(r"[A-Z_]{4,}", row.split("|")[2]):
            if name not in known:
                yield f"docs/api.md: no error has the reason {name}"


def request_ids(tree):
    """The page names exactly the calls that take a request_id."""
    calls = set()
    for path in public_services(tree) + ["proto/longshore/v1/deployment.proto"]:
        for name, body in re.findall(r"^message (\w+)Request \{\n(.*?)^\}", tree.text(path), re.MULTILINE | re.DOTALL):
            if re.search(r"^ +string request_id\b", body, re.MULTILINE):
                calls.add(name)
    told = re.search(r"^`request_id` \(([\w, ]+);", tree.text("docs/api.md"), re.MULTILINE)
    for name in sorted(calls ^ set(told.group(1).split(", "))):
        yield f"docs/api.md: {name} takes a request_id, or does not"


def version(tree):
    """The one version is in common/version.h, and the changelog has it."""
    number = re.search(r'kVersion = "([\d.]+)"', tree.text("common/version.h")).group(1)
    if not re.search(rf"^## {re.escape(number)} \(", tree.text("CHANGELOG.md"), re.MULTILINE):
        yield f"CHANGELOG.md: nothing about {number} of common/version.h"
