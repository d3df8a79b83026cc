"""The rules of CONTRIBUTING.md that a program can check, on the tree as it is; and that each finds a planted violation."""

import os
import shutil
import tempfile
import unittest

import arrows
import pages
import references
import shape
from tree import Tree

# Bazel runs this in its runfiles, whose links lead to the sources.
ROOT = os.path.dirname(os.path.realpath("WORKSPACE"))


class TidyTest(unittest.TestCase):

    def assert_tidy(self, rule):
        found = list(rule(Tree(ROOT)))
        self.assertFalse(found, "\n" + "\n".join(found))

    def test_the_tree_is_read(self):
        self.assertGreater(len(Tree(ROOT).named(".cc", ".h")), 100)

    def test_arrows(self):
        self.assert_tidy(arrows.arrows)

    def test_libraries(self):
        self.assert_tidy(shape.libraries)

    def test_paths(self):
        self.assert_tidy(references.paths)

    def test_names_in_comments(self):
        self.assert_tidy(references.names_in_comments)

    def test_links(self):
        self.assert_tidy(references.links)

    def test_long_lines(self):
        self.assert_tidy(shape.long_lines)

    def test_long_files(self):
        self.assert_tidy(shape.long_files)

    def test_flags(self):
        self.assert_tidy(pages.flags)

    def test_rpcs(self):
        self.assert_tidy(pages.rpcs)

    def test_error_reasons(self):
        self.assert_tidy(pages.error_reasons)

    def test_reason_rows(self):
        self.assert_tidy(pages.reason_rows)

    def test_request_ids(self):
        self.assert_tidy(pages.request_ids)

    def test_version(self):
        self.assert_tidy(pages.version)


