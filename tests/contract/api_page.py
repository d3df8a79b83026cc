"""What docs/api.md and the pages beside it say, as data: examples, limits, tables, names."""

import json
import os
import re

from google.protobuf import descriptor_pool

from harness.api import access_service, instance_service, payload_service, task_service
from harness.programs import ROOT

SERVICES = {service.full_name: service
            for module in (access_service, instance_service, payload_service, task_service)
            for service in module.DESCRIPTOR.services_by_name.values()}
NAMES = ("access", "access_service", "deployment", "instance", "instance_service", "payload", "payload_service", "task",
         "task_service", "worker")
FILES = [payload_service.DESCRIPTOR.pool.FindFileByName(f"longshore/v1/{name}.proto") for name in NAMES]


def text(name="api.md"):
    with open(os.path.join(ROOT, "docs", name), encoding="utf-8") as file:
        return file.read()


def number(words):
    """The number in front of `words`, which may hold a group for what is between."""
    found = re.search(rf"([\d,]*\d) ?{words}", re.sub(r"\s+", " ", text()))
    if found is None:
        raise AssertionError(f"docs/api.md: no number in front of {words!r}")
    return int(found.group(1).replace(",", ""))


def examples(page):
    """(full name of the method, its descriptor, request, answers) of each call by grpcurl; JSON as Python has it."""
    call = re.compile(r"grpcurl (?:-d '(\{.*?\})'\s+(?:\\\n\s+)?)?\$LONGSHORE_API ([\w.]+)/(\w+)\n(.*?)(?:^```|\n\n)",
                      re.DOTALL | re.MULTILINE)
    for request, service, method, answers in call.findall(text(page)):
        yield (f"{service}/{method}", SERVICES[service].methods_by_name[method], json.loads(request or "{}"),
               list(objects(answers)))


def objects(answers):
    """The JSON objects among the lines of an answer; an error has none. A line of dots stands for what is left out."""
    decoder = json.JSONDecoder()
    answers = re.sub(r"^ *\.\.\.\n", "", answers, flags=re.MULTILINE)
    answers = re.sub(r",(\n *[]}])", r"\1", answers)
    at = 0 if answers.startswith("{") else answers.find("\n{") + 1
    while 0 <= at < len(answers) and answers[at] == "{":
        value, at = decoder.raw_decode(answers, at)
        yield value
        at = at + 1 if answers[at:at + 2] == "\n{" else len(answers)


def table(header):
    """The rows of the table below `header`, as lists of cells."""
    rows = re.search(re.escape(header) + r"\n\|[-|]+\|\n((?:\|.*\n)+)", text()).group(1)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()]


def prose(page):
    return re.sub(r"^```.*?^```", "", text(page), flags=re.DOTALL | re.MULTILINE)


def quoted_words(page):
    """The words in backticks that look like fields."""
    return set(re.findall(r"`([a-z]+(?:_[a-z0-9]+)*)`", prose(page)))


def constants(page):
    """The words in capitals: statuses, types, reasons, codes."""
    return set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b", prose(page)))


def field_names():
    names = set()
    waiting = [message for file in FILES for message in file.message_types_by_name.values()]
    while waiting:
        message = waiting.pop()
        names |= {field.name for field in message.fields}
        waiting += message.nested_types
    return names


def enum_values(name):
    """The values of an enum, without what they begin with, and without UNSPECIFIED."""
    values = [value.name for value in descriptor_pool.Default().FindEnumTypeByName(f"longshore.v1.{name}").values]
    prefix = values[0].removesuffix("UNSPECIFIED")
    return {value.removeprefix(prefix) for value in values[1:]}


def all_enum_values():
    """With and without what they begin with."""
    enums = [enum for file in FILES for enum in file.enum_types_by_name.values()]
    return {value for enum in enums for value in enum_values(enum.name) | set(enum.values_by_name)}


def defaults(help_text):
    """Default of each flag by its name, from what --help prints."""
    found = re.findall(r"^ {4}-(\w+) \(.*?type: \w+\s+default: \"?([^\s\"]*)", help_text, re.DOTALL | re.MULTILINE)
    return dict(found)


def told_defaults(page):
    """(flag, default) of each `--flag` with a number behind it in brackets, or one in front of it."""
    words = re.sub(r"\s+", " ", prose(page))
    unit = {"s": 1, "MiB": 2**20, "h": 3600, "": 1}
    for flag, value, name in re.findall(r"`--(\w+)` \(([\d,]+) ?(s|MiB|h|)\)", words):
        yield flag, int(value.replace(",", "")) * unit[name]
    for value, name, flag in re.findall(r"([\d,]+) ?(s|MiB|h|bytes|) \(`--(\w+)`\)", words):
        yield flag, int(value.replace(",", "")) * unit[name.removesuffix("bytes")]


def flag_rows():
    """(flag, default) of each row of the tables of flags, where the default is a number."""
    for names, told in re.findall(r"^\| (`--[^|]*) \| ([\d, ]+) \|", text("operations.md"), re.MULTILINE):
        yield from zip(re.findall(r"`--(\w+)`", names), map(int, told.split(", ")))
