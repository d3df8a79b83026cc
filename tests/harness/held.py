"""Scripts that go no further than the test lets them: what is done to them meanwhile strikes their run on any machine."""

import contextlib
import os

# A line of such a script.
HELD = "while [ -e /root/held ]; do sleep 0.05; done"


def held_by(number):
    """The same for so many scripts at a time, which together look no more often."""
    return f"while [ -e /root/held ]; do sleep {number * 0.05:.2f}; done"


def hold(instance):
    with open(instance.path("/root/held"), "w"):
        pass


def let_go(instance):
    with contextlib.suppress(FileNotFoundError):
        os.remove(instance.path("/root/held"))
