"""A test in Python against the real programs, with Debian's interpreter."""

# What harness.py finds at the top of the runfiles.
LONGSHORE_RUNFILES = [
    "//api_server",
    "//ansible",
    "//api_server/providers:local_instance.sh",
    "//cli:longshore",
    "//payload_worker",
    "//proto/longshore/v1:protos",
    "//tests/e2e:harness.py",
    "//tests/e2e:held.py",
    "//tests/e2e:ledgers.py",
    "//tests/e2e:patience.py",
    "//tests/e2e:relay.py",
    "//tests/e2e:texts.py",
    "//third_party/googleapis:protos",
    "//tools/lib",
]

# Debian's gRPC is not built for the thread sanitizer: it does not see how gRPC hands a call from one thread to the next, and
# reports a race for every one of them in gRPC's own templates. What is concurrent in Longshore is tested without gRPC, in unit
# tests and tests/integration.
NO_TSAN = "no-tsan"

def longshore_python_test(name, src, size = "medium", data = [], env = {}, tags = []):
    """Runs `src`, a unittest file, with the programs, the protos and tools/lib in its runfiles.

    Args:
      name: of the target.
      src: the Python file.
      size: of the test.
      data: further files.
    """
    native.sh_test(
        name = name,
        size = size,
        # The tests give up by themselves when nothing moves any more (patience.py); on a slow machine much may move.
        timeout = "eternal",
        srcs = ["//tests/e2e:run_python.sh"],
        args = ["$(location %s)" % src],
        data = LONGSHORE_RUNFILES + data + [src],
        env = env,
        tags = [NO_TSAN] + tags,
    )
