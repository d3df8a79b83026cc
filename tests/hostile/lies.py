"""What the instances of ssh_server_main.cc lie about, and what may become of their payloads."""

# What may become of the liar's payload.
ENDS, RETRIED, COMPLETES = "ends", "retried", "completes"
# How an end by the server's deadline is told, or what it is that the instance said.
LATE = r"timeout|deadline|has not ended|did not end"
# Behaviour: what may become of it, what its error mentions, and further fields of the deployment.
LIES = {
    "running_huge": ([ENDS], "9223372036854775807|offset", dict(timeout=1)),
    "running_ahead": ([ENDS], "1000|offset", dict(timeout=1)),
    "running_twice": ([ENDS, COMPLETES], "running|twice|offset|77777"),
    "end_huge": ([ENDS], "9223372036854775807|output|" + LATE, dict(timeout=1)),
    "end_short": ([ENDS, COMPLETES], "2|output"),
    "end_absurd_duration": ([ENDS, COMPLETES], "10000000000|end|duration|time"),
    "end_backwards": ([ENDS], "end|" + LATE, dict(timeout=1)),
    "end_absurd_code": ([ENDS], "4711|end|" + LATE, dict(timeout=1)),
    "end_absurd_signal": ([ENDS], "9999|end|" + LATE, dict(timeout=1)),
    "end_absurd_cause": ([ENDS], "nonsense|end|" + LATE, dict(timeout=1)),
    "end_code_255": ([ENDS], "255"),
    "end_without_running": ([ENDS, RETRIED], "end|start|running"),
    "lost_garbage": ([ENDS], "", dict(timeout=1)),
    "records_garbage": ([ENDS, COMPLETES], "record|runner|said"),
    "error_long": ([ENDS], "run|error"),
    "not_placed_garbage": ([ENDS], "rename|place"),
    "refused_garbage": ([ENDS], ""),
    "absent_after_go": ([ENDS, RETRIED], "start|absent|runner"),
    "cleaned_after_go": ([ENDS, RETRIED], "start|cleaned|runner"),
    "need_script_forever": ([ENDS, RETRIED], "script"),
    "ready_forever": ([ENDS, RETRIED], "ready|start|runner"),
    "noise_only": ([ENDS, RETRIED], "runner|said"),
    "home_long": ([ENDS], "home|director|path"),
    "home_not_utf8": ([ENDS], "home|director|path"),
    "home_relative": ([ENDS], "home|director|path"),
    "home_newline": ([ENDS], "home|director|path"),
    "sftp_status_garbage": ([ENDS, RETRIED], "SFTP|file"),
    "sftp_answers_otherwise": ([ENDS, RETRIED], "SFTP|write|file"),
    "write_short": ([ENDS], "write|SFTP", dict(padding=300000)),
    "flood_ignore": ([ENDS], LATE, dict(timeout=1)),
    "flood_output": ([ENDS], LATE, dict(timeout=1)),
    "flood_stderr": ([ENDS], LATE, dict(timeout=1)),
    "flood_records": ([ENDS], LATE, dict(timeout=1)),
    "never_ends": ([ENDS], LATE, dict(timeout=1)),
    "never_cleans": ([COMPLETES], ""),
    "closes_in_the_middle": ([COMPLETES], ""),
    "closes_forever": ([ENDS, RETRIED], LATE, dict(timeout=1)),
    "right": ([COMPLETES], ""),
}
# Those that go on until a limit of the worker's is reached, longer than a test waits.
LONG_LIES = ["silent", "silent_after_banner", "endless_banner", "running_negative", "sftp_readdir_forever",
             "window_never_adjusted", "flood_before_ready"]
# What says, well-formed, that a script that was never run exited with 0; nothing gives such a lie away.
MAY_COMPLETE = {behaviour for behaviour, lie in LIES.items() if COMPLETES in lie[0]} | {"sftp_readdir_forever"}


def user_of(behaviour):
    """Whom to log in as: root's home is not asked for."""
    return "liar" if behaviour.startswith("home_") else "root"
