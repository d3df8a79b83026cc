"""A test in Python against the real programs, with Debian's interpreter."""

# Debian's gRPC is not built for the thread sanitizer: it does not see how gRPC hands a call from one thread to the next, and
# reports a race for every one of them in gRPC's own templates. What is concurrent in Longshore is tested without gRPC, in unit
# tests and tests/integration.
NO_TSAN = "no-tsan"

def longshore_python_test(name, src, size = "medium", data = [], env = {}, tags = []):
    """Runs `src`, a unittest file below tests/, with the harness and what it needs in its runfiles.

    Further words are unittest's, for example: bazel test //tests/fault:moments_of_worker_test --test_arg=-k --test_arg=killed

    Args:
      name: of the target.
      src: the Python file.
      size: of the test.
      data: further files.
      env: further environment.
      tags: further tags.
    """
    module = (native.package_name() + "/" + src)[len("tests/"):-len(".py")].replace("/", ".")
    native.sh_test(
        name = name,
        size = size,
        # The tests give up by themselves when nothing moves any more (patience.py); on a slow machine much may move.
        timeout = "eternal",
        srcs = ["//tests/harness:run.sh"],
        args = [
            "unittest",
            "-v",
            module,
        ],
        data = ["//tests/harness", src] + data,
        env = env,
        tags = [NO_TSAN] + tags,
    )
