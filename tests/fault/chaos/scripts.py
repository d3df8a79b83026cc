"""The scripts of the chaos run: each writes a ledger on its instance, and what it should print and how it should end is known."""

import dataclasses
import random

from harness.held import HELD

LEDGERS = "ledgers"
# In each script's text, and in nothing that Longshore says of it.
SECRET = "secret-word-of-"


@dataclasses.dataclass(frozen=True)
class Script:
    """What a deployment runs, by its token: a word that names it everywhere."""
    token: str
    kind: str  # exit, signal, timeout, hang (until it is cancelled), large, held (see held.py)
    code: int = 0  # The exit status, or the signal.
    lines: int = 3
    pause: float = 0.0  # Seconds between two lines.
    padding: int = 0  # Bytes that do nothing.

    @property
    def path(self):
        return f"/root/{self.token}.sh"

    def body(self):
        """What is printed, as far as it gets."""
        if self.kind == "large":
            return "".join(f"{self.token} {i:060d}\n" for i in range(1, self.lines + 1)).encode()
        return "".join(f"{self.token} line {i}\n" for i in range(1, self.lines + 1)).encode()

    def text(self):
        ledger = f"/root/{LEDGERS}/{self.token}"
        head = f"# {SECRET}{self.token}\nmkdir -p /root/{LEDGERS}\n"
        head += f"note() {{ echo \"$*\" ${{EPOCHREALTIME/./}} >> {ledger}; }}\nnote start\n"
        if self.kind == "large":
            body = f"awk 'BEGIN {{ for (i = 1; i <= {self.lines}; i++) printf \"{self.token} %060d\\n\", i }}'\n"
        else:
            body = f"for i in $(seq {self.lines}); do echo {self.token} line $i; sleep {self.pause}; done\n"
        # The child dies with the script's group, or is found as a leftover by its name.
        hang = f"(exec -a {self.token}-child sleep 600) &\nwait\n"
        tail = {
            "exit": f"note end {self.code}\nexit {self.code}\n",
            "held": f"{HELD}\nnote end {self.code}\nexit {self.code}\n",
            "large": f"note end {self.code}\nexit {self.code}\n",
            "signal": f"note signal {self.code}\nkill -{self.code} $$\nsleep 5\n",
            "timeout": hang,
            "hang": hang,
        }[self.kind]
        return (head + body + tail).encode() + b"#" * self.padding


def draw(rng: random.Random, token, kinds):
    """A script of one of the kinds."""
    kind = rng.choice(kinds)
    if kind == "exit":
        return Script(token, kind, code=rng.choice([0, 0, 0, 1, 2, 126, 255]), lines=rng.randint(1, 6),
                      pause=rng.choice([0, 0.02, 0.3]))
    if kind == "signal":
        return Script(token, kind, code=rng.choice([9, 10, 11, 12, 15]))
    if kind == "large":
        return Script(token, kind, lines=rng.randint(1000, 9000))
    return Script(token, kind)
