#!/usr/bin/env python3
"""Writes the manual pages of the programs, from what they say of themselves.

Usage: man_pages.py PROGRAMS_DIR VERSION DATE OUT_DIR
"""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree

SERVERS = {  # Package: what it is, where its flags are defined, its configuration.
    "longshore-api-server": ("runs bash scripts on fleets of hosts, exactly once: server", "api_server/",
                             "/etc/longshore/api_server"),
    "longshore-worker": ("runs bash scripts on fleets of hosts, exactly once: worker", "payload_worker/",
                         "/etc/longshore/payload_worker"),
}


def escaped(text):
    """As roff takes it literally."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.splitlines())


def help_of(program, *words):
    done = subprocess.run([program, *words], stdout=subprocess.PIPE, text=True)
    if not done.stdout:
        raise SystemExit(f"man_pages.py: {program} {' '.join(words)} says nothing")
    return done.stdout


class Page:
    def __init__(self, name, section, summary, version, date):
        self.lines = [f'.TH {name.upper()} {section} "{date}" "Longshore {version}"', ".SH NAME",
                      f"{name} \\- {escaped(summary)}"]

    def heading(self, text):
        self.lines.append(f'.SH "{escaped(text)}"')

    def text(self, text):
        self.lines.append(escaped(text))

    def item(self, term, text):
        self.lines += [".TP", f"\\fB{escaped(term)}\\fR", escaped(text)]

    def paragraph(self):
        self.lines.append(".PP")

    def literal(self, text):
        self.lines += [".nf", escaped(text), ".fi"]

    def __str__(self):
        return "\n".join(self.lines) + "\n"


def server_page(program, name, version, date):
    """By gflags' list of flags, without those of the libraries."""
    summary, folder, configuration = SERVERS[name]
    page = Page(name, 1, summary, version, date)
    page.heading("SYNOPSIS")
    page.text(f"{name} --flagfile={configuration}.flags [--FLAG=VALUE ...]")
    page.heading("DESCRIPTION")
    page.text(f"The service {name}.service runs it. SIGTERM lets it end what it does and hand over the rest.")
    page.heading("OPTIONS")
    flags = xml.etree.ElementTree.fromstring(help_of(program, "--helpxml")).findall("flag")
    own = [flag for flag in flags if flag.findtext("file").startswith(folder)]
    if not own:
        raise SystemExit(f"man_pages.py: {program} has no flags of {folder}")
    for flag in own:
        default = flag.findtext("default")
        told = f" Without it {default}." if default not in ("", "false") and flag.findtext("type") != "bool" else ""
        page.item(f"--{flag.findtext('name')}", flag.findtext("meaning") + told)
    page.heading("FILES")
    page.item(f"{configuration}.flags", "The flags of the service, one a line.")
    page.item(f"{configuration}/", "Keys, and what else only the service may read.")
    page.heading("SEE ALSO")
    page.text("longshore(1)")
    return page


def command_pages(program, words=()):
    """(words of the command, its help), and those of its subcommands."""
    text = help_of(program, *words, "--help")
    yield words, text
    listed = re.search(r"^Subcommands:\n((?: .*\n)+)", text, re.MULTILINE)
    for name in re.findall(r"^  (\S+)", listed.group(1), re.MULTILINE) if listed else ():
        yield from command_pages(program, (*words, name))


def cli_page(program, version, date):
    page = Page("longshore", 1, "delivers bash scripts to fleets of Linux hosts and runs them there", version, date)
    page.heading("SYNOPSIS")
    page.text("longshore [OPTION ...] COMMAND [OPTION ...]")
    for words, text in command_pages(program):
        page.heading(" ".join(("longshore", *words)) if words else "DESCRIPTION")
        page.literal(re.sub(r"\n*For the options of every command see .*\n", "", text).rstrip())
    return page


def main(programs, version, date, out):
    pages = {name: server_page(os.path.join(programs, name), name, version, date) for name in SERVERS}
    pages["longshore"] = cli_page(os.path.join(programs, "longshore"), version, date)
    os.makedirs(out, exist_ok=True)
    for name, page in pages.items():
        with open(os.path.join(out, name + ".1"), "w", encoding="utf-8") as file:
            file.write(str(page))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
