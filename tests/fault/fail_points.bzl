"""Programs with the fail points of common/fail_point.h compiled in, built beside the shipped ones."""

def _with_fail_points_transition_impl(_settings, _attr):
    return {"//common:fail_points": True}

_with_fail_points_transition = transition(
    implementation = _with_fail_points_transition_impl,
    inputs = [],
    outputs = ["//common:fail_points"],
)

def _with_fail_points_impl(ctx):
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = program, target_file = ctx.executable.program, is_executable = True)
    return [DefaultInfo(
        executable = program,
        files = depset([program]),
        runfiles = ctx.runfiles(files = [program, ctx.executable.program]),
    )]

with_fail_points = rule(
    implementation = _with_fail_points_impl,
    executable = True,
    attrs = {
        "program": attr.label(cfg = _with_fail_points_transition, executable = True, mandatory = True),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)
