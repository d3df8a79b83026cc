"""Starts one of everything that a test may start, prints in which directory, and waits to be killed; a line of input kills it."""

import os
import signal
import subprocess
import sys

from harness.process import free_port
from harness.programs import LOCAL_INSTANCE
from harness.stack import Stack


def main():
    stack = Stack(instances=1)
    stack.run("true")
    # As the provider makes one: a daemon.
    machine = os.path.join(stack.machines, "daemon")
    subprocess.run([LOCAL_INSTANCE, "init", machine, stack.key + ".pub"], check=True)
    subprocess.run([LOCAL_INSTANCE, "start", machine, str(free_port())], check=True)
    mounted = os.path.join(stack.directory, "mounted")
    os.mkdir(mounted)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", mounted], check=True)
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"], cwd=mounted, start_new_session=True):
        print(stack.directory, flush=True)
        sys.stdin.readline()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
