"""buf finds nothing to say against proto/: not against its style, and not against what it changed since the last release."""

import glob
import os
import subprocess
import tempfile
import unittest

from contract.recipes import NODE_MODULES, ROOT, workshop


class BufTest(unittest.TestCase):

    def setUp(self):
        self.directory = workshop(self)
        cache = tempfile.TemporaryDirectory()
        self.addCleanup(cache.cleanup)
        self.environment = dict(os.environ, BUF_CACHE_DIR=cache.name)
        releases = glob.glob(f"{ROOT}/tests/contract/released/*.binpb")
        self.assertEqual(len(releases), 1, "one release is the last")
        self.release = releases[0]

    def buf(self, *words):
        """What buf finds: the rules broken, each with its file."""
        done = subprocess.run([f"{NODE_MODULES}/.bin/buf", *words, "--error-format=text"], cwd=f"{self.directory}/proto",
                              env=self.environment, capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 100 if done.stdout else 0)  # 100: it found something.
        return done.stdout

    def lint(self):
        return self.buf("lint")

    def breaking(self):
        return self.buf("breaking", "--against", self.release)

    def plant(self, file, old, new):
        path = f"{self.directory}/proto/longshore/v1/{file}"
        with open(path) as source:
            text = source.read()
        self.assertEqual(text.count(old), 1, f"{old!r} in {file}")
        with open(path, "w") as source:
            source.write(text.replace(old, new))

    def test_style(self):
        self.assertEqual(self.lint(), "")

    def test_no_break(self):
        self.assertEqual(self.breaking(), "")

    def test_a_fault_of_style_is_found(self):
        self.plant("payload.proto", "bool executed = 7;", "bool wasExecuted = 7;")
        self.assertIn("should be lower_snake_case", self.lint())

    def test_a_public_import_elsewhere_is_found(self):
        self.plant("task_service.proto", "import \"longshore/v1/task", "import public \"longshore/v1/task")
        self.assertIn("must not be public", self.lint())

    def test_a_field_that_changes_its_name_is_found(self):
        self.plant("payload.proto", "bool executed = 7;", "bool was_executed = 7;")
        self.assertIn("\"executed\" to \"was_executed\"", self.breaking())

    def test_a_call_that_goes_is_found(self):
        self.plant("payload_service.proto", "rpc CancelPayload(CancelPayloadRequest) returns (Payload);", "")
        self.assertIn("CancelPayload", self.breaking())

    def test_workers_may_rename_but_not_reuse(self):
        self.plant("worker_service.proto", "int32 capacity = 3;", "int32 places = 3;")
        self.assertEqual(self.breaking(), "")
        self.plant("worker_service.proto", "int32 places = 3;", "string places = 3;")
        self.assertIn("changed type from \"int32\" to \"string\"", self.breaking())

    def test_workers_may_drop_a_field_whose_number_they_reserve(self):
        self.plant("worker_service.proto", "string version = 4;", "")
        self.assertIn("without reserving the number", self.breaking())
        self.plant("worker_service.proto", "reserved 5;", "reserved 4, 5;")
        self.assertEqual(self.breaking(), "")


if __name__ == "__main__":
    unittest.main()