class PlantedTest(unittest.TestCase):
    """Each rule, on a copy of the tree with one thing wrong."""

    @classmethod
    def setUpClass(cls):
        cls.copy = tempfile.mkdtemp(prefix="longshore-tidy-")
        cls.addClassCleanup(shutil.rmtree, cls.copy)
        for path in Tree(ROOT).files:
            os.makedirs(os.path.dirname(os.path.join(cls.copy, path)), exist_ok=True)
            shutil.copyfile(os.path.join(ROOT, path), os.path.join(cls.copy, path))

    def plant(self, path, change):
        """Writes what `change` makes of the file's text, until the test ends."""
        place = os.path.join(self.copy, path)
        text = Tree(self.copy).text(path) if os.path.exists(place) else None
        changed = change(text or "")
        self.assertNotEqual(changed, text)
        with open(place, "w", encoding="utf-8") as file:
            file.write(changed)
        self.addCleanup(self.restore, place, text)

    @staticmethod
    def restore(place, text):
        if text is None:
            os.remove(place)
        else:
            with open(place, "w", encoding="utf-8") as file:
                file.write(text)

    def assert_found(self, rule, *words):
        """The rule finds what was planted, and says all the words in one line."""
        found = list(rule(Tree(self.copy)))
        self.assertTrue([line for line in found if all(word in line for word in words)], f"{words} not in {found}")

    def test_an_include_against_the_arrows(self):
        self.plant("storage/rows.h", lambda text: '#include "api_server/domain/errors.h"\n' + text)
        self.assert_found(arrows.arrows, "storage/rows.h:1", "storage may not use api_server/domain/errors.h")

    def test_an_include_of_a_header_that_is_not_the_allowed_one(self):
        self.plant("verify/violation.h", lambda text: '#include "storage/database.h"\n' + text)
        self.assert_found(arrows.arrows, "verify may not use storage/database.h")

    def test_a_dependency_against_the_arrows(self):
        self.plant("common/BUILD.bazel", lambda text: text + (
            'cc_library(name = "planted", srcs = ["clock.cc"], deps = ["//storage:database"])\n'))
        self.assert_found(arrows.arrows, "//common:planted -> //storage:database", "common may not use storage")

    def test_a_dependency_beyond_the_allowed_header(self):
        self.plant("api_server/executor/BUILD.bazel", lambda text: text.replace(
            '"//api_server/domain:signals"', '"//api_server/domain:errors"', 1))
        self.assert_found(arrows.arrows, "api_server/executor may not use api_server/domain/errors.h")

    def test_an_arrow_that_nothing_needs(self):
        self.plant(arrows.PAGE, lambda text: text.replace("| common, proto |", "| common, proto, cli |", 1))
        self.assert_found(arrows.arrows, "does not use cli")

    def test_a_row_that_nobody_understands(self):
        self.plant(arrows.PAGE, lambda text: text.replace("| common, proto |", "| common, porto |", 1))
        with self.assertRaisesRegex(ValueError, "'porto' in the row of storage"):
            list(arrows.arrows(Tree(self.copy)))

    def test_a_folder_without_a_row(self):
        self.plant(arrows.PAGE, lambda text: text.replace("| `common/` |", "| `comon/` |", 1).replace("common", "comon"))
        self.assert_found(arrows.arrows, "no row for the folder of common/")

    def test_a_library_in_the_wrong_folder(self):
        for path, header in (("cli/main.cc", "<libssh/libssh.h>"), ("verify/violation.h", "<libpq-fe.h>"),
                             ("verify/violation.h", "<postgresql/libpq-fe.h>"), ("storage/rows.h", "<curl/curl.h>"),
                             ("common/clock.h", "<systemd/sd-daemon.h>")):
            with self.subTest(header=header):
                self.plant(path, lambda text: f"#include {header}\n" + text)
                self.assert_found(shape.libraries, f"{path}:1", header)

    def test_a_path_that_is_not_there(self):
        # In pieces, so that the rule does not find this line too.
        self.plant("common/clock.h", lambda text: "// See tests/" + "fault/no_such_test.py.\n" + text)
        self.assert_found(references.paths, "common/clock.h:1", "no_such_test.py")

    def test_a_page_that_is_not_there(self):
        self.plant("tests/fault/fencing_test.py", lambda text: f'"""{"FAULTS" + ".md"} rows 1 and 2."""\n' + text)
        self.assert_found(references.paths, "tests/fault/fencing_test.py:1", "FAULTS" + ".md")

    def test_a_name_that_is_not_there(self):
        self.plant("tests/hostile/lies.py", lambda text: '"""What no_such_' + 'server.cc lies about."""\n' + text)
        self.assert_found(references.names_in_comments, "tests/hostile/lies.py:1", "no_such_")
        self.plant("storage/rows.h", lambda text: "// As in no_such_" + "rows.cc.\n" + text)
        self.assert_found(references.names_in_comments, "storage/rows.h:1", "no_such_rows")

    def test_a_link_that_leads_nowhere(self):
        self.plant("README.md", lambda text: "[more](docs/no_such_page" + ".md#top)\n" + text)
        self.assert_found(references.links, "README.md:1", "no_such_page")
        self.plant("docs/api.md", lambda text: "`tests/" + "no_such_folder`\n" + text)
        self.assert_found(references.links, "docs/api.md:1", "no_such_folder")

    def test_a_long_line(self):
        for path, columns in (("common/clock.h", 101), ("tests/tidy/tree.py", 131), ("README.md", 131)):
            with self.subTest(path=path):
                self.plant(path, lambda text: text + "x" * columns + "\n")
                self.assert_found(shape.long_lines, path, f"{columns} columns")

    def test_a_long_file(self):
        self.plant("common/clock.h", lambda text: "//\n" * 501)
        self.assert_found(shape.long_files, "common/clock.h")

    def test_a_flag_without_a_word(self):
        self.plant("payload_worker/main.cc", lambda text: text + 'DEFINE_int32(\n    planted_flag, 1, "");\n')
        self.assert_found(pages.flags, "--planted_flag", "payload_worker/main.cc")

    def test_a_flag_that_is_gone(self):
        self.plant("docs/operations.md", lambda text: text + "| `--planted_flag` | 1 | |\n")
        self.assert_found(pages.flags, "no program has --planted_flag")

    def test_an_rpc_without_a_word(self):
        self.plant("proto/longshore/v1/task_service.proto", lambda text: text + "  rpc PlantedCall(A) returns (B);\n")
        self.assert_found(pages.rpcs, "PlantedCall")

    def test_a_reason_without_a_word(self):
        self.plant("api_server/domain/errors.cc", lambda text: text + '// "PLANTED_REASON"\n')
        self.assert_found(pages.error_reasons, "PLANTED_REASON")
        self.plant("proto/longshore/v1/payload.proto", lambda text: text + "  FAILURE_REASON_PLANTED_TOO = 99;\n")
        self.assert_found(pages.error_reasons, "PLANTED_TOO")

    def test_a_reason_that_is_gone(self):
        self.plant("docs/api.md", lambda text: text.replace("| WRONG_STATE |", "| WRONG_STATE, PLANTED_REASON |"))
        self.assert_found(pages.reason_rows, "PLANTED_REASON")

    def test_a_request_id_without_a_word(self):
        self.plant("proto/longshore/v1/task_service.proto",
                   lambda text: text + "message PlantedRequest {\n  string request_id = 1;\n}\n")
        self.assert_found(pages.request_ids, "Planted")

    def test_a_version_without_a_word(self):
        self.plant("common/version.h", lambda text: text.replace('kVersion = "', 'kVersion = "9', 1))
        self.assert_found(pages.version, "nothing about 9")


if __name__ == "__main__":
    unittest.main()
