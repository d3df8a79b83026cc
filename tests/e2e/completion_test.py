"""What bash, zsh and fish themselves complete, with the scripts that `longshore completion` prints."""

import os
import pty
import subprocess
import tempfile
import unittest

from harness.patience import communicate, wait_until
from harness.programs import LONGSHORE


class CompletionTest(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="longshore-completion-")
        self.addCleanup(self.folder.cleanup)
        os.symlink(LONGSHORE, os.path.join(self.folder.name, "longshore"))
        with open(os.path.join(self.folder.name, "script.sh"), "w"):
            pass
        self.environment = dict(os.environ, PATH=f"{self.folder.name}:{os.environ['PATH']}", HOME=self.folder.name, TERM="dumb")

    def run_shell(self, *command):
        child = subprocess.Popen(command, env=self.environment, cwd=self.folder.name, text=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.addCleanup(child.kill)
        out, err = communicate(child, "the end of the shell")
        self.assertEqual((child.returncode, err), (0, ""), out)
        return out

    def bash(self, *words):
        """What bash offers for the last of `words`, by the function that it would call."""
        script = """
            source <(longshore completion bash)
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
            _longshore longshore
            printf '%s\\n' "${COMPREPLY[@]}" """
        return self.run_shell("bash", "--norc", "-c", script, "bash", "longshore", *words).split()

    def fish(self, line):
        script = 'longshore completion fish | source; complete -C "$argv"'
        out = self.run_shell("fish", "--no-config", "-c", script, "longshore " + line)
        return [offer.split("\t")[0] for offer in out.splitlines()]

    def test_bash(self):
        self.assertEqual(self.bash("dep"), ["deploy", "deployments"])
        self.assertEqual(self.bash("instances", "sh"), ["show"])
        self.assertEqual(self.bash("-o", "json", "instances", "list", "--pro"), ["--project"])
        self.assertEqual(self.bash("tasks", "--status", "c"), ["completed", "cancelled"])
        self.assertEqual(self.bash("status", "1", "--output", "=", "w"), ["wide"])
        self.assertEqual(self.bash("status", "1", "--output", "="), ["table", "wide", "json", "yaml"])
        self.assertEqual(self.bash("deploy", "--file", "scr"), ["script.sh"])
        self.assertEqual(self.bash("status", ""), [])

    def test_bash_asks_for_them_by_itself(self):
        self.assertIn("-F _longshore", self.run_shell("bash", "-c", "source <(longshore completion bash); complete -p longshore"))

    def test_fish(self):
        self.assertEqual(self.fish("dep"), ["deploy", "deployments"])
        self.assertEqual(self.fish("instances sh"), ["show"])
        self.assertEqual(self.fish("tasks --status c"), ["cancelled", "completed"])
        self.assertEqual(self.fish("status 1 --output=w"), ["--output=wide"])
        self.assertEqual(self.fish("deploy --file scr"), ["script.sh"])

    def test_zsh(self):
        """At a terminal, for its completion works nowhere else: what it completes is run, and says which command it is."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        child = subprocess.Popen(["zsh", "-f", "-i"], env=self.environment, cwd=self.folder.name, stdin=slave, stdout=slave,
                                 stderr=slave, start_new_session=True)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        os.close(slave)
        os.set_blocking(master, False)
        seen = b""

        def type_line(line, expected):
            nonlocal seen
            seen = b""
            os.write(master, line)
            wait_until(lambda: expected in look(), f"{expected} after {line}")

        def look():
            nonlocal seen
            try:
                seen += os.read(master, 65536)
            except BlockingIOError:
                pass
            return seen

        type_line(b"autoload -U compinit; compinit -u -d dump; source <(longshore completion zsh); print rea''dy\n", b"ready\r\n")
        type_line(b"longshore instances sho\t--help\n", b"Shows an instance in full")
        type_line(b"longshore completion f\t| head -n 1\n", b"# fish completion")
        type_line(b"longshore deploy --fi\tscr\t", b"ipt.sh")


if __name__ == "__main__":
    unittest.main()
