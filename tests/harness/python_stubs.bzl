"""python_stubs: Python modules of proto_library targets, messages and gRPC stubs, by Debian's protoc and grpc_python_plugin."""

def _impl(ctx):
    sources = []
    inputs = []
    roots = []
    outs = []
    for proto in ctx.attr.protos:
        info = proto[ProtoInfo]
        inputs.append(info.transitive_sources)
        roots.append(info.transitive_proto_path)
        for source in info.direct_sources:
            sources.append(source)

            # The modules lie below the target's name by the path that other files import the proto by.
            stem = source.path[len(info.proto_source_root) + 1:-len(".proto")]
            for end in ["_pb2.py", "_pb2_grpc.py"]:
                outs.append(ctx.actions.declare_file(ctx.label.name + "/" + stem + end))
    out = "%s/%s/%s" % (ctx.bin_dir.path, ctx.label.package, ctx.label.name)
    args = ctx.actions.args()
    args.add("--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin")
    args.add("--python_out=" + out)
    args.add("--grpc_out=" + out)
    args.add_all(depset(transitive = roots), format_each = "-I%s")
    args.add("-I/usr/include")
    args.add_all(sources)
    ctx.actions.run(
        executable = "/usr/bin/protoc",
        arguments = [args],
        inputs = depset(transitive = inputs),
        outputs = outs,
        mnemonic = "PythonStubs",
        progress_message = "Generating Python stubs %{label}",
    )
    files = depset(outs)
    return [DefaultInfo(files = files, runfiles = ctx.runfiles(transitive_files = files))]

python_stubs = rule(
    implementation = _impl,
    attrs = {"protos": attr.label_list(providers = [ProtoInfo], mandatory = True)},
)
