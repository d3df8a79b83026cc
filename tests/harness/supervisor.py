"""Runs a program and leaves nothing of it behind, however it ends: no process, namespace, mount, shared memory or temporary file.

Usage: python3 -m harness.supervisor COMMAND [WORD ...]

The program, and all that it starts, is in namespaces of its own, beneath three processes:

    supervisor    what was called; it ends with the program's exit status
      keeper      in a session of its own, so that who kills the supervisor's process group spares it
        init      the first process of the namespaces: the kernel ends all the others with it
          COMMAND

The end of any of them, by SIGKILL too, ends those beneath it. Supervisor and keeper both wait until nothing is left and then
remove the directory that is TMPDIR to the program, so either of them may be killed. SIGTERM and SIGINT end the program at once;
the supervisor ends when everything is gone. Needs root.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback

# From sched.h and sys/prctl.h.
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x00020000, 0x08000000, 0x20000000
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LIBC = ctypes.CDLL(None, use_errno=True)
STOPS = (signal.SIGTERM, signal.SIGINT)
KILLED = 128 + signal.SIGKILL


def call(function, *words):
    if function(*words) != 0:
        raise OSError(ctypes.get_errno(), f"{function.__name__}: {os.strerror(ctypes.get_errno())}")


def end_with_parent(number):
    call(LIBC.prctl, PR_SET_PDEATHSIG, number)


def adopt_orphans():
    call(LIBC.prctl, PR_SET_CHILD_SUBREAPER, 1)


def fork(run, *words):
    """Has a child run(*words), whose result is its exit status; returns the child's pid."""
    pid = os.fork()
    if pid != 0:
        return pid
    status = 1
    try:
        status = run(*words)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def ended_children():
    """(pid, exit status) of each child, adopted ones as well, as it ends; over when there is none any more."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.wait()
            code = os.waitstatus_to_exitcode(status)
            yield pid, code if code >= 0 else 128 - code


def remove_afterwards(directory, child):
    """Waits until all children have ended and removes the directory; returns the exit status of `child`."""
    status = dict(ended_children())[child]
    shutil.rmtree(directory, ignore_errors=True)
    return status


def pass_stops_on(child, as_signal):
    """From now on SIGTERM and SIGINT, which were blocked, are passed on."""
    def pass_on(*_):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, as_signal)

    for number in STOPS:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def supervise(command):
    # Until each process can do what they mean to it.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    adopt_orphans()
    directory = tempfile.mkdtemp(prefix="longshore-test-", dir="/tmp")
    os.chmod(directory, 0o755)  # PostgreSQL is another user.
    keeper = fork(keep, directory, command, os.getpid())
    pass_stops_on(keeper, signal.SIGTERM)
    return remove_afterwards(directory, keeper)


def keep(directory, command, supervisor):
    os.setsid()
    adopt_orphans()
    call(LIBC.unshare, CLONE_NEWPID | CLONE_NEWIPC)
    # Is at its end when this process is.
    life, own_end = os.pipe()
    init = fork(begin, directory, command, life, own_end)
    os.close(life)
    pass_stops_on(init, signal.SIGKILL)
    end_with_parent(signal.SIGTERM)
    if os.getppid() != supervisor:
        os.kill(init, signal.SIGKILL)
    return remove_afterwards(directory, init)


def begin(directory, command, life, keepers_end):
    """The first process of the namespaces."""
    os.close(keepers_end)
    end_with_parent(signal.SIGKILL)
    os.set_blocking(life, False)
    with contextlib.suppress(BlockingIOError):
        os.read(life, 1)  # The end: the keeper has gone before it could take this process along.
        return KILLED
    call(LIBC.unshare, CLONE_NEWNS)
    for words in (["--make-rprivate", "/"], ["-t", "proc", "proc", "/proc"], ["-t", "tmpfs", "tmpfs", "/dev/shm"]):
        subprocess.run(["mount", *words], check=True)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    program = subprocess.Popen(command, env=dict(os.environ, TMPDIR=directory))
    return next(status for pid, status in ended_children() if pid == program.pid)


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("supervisor.py: needs root, for namespaces")
    sys.exit(supervise(sys.argv[1:]))
