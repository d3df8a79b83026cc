"""sql_library: statements of .sql files as constants of C++; storage/queries/embed.py says how the files are written."""

load("@rules_cc//cc:defs.bzl", "cc_library")

def sql_library(name, srcs, namespace, **kwargs):
    """Makes NAME.h and NAME.cc.

    Args:
      name: of the target.
      srcs: the .sql files.
      namespace: of the constants; claim_due.sql becomes NAMESPACE::kClaimDue.
      **kwargs: for the cc_library.
    """
    header = name + ".h"
    source = name + ".cc"
    native.genrule(
        name = name + "_embedded",
        srcs = srcs,
        outs = [header, source],
        cmd = "/usr/bin/python3 $(execpath //storage/queries:embed.py) %s $(execpath %s) $(execpath %s) %s/%s $(SRCS)" %
              (namespace, header, source, native.package_name(), header),
        tools = ["//storage/queries:embed.py"],
    )
    cc_library(
        name = name,
        srcs = [source],
        hdrs = [header],
        deps = ["//storage:query"],
        **kwargs
    )
