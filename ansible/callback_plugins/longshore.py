"""Writes what becomes of each host to a descriptor, a line of JSON a record; for payload_worker.

Does nothing unless LONGSHORE_RECORDS_FD names one. Every record has "kind" and "host"; the kinds:
  task   a task has ended: "task", "status" (ok, changed, failed, unreachable), "message" of a failure
  ready  the playbook's last task has succeeded
  end    the play has ended for the host: "ready"
"""

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: longshore
    type: aggregate
    short_description: a line of JSON for every result of every host
    description: see the top of the file
    requirements: [enable in configuration]
"""

READY_TASK = "The instance is ready"
MAX_MESSAGE = 4000


def _message(result):
    if result.get("censored"):
        return "(censored)"
    texts = [str(result.get(key) or "").strip() for key in ("msg", "stdout", "stderr", "module_stdout", "module_stderr")]
    return "; ".join(text for text in texts if text)[:MAX_MESSAGE]


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "longshore"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        descriptor = os.environ.get("LONGSHORE_RECORDS_FD")
        self._stream = os.fdopen(int(descriptor), "w", encoding="ascii") if descriptor else None
        if self._stream is None:
            self.disabled = True

    def _write(self, kind, host, **fields):
        try:
            self._stream.write(json.dumps(dict(kind=kind, host=host, **fields)) + "\n")
            self._stream.flush()
        except BrokenPipeError:
            self.disabled = True

    def _task(self, result, status, message=""):
        self._write("task", result._host.get_name(), task=result._task.get_name(), status=status, message=message)

    def v2_runner_on_ok(self, result):
        self._task(result, "changed" if result._result.get("changed") else "ok")
        if result._task.get_name() == READY_TASK:
            self._write("ready", result._host.get_name())

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if not ignore_errors:
            self._task(result, "failed", _message(result._result))

    def v2_runner_on_unreachable(self, result):
        self._task(result, "unreachable", _message(result._result))

    def v2_playbook_on_stats(self, stats):
        for host in sorted(stats.processed):
            summary = stats.summarize(host)
            self._write("end", host, ready=not summary["failures"] and not summary["unreachable"])
