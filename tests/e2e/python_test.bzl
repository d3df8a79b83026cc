"""A test in Python against the real programs, with Debian's interpreter."""

PROGRAMS = [
    "//api_server",
    "//payload_worker",
    "//cli:longshore",
]

def longshore_python_test(name, src, size = "medium", data = [], **kwargs):
    """Runs `src`, a unittest file, with the programs, the protos and tools/lib in its runfiles.

    Args:
      name: of the target.
      src: the Python file.
      size: of the test.
      data: further files.
      **kwargs: handed on to sh_test.
    """
    native.sh_test(
        name = name,
        size = size,
        srcs = ["//tests/e2e:run_python.sh"],
        args = ["$(location %s)" % src],
        data = PROGRAMS + data + [
            src,
            "//proto/longshore/v1:protos",
            "//tests/e2e:harness.py",
            "//third_party/googleapis:protos",
            "//tools/lib",
        ],
        **kwargs
    )
