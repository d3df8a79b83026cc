"""A fuzz target: a test as it stands, a libFuzzer program with --config=fuzz."""

load("@rules_cc//cc:defs.bzl", "cc_test")

def longshore_fuzz_test(name, src, deps):
    """Builds `src`, which defines LLVMFuzzerTestOneInput and longshore::fuzz::Seeds.

    Args:
      name: of the target.
      src: the C++ file.
      deps: what it fuzzes.
    """
    cc_test(
        name = name,
        size = "small",
        srcs = [src],
        linkopts = select({
            "//tests/fuzz:fuzzer": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        deps = deps + [":seeds"] + select({
            "//tests/fuzz:fuzzer": [],
            "//conditions:default": [":replay_main"],
        }),
    )
