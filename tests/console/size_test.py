"""Large fleets: 20,000 instances in the table, and 10,000 hosts of a deployment that all end within moments."""

import os
import re
import unittest

from console.browser import Browser
from harness.api import payload_service
from harness.process import Process
from harness.programs import ROOT
from harness.stack import Stack

INSTANCES = 20000
HOSTS = 10000
# In ms; longer, and a key or a click is answered late. Whatever else a machine does only adds to it, so the best try counts.
LONGEST_TASK = 200
TRIES = 5


class SizeTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        # The simulated worker sends no heartbeats: on a slow machine a lease is not to run out before it has told all.
        cls.stack = Stack(instances=0, workers=0, http=True, api_flags=["--lease_duration_ms=60000"])
        cls.addClassCleanup(cls.stack.close)
        cls.stack.sql("INSERT INTO instances (name, provider, address, port, ssh_user, status, project, tags) "
                      "SELECT 'host-' || n, 'registered', '10.0.' || n / 256 || '.' || n % 256, 22, 'root', 'READY', "
                      "CASE WHEN n % 2 = 0 THEN 'shop' ELSE 'bank' END, ARRAY['rack' || n % 40] "
                      f"FROM generate_series(1, {INSTANCES}) n; ANALYZE")

    def setUp(self):
        self.browser = Browser(self.stack)
        self.addCleanup(self.browser.close)
        self.browser.log_in()
        self.browser.see("Overview", "h1")

    def smooth(self, act):
        """Does it, at most TRIES times, until no task was a long one."""
        longest = []
        for turn in range(TRIES):
            begun = self.browser.now()
            act(turn)
            longest.append(self.browser.longest_task(begun))
            if longest[-1] <= LONGEST_TASK:
                print(f"longest tasks of {act.__name__}: {longest} ms")
                return
        self.fail(f"{act.__name__} held the page up for {longest} ms")

    def rows(self):
        return len(self.browser.all(".rows .row"))

    def test_twenty_thousand_instances(self):
        browser = self.browser

        def load(turn):
            browser.go("workers")
            browser.see("Workers", "h1")
            browser.go("fleet")
            browser.see("20,000 instances", ".heading")

        def find(turn):
            browser.type("Find", f"host-1234{turn}")
            browser.see("1 of 20,000 instances", ".heading")
            browser.see(f"host-1234{turn}", ".rows")
            browser.type("Find", "rack7")
            browser.see("500 of 20,000 instances", ".heading")

        def scroll(turn):
            browser.type("Find", " ")
            browser.see("20,000 instances", ".heading")
            browser.driver.execute_async_script("""
                const [done] = arguments;
                const box = document.querySelector('.rows');
                let step = 0;
                const next = () => {
                  box.scrollTop = box.scrollHeight * step / 60;
                  if (step++ < 60) requestAnimationFrame(next); else done();
                };
                next();""")
            browser.see("host-20000", ".rows")

        def mark(turn):
            browser.click("Mark all 20,000 that match")
            browser.see("All 20,000 instances that match", ".chosen-bar")
            browser.click("Clear")

        for act in (load, find, scroll, mark):
            self.smooth(act)
            self.assertLess(self.rows(), 100, "only what is seen is in the page")
        # All that match, not those of the page; more than a request may name is a matter for a selector.
        browser.go("fleet?project=shop&tag=rack8")
        browser.see("500 instances", ".heading")
        browser.click("Mark all 500 that match")
        browser.click("Deploy to them")
        browser.see("500 hosts", ".targets")
        browser.has("location.hash === '#/deploy?project=shop&tag=rack8'", "the selector in the URL")

    def test_ten_thousand_hosts(self):
        browser = self.browser
        ids = [int(line) for line in self.stack.sql("SELECT id FROM instances WHERE project = 'shop' ORDER BY id").split()]
        self.assertEqual(len(ids), HOSTS)

        def follow(turn):
            response = self.stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
                instance_ids=ids, payload_content=b"true", remote_path=f"/root/{turn}.sh", execute_payload=True))
            browser.go(f"deployments/{response.deployment_id}{'?as=grid' if turn % 2 else ''}")
            browser.see("10,000 hosts of 10,000 to go", "main")
            worker = Process(f"simulated-{turn}", self.stack.directory, [
                os.path.join(ROOT, "tests/bench/simulated_worker"), f"--server=127.0.0.1:{self.stack.worker_ports[0]}",
                f"--tasks={HOSTS}", *self.stack.worker_flags("simulated")]).start()
            self.assertEqual(worker.ended(), 0, worker.tail())
            browser.see("10,000 hosts, all done", "main")
            self.assertRegex(browser.text(".counts"), re.compile(r"completed\n10,000"))
            self.assertLess(len(browser.all(".rows .row, .rows .cell")), 2500, "only what is seen is in the page")

        self.smooth(follow)

        def filter_by_status(turn):
            browser.click("failed", ".counts")
            browser.see("No host is failed")
            browser.click("completed", ".counts")
            browser.see("✓ completed", ".rows")

        browser.script("location.hash = location.hash.split('?')[0]")
        self.smooth(filter_by_status)


if __name__ == "__main__":
    unittest.main()
