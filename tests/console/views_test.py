"""Each view of the console with real data, and who may see it."""

import unittest

from selenium.webdriver.common.keys import Keys

from console.browser import Browser
from harness.api import access_pb
from harness.patience import wait_until
from harness.stack import Stack
from harness.web import Web

HOSTILE_NAME = "<img src=x onerror=alert(1)>\u202egnp"


class ViewsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(instances=2, http=True)
        cls.addClassCleanup(cls.stack.close)
        cls.web = Web(cls.stack)
        cls.good = cls.stack.deploy("echo all well\n")
        cls.bad = cls.stack.deploy("echo looking; echo 'no space left'; exit 3\n")
        for response in (cls.good, cls.bad):
            for payload_id in response.payload_ids:
                cls.stack.wait(payload_id)
        cls.browser = Browser(cls.stack)
        cls.addClassCleanup(cls.browser.close)
        cls.browser.log_in()

    def setUp(self):
        self.browser.go("workers")  # Each test comes from another view.
        self.browser.see("Workers", "h1")

    def test_login_and_logout(self):
        browser = Browser(self.stack)
        self.addCleanup(browser.close)
        browser.allowed_complaints.append("401")  # A browser complains of every error of a server.
        browser.log_in("lsk_1_" + "0" * 64, view=f"deployments/{self.bad.deployment_id}")
        browser.see("token", ".problem")
        browser.fill("input[name=token]", "lsk_1_…")
        browser.click("Log in")
        browser.see("no token", ".problem")
        browser.fill("input[name=token]", self.stack.token)
        browser.click("Log in")
        browser.see(f"Deployment {self.bad.deployment_id}", "h1")  # The view that was asked for.
        self.assertNotIn("lsk_", browser.driver.current_url)
        browser.driver.refresh()
        browser.see(f"Deployment {self.bad.deployment_id}", "h1")
        browser.click("Log out")
        browser.one("input[name=token]")
        self.assertIsNone(browser.script("return sessionStorage.getItem('longshore-token')"))
        self.assertEqual(browser.script("return localStorage.length + document.cookie.length"), 0)

    def test_policy(self):
        answer = Web(self.stack, token="").get("/")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        policy = answer.headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        kinds = {"/console.js": "text/javascript", "/console.css": "text/css", "/icon.svg": "image/svg+xml"}
        for path, kind in kinds.items():
            answer = Web(self.stack, token="").get(path)
            self.assertTrue(answer.headers["Content-Type"].startswith(kind))
            again = Web(self.stack, token="").get(path, If_None_Match=answer.headers["ETag"])
            self.assertEqual((again.status, again.body), (304, b""))
        self.assertEqual(Web(self.stack).ask("POST", "/", {}).status, 405)
        # The browser keeps to it: what got into the page could run nothing.
        self.browser.allowed_complaints.append("Content Security Policy")
        self.browser.allowed_complaints.append("This document requires 'Trusted")
        seen, ran = self.browser.driver.execute_async_script("""
            const done = arguments[0];
            const seen = [];
            document.addEventListener('securitypolicyviolation', (event) => seen.push(event.effectiveDirective));
            const script = document.createElement('script');
            try { script.text = 'window.ran = true'; } catch { seen.push('text'); }
            try { document.body.innerHTML += '<img src=x onerror="window.ran = true">'; } catch { seen.push('html'); }
            fetch('https://elsewhere.example/').catch(() => setTimeout(() => done([seen, window.ran === true]), 100));""")
        self.assertEqual(sorted(set(seen)), ["connect-src", "html", "require-trusted-types-for", "text"])
        self.assertFalse(ran)

    def test_overview(self):
        self.browser.go("")
        self.browser.see("2\nfailed in the last hour", ".figures")
        self.browser.see("1\nworker connected", ".figures")
        self.browser.see("nonzero exit")
        self.browser.see("2 completed, 2 failed, 0 cancelled", ".plot")

    def test_fleet(self):
        self.browser.go("fleet")
        self.browser.see("2 instances", ".heading")
        self.browser.see("✗ failed", ".rows")  # Their last payload's result.
        self.browser.type("Find", "instance-1")
        self.browser.see("1 of 2 instances", ".heading")
        self.assertNotIn("instance-0", self.browser.text(".rows"))
        self.browser.has("location.hash.includes('text=instance-1')", "the filter in the URL")
        self.browser.open("fleet?text=instance-0")  # As a colleague would.
        self.browser.see("1 of 2 instances", ".heading")
        self.browser.go("fleet?status=terminated")
        self.browser.see("No instance matches")

    def test_marks(self):
        self.browser.go("fleet")
        self.browser.see("2 instances", ".heading")
        self.browser.all(".rows input[type=checkbox]")[0].click()
        self.browser.see("1 instance", ".chosen-bar")
        self.browser.click("Mark all 2 that match")
        self.browser.see("All 2 instances that match", ".chosen-bar")
        self.browser.click("Deploy to them")
        # They are all of one project: a selector says who they are.
        self.browser.has("location.hash === '#/deploy?project=default'", "a selector in the URL")
        self.browser.see("2 hosts", ".targets")
        self.browser.go("fleet?text=instance-1")
        self.browser.see("1 of 2 instances", ".heading")
        self.browser.click("Mark all 1 that match")
        self.browser.click("Deploy to them")
        self.browser.see("1 marked instance")
        self.browser.see("instance-1", ".targets")

    def test_marks_of_two_projects_are_no_selector(self):
        # A selector without a project is for the project 'default' alone.
        other = self.stack.register(self.stack.instances[0], name="of-the-shop", project="shop", address="127.0.0.9").id
        self.addCleanup(self.stack.sql, f"DELETE FROM instances WHERE id = {other}")
        self.browser.go("fleet")
        self.browser.see("3 instances", ".heading")
        self.browser.click("Mark all 3 that match")
        self.browser.click("Deploy to them")
        self.browser.see("3 marked instances")
        self.browser.one("textarea").send_keys("true")
        self.browser.click("Review")
        self.browser.see("2 hosts", ".sum")
        self.browser.see("One host does not take it", ".review")
        self.browser.see("project", ".review li")

    def test_many_marks_are_not_those_of_the_next_deployment(self):
        first = int(self.stack.sql("SELECT max(id) FROM instances")) + 1
        self.stack.sql("INSERT INTO instances (name, provider, address, port, ssh_user, status) "
                       "SELECT 'many-' || n, 'registered', "
                       "'192.0.2.1', n, 'root', 'READY' FROM generate_series(1, 60) n")
        self.addCleanup(self.stack.sql, f"DELETE FROM instances WHERE id >= {first}")
        self.browser.go("fleet?text=many-")
        self.browser.see("60 of 62 instances", ".heading")
        self.browser.click("Mark all 60 that match")
        self.browser.click("Deploy to them")
        self.browser.see("60 marked instances")
        self.browser.go("deploy?project=default")
        self.browser.see_no_more("marked instances", "main")
        self.browser.see("62 hosts", ".targets")
        self.browser.go("deploy")
        self.browser.see("A project or a tag says which")

    def test_a_list_is_left_and_come_back_to(self):
        self.browser.go("fleet?tag=nothing-has-it")
        self.browser.see("No instance matches")
        self.browser.click("Fleet", ".places")
        self.browser.see("2 instances", ".heading")
        self.assertEqual(self.browser.field("Tags").get_attribute("value"), "")

    def test_instance(self):
        instance = self.stack.instances[0]
        self.browser.go(f"instances/{instance.id}")
        self.browser.see("instance-0", "h1")
        self.browser.see("ssh-ed25519", ".facts")
        for payload_id in (self.good.payload_ids[0], self.bad.payload_ids[0]):
            self.browser.see(str(payload_id), ".rows")
        self.browser.see("payload transfer", ".rows")

    def test_payload(self):
        self.browser.go(f"payloads/{self.bad.payload_ids[0]}")
        self.browser.see("looking\nno space left", ".screen")
        self.browser.see("exit status 3", ".facts")
        for step in ("accepted", "claimed", "by worker-0", "transferred", "started", "failed"):
            self.browser.see(step, ".timeline")
        self.browser.click("The script that ran")
        self.browser.see("echo looking; echo 'no space left'; exit 3", "pre")
        self.browser.click("Attempts and their tasks")
        self.browser.see("payload transfer ✗ failed", "ul.plain")

    def test_deployment(self):
        self.browser.go(f"deployments/{self.bad.deployment_id}")
        self.browser.see("2 hosts, all done")
        self.browser.see("2 ✗ nonzero exit no space left", ".groups")
        self.browser.go(f"deployments/{self.bad.deployment_id}?status=completed")
        self.browser.see("No host is completed")
        self.browser.go(f"deployments/{self.bad.deployment_id}?as=grid")
        wait_until(lambda: len(self.browser.all(".cell.failed")) == 2, "a square for each host")
        self.browser.click("What was asked for")
        self.browser.see("all at once", ".facts")
        self.browser.go("deployments")
        self.browser.see(str(self.bad.deployment_id), ".rows")

    def test_tasks_and_workers(self):
        task = self.stack.get(self.good.payload_ids[0]).task_id
        self.browser.go("tasks?status=completed")
        self.browser.see("payload transfer", ".rows")
        self.assertNotIn("failed", self.browser.text(".rows"))
        self.browser.go(f"tasks/{task}")
        self.browser.see("worker-0", ".facts")
        self.browser.go("workers")
        self.browser.see("✓ connected", ".rows")

    def test_audit(self):
        self.browser.go("audit")
        self.browser.see("PayloadService.DeployPayload", ".rows")
        self.browser.type("Who", "nobody-of-that-name")
        self.browser.see("No event matches")

    def test_tokens(self):
        self.browser.go("tokens")
        self.browser.click("New token")
        self.browser.type("Name", "ci <b>bot</b>")
        self.browser.click("Make")
        secret = self.browser.one("code.secret").text
        self.assertTrue(secret.startswith("lsk_"))
        self.browser.see("ci <b>bot</b>", ".rows")
        self.assertEqual(Web(self.stack, token=secret).get("/api/v1/deployments").status, 200)
        self.browser.click("Hide")
        self.browser.see_no_more("lsk_")
        self.browser.click_in_row("ci <b>bot</b>", "Revoke")
        self.browser.see("Sure?", ".rows")
        # Whoever presses twice has not read the question.
        self.browser.driver.execute_async_script("setTimeout(arguments[0], 500)")
        self.browser.click_in_row("ci <b>bot</b>", "Revoke")
        self.browser.see("revoked", ".rows")

    def test_a_role_that_may_not(self):
        browser = Browser(self.stack)
        self.addCleanup(browser.close)
        browser.allowed_complaints.append("403")
        browser.log_in(self.stack.new_token(access_pb.ROLE_VIEWER).token, view=f"deployments/{self.bad.deployment_id}")
        browser.click("Retry failed")
        browser.see("ROLE_INSUFFICIENT", ".problem")
        browser.go("tokens")
        browser.see("ROLE_INSUFFICIENT", ".problem")
        browser.go("audit")
        browser.see("ROLE_INSUFFICIENT", ".problem")

    def test_what_is_not_there(self):
        self.browser.allowed_complaints.append("404")
        for view in ("payloads/999999", "deployments/999999", "instances/999999", "tasks/999999"):
            self.browser.go(view)
            self.browser.see("999999 does not exist", ".problem")
        self.browser.allowed_complaints.append("400")
        self.browser.go("payloads/..%2F..%2Fhealthz")
        self.browser.see("INVALID_FIELD", ".problem")
        for view in ("nonsense", "constructor", "__proto__", "constructor/1", "fleet/1/2"):
            self.browser.go(view)
            self.browser.see("There is no such view")

    def test_keys(self):
        self.browser.go("fleet")
        self.browser.see("2 instances", ".heading")
        self.browser.key("/")
        self.assertEqual(self.browser.script("return document.activeElement.placeholder"), "name, address, tag or id")
        self.browser.leave_field()
        self.browser.key("j", "j", "k", "x")
        self.browser.see("1 instance", ".chosen-bar")
        self.browser.key(Keys.ENTER)
        self.browser.see("instance-0", "h1")
        self.browser.key("g", "w")
        self.browser.see("Workers", "h1")
        self.browser.key("?")
        self.browser.see("search", "dialog")
        self.browser.click("Close", "dialog")

    def test_names_that_are_hostile(self):
        hostile = self.stack.register(self.stack.instances[0], name=HOSTILE_NAME, tags=["<b>x</b>", "'\"--"], address="localhost")
        self.addCleanup(self.stack.sql, f"DELETE FROM instances WHERE id = {hostile.id}")
        for view in ("fleet", f"instances/{hostile.id}", f"deploy?ids={hostile.id}"):
            self.browser.go(view)
            self.browser.see("<img src=x onerror=alert(1)><U+202E>gnp")
        self.assertEqual(self.browser.all("img[src=x]"), [])

    def test_a_phone(self):
        phone = Browser(self.stack, width=390, height=844, dark=True, touch=True)
        self.addCleanup(phone.close)
        phone.log_in()
        for view in ("", "fleet", "deployments", f"deployments/{self.bad.deployment_id}", f"payloads/{self.bad.payload_ids[0]}",
                     f"instances/{self.stack.instances[0].id}", "deploy", "tasks", "workers", "audit", "tokens"):
            phone.go(view)
            phone.one("h1")
            phone.has("document.documentElement.scrollWidth <= innerWidth", f"'{view}' within the width of a phone")


if __name__ == "__main__":
    unittest.main()
