"""Every test that docs/guarantees.md names exists, and every row of its table of faults names one."""

import fnmatch
import importlib
import pathlib
import re
import unittest


def names_of(file_name):
    """The tests in the file of that name in one of the folders of tests/."""
    (path,) = pathlib.Path("tests").glob(f"*/{file_name}.py")
    suite = unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(f"{path.parent.name}.{file_name}"))
    return [test._testMethodName for case in suite for test in case]


class GuaranteesTest(unittest.TestCase):

    def test_every_named_test_exists(self):
        with open("docs/guarantees.md") as file:
            rows = [line for line in file if re.match(r"\| \d+ \| .*`\w+\.test_", line)]
        self.assertEqual([int(re.match(r"\| (\d+) ", row).group(1)) for row in rows], [*range(1, 53), 54, 55])
        for row in rows:
            for module, pattern in re.findall(r"`(\w+_test)\.(test_[\w*]+)`", row):
                with self.subTest(module=module, pattern=pattern):
                    self.assertTrue(fnmatch.filter(names_of(module), pattern))


if __name__ == "__main__":
    unittest.main()
