"""The commands of docs/clients.md, as a client runs them: in a directory that has nothing but a copy of proto/."""

import os
import re
import shutil
import subprocess
import tempfile

ROOT = os.getcwd()  # Bazel runs tests at the top of the runfiles.
CONTRACT = os.path.join(ROOT, "tests/contract")
# third_party/npm; a workspace's repositories lie beside it.
NODE_MODULES = os.path.realpath(os.path.join(ROOT, "../npm/node_modules"))


def workshop(test):
    """A new directory with a copy of proto/, gone when the test is over."""
    directory = tempfile.mkdtemp(prefix="longshore-stubs-")
    test.addCleanup(shutil.rmtree, directory, ignore_errors=True)
    shutil.copytree(f"{ROOT}/proto", f"{directory}/proto")
    return directory


def commands(heading):
    """The shell commands below a heading of docs/clients.md."""
    with open(f"{ROOT}/docs/clients.md") as file:
        sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", file.read(), re.MULTILINE | re.DOTALL))
    blocks = re.findall(r"^```sh\n(.*?)^```$", sections[heading], re.MULTILINE | re.DOTALL)
    if not blocks:
        raise AssertionError(f"docs/clients.md has no commands for {heading}")
    return "".join(blocks)


def follow(heading, directory):
    """Runs the commands below a heading of docs/clients.md."""
    run(["bash", "-euo", "pipefail", "-c", commands(heading)], directory)


def run(command, directory, **options):
    """Runs a command that must succeed; returns what it printed."""
    done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, **options)
    if done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def make_python_stubs(directory):
    """Makes them, and those of the error details, in gen/python."""
    follow("Python", directory)
    shutil.copytree(f"{ROOT}/third_party/googleapis", f"{directory}/googleapis")
    follow("Errors", directory)


def make_node_stubs(directory):
    """Makes their types, and puts beside them what client.js needs, and client.js."""
    os.symlink(NODE_MODULES, f"{directory}/node_modules")
    shutil.copytree(f"{ROOT}/third_party/googleapis", f"{directory}/googleapis")
    follow("Node", directory)
    shutil.copy(f"{CONTRACT}/client.js", directory)
