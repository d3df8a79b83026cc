"""What a file may look like, and which libraries it may include."""

import re

MAX_LINES = 500
# A picture, a licence and what npm writes are not read line by line; a migration that was applied is never edited.
NO_LIMIT = (".svg", "LICENSE", "package-lock.json")
FROZEN = "storage/migrations/"

# A library's header, and the only folders that include it.
LIBRARIES = (
    (r"<libssh/", ("payload_worker/ssh/", "tests/hostile/", "tests/bench/")),
    (r"<(postgresql/)?libpq", ("storage/",)),
    (r"<curl/", ("common/http_client.cc",)),
    (r"<boost/", ("http/",)),
    (r"<systemd/", ("common/service_notifier.cc",)),
    (r"<prometheus/", ("common/metrics.", "common/exemplars.", "common/open_metrics")),
    # Clang's thread-safety analysis knows longshore::Mutex only.
    (r"<(mutex|shared_mutex|condition_variable)>|\"absl/synchronization/", ("common/mutex.h",)),
)


def max_columns(path):
    return 100 if path.endswith((".cc", ".h")) else 130


def long_files(tree):
    for path in tree.files:
        if not path.endswith(NO_LIMIT) and len(tree.lines(path)) > MAX_LINES:
            yield f"{path}: over {MAX_LINES} lines"


def raw_strings(path, lines):
    """The numbers of the lines of a C++ file that a raw string is on: scripts and JSON, which clang-format leaves as they are."""
    end = None
    for number, line in enumerate(lines, 1):
        start = re.search(r'R"(\w*)\(', line) if end is None and path.endswith((".cc", ".h")) else None
        if start:
            end = f'){start.group(1)}"'
            line = line[start.end():]
        if start or end:
            yield number
        if end and end in line:
            end = None


def long_lines(tree):
    """A row of a table or an example in a page cannot be broken; a raw string may be as long as a line of a script."""
    for path in tree.files:
        if path.endswith(NO_LIMIT) or path.startswith(FROZEN):
            continue
        raw = set(raw_strings(path, tree.lines(path)))
        in_block = False
        for number, line in enumerate(tree.lines(path), 1):
            in_block ^= line.startswith("```")
            table = path.endswith(".md") and (line.startswith("|") or in_block)
            limit = 130 if number in raw else max_columns(path)
            if len(line) > limit and not table:
                yield f"{path}:{number}: {len(line)} columns, over {limit}"


def libraries(tree):
    for path in tree.named(".cc", ".h"):
        for number, line in enumerate(tree.lines(path), 1):
            for header, users in LIBRARIES:
                if re.match(rf"#include {header}", line) and not path.startswith(users):
                    yield f"{path}:{number}: {line} is for {', '.join(users)} alone"
