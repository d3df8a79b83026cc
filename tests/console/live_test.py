"""What comes while somebody looks: output, hostile too, servers that go away and come back, tokens that are revoked."""

import os
import unittest

from console.browser import Browser
from harness.api import access_pb, access_service
from harness.held import HELD, hold, let_go
from harness.patience import wait_until
from harness.relay import Relay
from harness.stack import Stack
from harness.web import port_of

# Titles, links, cursor movement, screens that are cleared, hidden text, marks of direction, markup, and what is no UTF-8.
HOSTILE = (b"\x1b]0;pwned\x07\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\\n"
           b"rm -rf /\rls      \n\x1b[2J\x1b[1;1Hgone\n\x1b[8mhidden\x1b[0m\n\xe2\x80\xaetxt.exe\n"
           b"<script>window.ran = true</script><img src=x onerror='window.ran = true'>\n\xff\xfe\x9b2J\n")


class LiveTest(unittest.TestCase):

    def setUp(self):
        self.stack = Stack(instances=1, http=True)
        self.addCleanup(self.stack.close)
        self.instance = self.stack.instances[0]
        self.browser = Browser(self.stack)
        self.addCleanup(self.browser.close)

    def printing(self, script="echo first; " + HELD + "; echo last"):
        """A payload that prints, holds, and prints."""
        hold(self.instance)
        payload_id = self.stack.deploy(script + "\n").payload_ids[0]
        self.stack.wait_output(payload_id, "first")
        return payload_id

    def test_output_as_it_comes_over_a_restart_of_the_server(self):
        payload_id = self.printing(f"echo first; {HELD}; for i in $(seq 1000); do echo line $i; done")
        # A browser complains of every connection that is refused or breaks.
        self.browser.allowed_complaints += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "503",
                                            "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_CLOSED"]
        self.browser.log_in(view=f"payloads/{payload_id}")
        self.browser.see("first", ".screen")
        server = self.stack.api_servers[0]
        server.kill()
        self.browser.see("The connection to the server is lost", ".lost")
        let_go(self.instance)
        server.start()
        self.browser.see_no_more("The connection to the server is lost")
        self.browser.see("✓ completed", "h1")
        self.browser.see("line 1000", ".screen")
        # Each line once, in its order: none was lost, and none came twice.
        self.browser.see("1,001 lines", ".terminal")
        self.browser.fill(".terminal [data-search]", "line 500")
        self.browser.see("1 of 1", ".terminal")
        # A drain tells its streams; they go on with the server after it.
        payload_id = self.printing()
        self.browser.go(f"payloads/{payload_id}")
        self.browser.see("first", ".screen")
        self.assertEqual(server.terminate(), 0)
        self.browser.see("The connection to the server is lost", ".lost")
        server.start()
        let_go(self.instance)
        self.browser.see("last", ".screen")
        self.browser.see("2 lines", ".terminal")

    def test_lists_heal_too(self):
        self.browser.allowed_complaints += ["ERR_", "503"]
        self.browser.log_in(view="workers")
        self.browser.see("✓ connected", ".rows")
        self.stack.api_servers[0].kill()
        self.browser.see("The connection to the server is lost", ".lost")
        self.browser.see("worker-0", ".rows")  # What is known stays.
        self.stack.api_servers[0].start()
        self.browser.see_no_more("The connection to the server is lost")
        self.browser.see_no_more("the server is not reached")

    def test_a_network_that_says_nothing_any_more(self):
        payload_id = self.printing()
        relay = Relay(port_of(self.stack.api_servers[0]))
        self.addCleanup(relay.close)
        browser = Browser(self.stack, port=relay.port)
        self.addCleanup(browser.close)
        browser.allowed_complaints += ["ERR_", "503"]
        browser.log_in(view=f"payloads/{payload_id}")
        browser.see("first", ".screen")
        relay.silence_present()
        browser.see("The connection to the server is lost", ".lost")
        let_go(self.instance)
        relay.heal()
        browser.see("last", ".screen")
        browser.see("2 lines", ".terminal")
        browser.see_no_more("The connection to the server is lost")

    def test_a_token_that_is_revoked_while_somebody_looks(self):
        payload_id = self.printing()
        made = self.stack.new_token(access_pb.ROLE_VIEWER)
        self.browser.allowed_complaints.append("401")
        self.browser.log_in(made.token, view=f"payloads/{payload_id}")
        self.browser.see("first", ".screen")
        self.stack.stubs(0).access.RevokeToken(access_service.RevokeTokenRequest(token_id=made.id))
        self.browser.one("input[name=token]")
        self.browser.see("token", ".problem")
        self.assertIsNone(self.browser.script("return sessionStorage.getItem('longshore-token')"))
        self.browser.fill("input[name=token]", self.stack.token)
        self.browser.click("Log in")
        self.browser.see("first", ".screen")
        let_go(self.instance)
        self.browser.see("✓ completed", "h1")

    def test_a_token_that_has_expired(self):
        made = self.stack.new_token(access_pb.ROLE_VIEWER)
        self.browser.log_in(made.token, view="deployments")
        self.browser.see("Deployments", "h1")
        self.stack.sql(f"UPDATE tokens SET expires_at = now() WHERE id = {made.id}")
        self.browser.allowed_complaints.append("401")
        self.browser.go("workers")
        self.browser.see("token", ".login .problem")

    def test_a_megabyte_that_is_hostile(self):
        pad = b"\x1b[3%dm%s\x1b[0m\n"
        lines = [pad % (number % 8, b"%06d " % number + b"x" * 90) for number in range(9000)]
        data = HOSTILE + b"".join(lines)
        self.assertLess(len(data), 1 << 20)
        path = self.instance.path("/root/data")
        with open(path, "wb") as file:
            file.write(data)
        payload_id = self.stack.deploy("cat /root/data\n").payload_ids[0]
        self.assertEqual(self.stack.wait(payload_id).output_bytes, len(data))
        downloads = os.path.join(self.stack.directory, "downloads")
        os.mkdir(downloads)
        self.browser.cdp("Page.setDownloadBehavior", behavior="allow", downloadPath=downloads)
        self.browser.log_in(view=f"payloads/{payload_id}")
        self.browser.see("008999 xxx", ".screen")
        self.assertLess(len(self.browser.all(".screen .line")), 200, "only what is seen is in the page")
        for wanted in ("click", "gone", "hidden", "rm -rf", "window.ran"):
            self.browser.fill(".terminal [data-search]", wanted)
            self.browser.see("1 of 1", ".terminal")
            self.browser.see(wanted, ".line.here")
        shown = self.browser.text(".screen")
        for text in ("␛]0;pwned␇", "␛]8;;https://evil.example␛\\click", "␛[2J␛[1;1Hgone", "<U+202E>txt.exe",
                     "<script>window.ran = true</script>"):
            self.assertIn(text, shown)
        self.assertEqual(self.browser.driver.title, f"Payload {payload_id} · Longshore")
        self.assertIsNone(self.browser.script("return window.ran ?? null"))
        self.assertEqual(self.browser.all(".screen a, .screen img, .screen script"), [])
        self.browser.fill(".terminal [data-search]", "000003 ")
        self.browser.one(".line.here .fg3")
        self.browser.click("Download", ".terminal")
        downloaded = os.path.join(downloads, f"payload-{payload_id}.log")
        wait_until(lambda: os.path.exists(downloaded) and os.path.getsize(downloaded) == len(data), "the download")
        with open(downloaded, "rb") as file:
            self.assertTrue(file.read() == data, "the bytes as printed")

    def test_what_is_not_stored_is_said(self):
        payload_id = self.stack.deploy("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo the end\n").payload_ids[0]
        self.stack.wait(payload_id)
        self.browser.log_in(view=f"payloads/{payload_id}")
        self.browser.see("the end", ".screen")
        self.browser.see("not all of it kept", ".facts")
        self.browser.fill(".terminal [data-search]", "are not stored")
        self.browser.see("1 of 1", ".terminal")
        self.browser.see("1.9 MiB that were printed here are not stored", ".line.here")

    def test_follows_the_end_until_somebody_scrolls(self):
        payload_id = self.printing(f"seq 500; echo first; {HELD}; seq 1000 1999; echo last")
        self.browser.log_in(view=f"payloads/{payload_id}")
        self.browser.see("first", ".screen")
        self.browser.script("document.querySelector('.screen').scrollTop = 0")
        self.browser.has("!document.querySelector('.terminal input[type=checkbox]').checked", "following to stop")
        let_go(self.instance)
        self.browser.see("1,502 lines", ".terminal")
        self.assertEqual(self.browser.script("return document.querySelector('.screen').scrollTop"), 0)
        self.browser.one("h1").click()
        self.browser.key("e")
        self.browser.see("last", ".screen")

    def test_times_of_lines(self):
        payload_id = self.printing()
        self.browser.log_in(view=f"payloads/{payload_id}")
        self.browser.see("first", ".screen")
        wait_until(lambda: self.browser.now() > 3000, "the page to be older than a moment")
        let_go(self.instance)
        self.browser.see("last", ".screen")
        self.browser.all(".terminal input[type=checkbox]")[1].click()
        self.browser.has("document.querySelectorAll('.line .when').length === 2", "a column of times")
        times = [element.text for element in self.browser.all(".line .when")]
        self.assertEqual(times[0], "", "nobody saw when that came")
        self.assertRegex(times[1], r"\d\d:\d\d:\d\d")


if __name__ == "__main__":
    unittest.main()
