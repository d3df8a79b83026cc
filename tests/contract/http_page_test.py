"""docs/http.md is true: each call on it is run, and answered as it says."""

import json
import os
import re
import subprocess
import unittest

from harness.stack import Stack
from harness.web import port_of

CHANGING = re.compile(r"^(20\d\d-\d\d-\d\dT[\d:.]+Z|[\d.]+s)$")  # Times and durations.


def examples():
    """Each command of the page, with what it says of the answer."""
    with open("docs/http.md") as page:
        lines = page.read().splitlines()
    command, answer, found, in_command = None, [], [], False
    for line in [*lines, "end"]:
        text = line[4:] if line.startswith("    ") else None
        starts = text is not None and text.startswith(("ask ", "curl "))
        if command is not None and (starts or (text is None and line)):
            found.append((command, "\n".join(answer).strip()))
            command = None
        if starts:
            command, answer, in_command = text, [], True
        elif command is not None and not line:
            in_command = False
            answer.append("")
        elif command is not None and in_command:
            command += "\n" + text
        elif command is not None:
            answer.append(text)
    return found


def differences(said, true, path=""):
    """Where `true` is not as `said`: an object may have more, ids may be others, "…" is anything."""
    if isinstance(said, dict) and isinstance(true, dict):
        for name, value in said.items():
            if name in true:
                yield from differences(value, true[name], f"{path}.{name}")
            else:
                yield f"{path}.{name} is missing"
    elif isinstance(said, list) and isinstance(true, list):
        if len(said) != len(true) and "…" not in str(said):
            yield f"{path} has {len(true)} elements, not {len(said)}"
        for i, (one, other) in enumerate(zip(said, true)):
            yield from differences(one, other, f"{path}[{i}]")
    elif type(said) is not type(true):
        yield f"{path} is {true!r}, not {said!r}"
    elif isinstance(said, str) and "…" not in said and not (CHANGING.match(said) and CHANGING.match(true)) and said != true:
        yield f"{path} is {true!r}, not {said!r}"
    elif isinstance(said, (bool, int, float)) and said != true:
        yield f"{path} is {true!r}, not {said!r}"


def as_json(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


class HttpPageTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2, http=True)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def test_every_call(self):
        with open("docs/http.md") as page:
            ask = re.search(r"^    (ask\(\) .*)$", page.read(), re.MULTILINE).group(1)
        environment = dict(self.stack.environment_of_cli(),
                           LONGSHORE_HTTP=f"https://127.0.0.1:{port_of(self.stack.api_servers[0])}")
        found = examples()
        self.assertGreater(len(found), 10)
        for command, said in found:
            with self.subTest(command):
                run = subprocess.run(["bash", "-c", f"{ask}\n{command}"], env=environment, capture_output=True, text=True)
                self.assertEqual(run.returncode, 0, run.stderr)
                self.compare(said, run.stdout)
            if "deploy_payload" in command:
                for payload_id in (1, 2):
                    self.stack.wait(payload_id)

    def compare(self, said, true):
        if as_json(said) is not None:
            self.assertEqual(list(differences(as_json(said), as_json(true))), [], true)
        elif said.startswith("id: "):
            for line, true_line in zip(said.splitlines(), true.splitlines(), strict=False):
                name, _, value = line.partition(": ")
                true_name, _, true_value = true_line.partition(": ")
                self.assertEqual(name, true_name)
                if "…" not in value:
                    self.assertEqual(as_json(value) or value, as_json(true_value) or true_value)
            self.assertEqual(len(said.splitlines()), len(true.rstrip().splitlines()))
        else:
            self.assertEqual(said, true)

    def test_every_route_is_told_of(self):
        with open("docs/http.md") as page:
            told = page.read()
        with open(os.path.join(os.path.dirname(__file__), "../../api_server/http/rest_routes.cc")) as source:
            routes = re.findall(r'\{"([A-Z]+)", "([^"]+)", "\w+\.(\w+)"', source.read())
        self.assertGreater(len(routes), 20)
        for verb, pattern, method in routes:
            path = re.sub(r"\{(?!sha256)\w+\}", "{id}", pattern)
            with self.subTest(f"{verb} {path}"):
                row = next((line for line in told.splitlines()
                            if line.startswith("|") and f"{verb} /api/v1/{path.split(':')[0]}" in line and method in line), None)
                self.assertIsNotNone(row)
                self.assertIn(":" + path.split(":")[1] if ":" in path else path, row)


if __name__ == "__main__":
    unittest.main()
