"""The npm packages of a package-lock.json, as they lie in a cache outside of the repository (tools/lib/npm.sh)."""

def _npm_packages_impl(ctx):
    ctx.path(ctx.attr.lock)  # Another lock file: another directory.
    installed = ctx.execute([ctx.path(Label("//tools/lib:npm.sh")), ctx.attr.lock.package], timeout = 1800)
    if installed.return_code:
        fail("npm's packages are not there, see tools/lib/npm.sh: " + installed.stderr)
    ctx.symlink(installed.stdout.strip() + "/node_modules", "node_modules")
    ctx.file("BUILD.bazel", """exports_files(["node_modules"])\n""")

npm_packages = repository_rule(
    implementation = _npm_packages_impl,
    attrs = {"lock": attr.label(allow_single_file = True, mandatory = True)},
    environ = ["HOME", "XDG_CACHE_HOME"],
    local = True,
)
