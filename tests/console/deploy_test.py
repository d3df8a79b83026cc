"""Deployments that are made in the console, and followed to their end."""

import os
import unittest

from selenium.webdriver.common.by import By

from console.browser import Browser
from harness.api import payload_service, pb
from harness.held import HELD, hold, let_go
from harness.patience import wait_until
from harness.stack import Stack


class DeployTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=3, http=True)
        cls.addClassCleanup(cls.stack.close)
        for number, instance in enumerate(cls.stack.instances):
            tags = "'{web,eu}'" if number < 2 else "'{db}'"
            cls.stack.sql(f"UPDATE instances SET tags = {tags} WHERE id = {instance.id}")
        cls.browser = Browser(cls.stack)
        cls.addClassCleanup(cls.browser.close)
        cls.browser.log_in()

    def setUp(self):
        self.browser.go("workers")
        self.browser.see("Workers", "h1")

    def write(self, text, tags="web"):
        """A new deployment as somebody types it, up to its review."""
        self.browser.go("deploy")
        self.browser.one("textarea").send_keys(text)
        self.browser.type("Tags", tags)

    def deployed(self):
        """The id of the deployment that the browser went to."""
        return int(self.browser.has("(location.hash.match(/^#.deployments.(\\d+)/) || [])[1]", "a deployment"))

    def payloads_of(self, deployment_id):
        return self.stack.payloads.ListPayloads(payload_service.ListPayloadsRequest(deployment_id=deployment_id)).payloads

    def payload_of(self, deployment_id):
        """The only one, when it has ended."""
        return self.stack.wait(self.payloads_of(deployment_id)[0].id)

    def ledger(self):
        return [word for instance in self.stack.instances for word in instance.ledger()]

    def test_typed_reviewed_and_followed_to_its_end(self):
        for instance in self.stack.instances:
            hold(instance)
        text = f"echo ran >> /root/ledger; echo begun; {HELD}; echo done"
        self.write(text, "web eu")
        self.browser.see("2 hosts", ".targets")
        self.browser.see("instance-1", ".targets")
        self.browser.type("At a time", "1")
        self.browser.type("Timeout", "60")
        self.browser.click("Review")
        self.browser.see("2 hosts, sha256 ", ".sum")
        self.browser.see("as root", ".sum")
        self.assertEqual(self.ledger(), [], "nothing ran before the button")
        self.browser.click("Run on 2 hosts")
        deployment_id = self.deployed()
        self.browser.see("2 hosts of 2 to go · live")
        self.browser.see("1", ".counts button:nth-child(4)")  # One at a time.
        self.browser.see("▶ executing", ".rows")
        for instance in self.stack.instances:
            let_go(instance)
        self.browser.see("2 hosts, all done")
        self.browser.see("✓ completed", ".rows")
        self.assertEqual(self.ledger(), ["ran", "ran"])
        deployment = self.stack.payloads.GetDeployment(payload_service.GetDeploymentRequest(deployment_id=deployment_id))
        self.assertEqual((deployment.request.rollout.max_concurrency, deployment.request.timeout), (1, 60))
        self.assertEqual(self.browser.text(".hash"), "")
        self.browser.click("What was asked for")
        self.browser.see("1 at a time", ".facts")
        self.browser.see(deployment.script_sha256[:16], ".facts")

    def test_waves_paused_and_resumed(self):
        self.write("echo ran", "web")
        self.browser.type("Waves", "1")
        self.browser.see("Between waves")
        self.browser.field("Between waves").send_keys("wait until")
        self.browser.type("Stop after failures", "none")
        self.browser.click("Review")
        self.browser.see("'none' is no number of hosts")
        self.browser.type("Stop after failures", "50%")
        self.browser.click("Review")
        self.browser.see("1, then all; each once somebody resumes it", ".review")
        self.browser.click("Run on 2 hosts")
        deployment_id = self.deployed()
        self.browser.see("Paused, wave 1 of 2")
        self.assertEqual([payload.status for payload in reversed(self.payloads_of(deployment_id))],
                         [pb.PAYLOAD_STATUS_COMPLETED, pb.PAYLOAD_STATUS_PENDING])
        self.browser.click("Resume")
        self.browser.see("2 hosts, all done")
        self.browser.see_no_more("Paused", "main")
        self.browser.click("What was asked for")
        self.browser.see("stops after 50% failed, waves up to 1, then all, each once somebody resumes it", ".facts")

    def test_failures_are_grouped_and_retried(self):
        for instance in self.stack.instances[:2]:
            with open(instance.path("/root/broken"), "w"):
                pass
        self.write("[ ! -e /root/broken ] || { echo trying; echo disk full; exit 7; }; echo fine", "web")
        self.browser.click("Review")
        self.browser.click("Run on 2 hosts")
        self.browser.see("2 ✗ nonzero exit disk full", ".groups")
        self.browser.click("disk full", ".groups")
        self.browser.see("instance-0", ".groups")
        for instance in self.stack.instances[:2]:
            os.remove(instance.path("/root/broken"))
        self.browser.click("Retry failed (2)")
        self.browser.see("2 hosts, all done")
        self.browser.see("✓ completed", ".rows")
        self.browser.see_no_more("disk full", "main")
        payloads = self.payloads_of(self.deployed())
        self.assertEqual([payload.attempt for payload in payloads], [2, 2])
        self.browser.go(f"payloads/{payloads[0].id}")
        self.browser.see("Attempt 2")
        self.browser.see("fine", ".screen")
        self.assertNotIn("disk full", self.browser.text(".screen"))

    def test_a_filter_is_a_click_on_a_count(self):
        self.write("[ $(hostname)x = x ] && exit 1; exit 4", "web")
        self.browser.click("Review")
        self.browser.click("Run on 2 hosts")
        self.browser.see("2 hosts, all done")
        self.browser.click("failed", ".counts")
        self.browser.has("location.hash.endsWith('?status=failed')", "the filter in the URL")
        wait_until(lambda: len(self.browser.all(".rows .row")) == 2, "both failed hosts")
        self.browser.click("completed", ".counts")
        self.browser.see("No host is completed")

    def test_cancelled(self):
        for instance in self.stack.instances:
            hold(instance)
            self.addCleanup(let_go, instance)
        self.write(f"echo begun; {HELD}", "web")
        self.browser.click("Review")
        self.browser.click("Run on 2 hosts")
        self.browser.see("▶ executing", ".rows")
        self.browser.click("Cancel", ".heading")
        self.browser.see("Stop 2 hosts?", ".heading")
        self.browser.click("Back", ".heading")
        self.browser.click("Cancel", ".heading")
        self.browser.see("Stop 2 hosts?", ".heading")
        self.browser.driver.execute_async_script("setTimeout(arguments[0], 500)")
        self.browser.click("Cancel", ".heading")
        self.browser.see("2 hosts, all done")
        self.browser.see("⊘ cancelled", ".rows")

    def test_a_file_and_a_path(self):
        path = self.stack.script("#!/bin/bash\necho from a file\n")
        self.browser.go("deploy?tag=db")
        self.browser.click_radio("A file")
        self.browser.one("input[type=file]").send_keys(path)
        self.browser.see("29 bytes")
        self.browser.click("Review")
        self.browser.click("Run on 1 host")
        payload = self.payload_of(self.deployed())
        self.assertEqual(payload.output, "from a file\n")
        self.browser.go(f"deploy?tag=db&path={path}")
        self.browser.see("1 host", ".targets")
        self.browser.click("Review")
        self.browser.see("read when it is sent", ".sum")
        self.browser.click("Run on 1 host")
        wait_until(lambda: self.deployed() != payload.deployment_id, "the next one")
        self.assertEqual(self.payload_of(self.deployed()).output, "from a file\n")

    def test_copied_and_run_later(self):
        self.write("echo later", "db")
        self.browser.driver.find_element(By.XPATH, "//option[text()='copy it only']").click()
        self.browser.click("Review")
        self.browser.click("Copy on 1 host")
        self.browser.see("◐ transferred", ".rows")
        self.browser.go(f"payloads/{self.payloads_of(self.deployed())[0].id}")
        self.browser.click("Execute")
        self.browser.see("✓ completed", "h1")
        self.browser.see("later", ".screen")

    def test_what_was_reviewed_is_what_is_sent(self):
        self.write("echo reviewed", "db")
        self.browser.click("Review")
        self.browser.see("sha256", ".sum")
        said = self.browser.text(".hash")
        self.browser.click("Back", ".review")
        self.browser.one("textarea").send_keys("; echo and more")
        # Whoever goes on typing while the server checks has what was checked reviewed.
        self.browser.script("""
            [...document.querySelectorAll('button')].find((button) => button.textContent === 'Review').click();
            const field = document.querySelector('textarea');
            field.value = 'echo something else';
            field.dispatchEvent(new Event('input', {bubbles: true}));""")
        self.browser.see("sha256", ".sum")
        self.assertNotEqual(self.browser.text(".hash"), said)
        said = self.browser.text(".hash")
        self.browser.click("Run on 1 host")
        payload = self.payload_of(self.deployed())
        self.assertEqual((payload.output, said), ("reviewed\nand more\n", f"sha256 {payload.script_sha256}"))

    def test_a_deployment_that_somebody_else_begins_again(self):
        self.write("exit 9", "db")
        self.browser.click("Review")
        self.browser.click("Run on 1 host")
        self.browser.see("1 host, all done")
        deployment_id = self.deployed()
        self.stack.instances[2].relay.cut()  # So that it stays open for a while.
        self.addCleanup(self.stack.instances[2].relay.heal)
        self.stack.payloads.RetryDeployment(payload_service.RetryDeploymentRequest(deployment_id=deployment_id))
        self.browser.see("1 host of 1 to go · live")

    def test_what_is_wrong_is_said_in_the_servers_words(self):
        self.browser.allowed_complaints += ["400", "403", "404"]
        before = self.stack.sql("SELECT count(*) FROM deployments")
        self.browser.go("deploy")
        self.browser.click("Review")
        self.browser.see("a script is missing", ".problem")
        self.browser.one("textarea").send_keys("true")
        self.browser.click("Review")
        self.browser.see("targets are missing", ".problem")
        self.browser.type("Tags", "web")
        self.browser.type("Remote path", "relative")
        self.browser.click("Review")
        self.browser.see("REMOTE_PATH_INVALID", ".problem")
        self.browser.type("Remote path", "/root/x.sh")
        self.browser.type("Timeout", "99999999")
        self.browser.click("Review")
        self.browser.see("TIMEOUT_OUT_OF_RANGE", ".problem")
        self.browser.go("deploy?tag=web&path=/etc/shadow")
        self.browser.see("2 hosts", ".targets")
        self.browser.click("Review")
        self.browser.see("PAYLOAD_PATH_FORBIDDEN", ".problem")
        self.browser.go("deploy?ids=1,999999&path=" + self.stack.script("true"))
        self.browser.see("999999 does not exist", ".targets")
        self.assertEqual(self.stack.sql("SELECT count(*) FROM deployments"), before)

    def test_hosts_that_did_not_take_it_are_named(self):
        self.browser.go(f"deploy?ids={self.stack.instances[0].id},999999")
        self.browser.one("textarea").send_keys("echo ok")
        self.browser.click("Review")
        self.browser.see("One host does not take it", ".review")
        self.browser.see("999999 does not exist", ".review")
        self.browser.click("Run on 1 host")
        self.browser.click("Follow the others")
        self.browser.see("1 host, all done")
        payload = self.payload_of(self.deployed())
        self.assertEqual(payload.status, pb.PAYLOAD_STATUS_COMPLETED)


if __name__ == "__main__":
    unittest.main()
