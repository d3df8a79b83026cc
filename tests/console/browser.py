"""Real Chromium, headless, that looks at the console of a stack made with `http`."""

import json
import tempfile

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from harness.patience import PATIENCE, wait_until
from harness.web import port_of

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
         "--disable-default-apps", "--no-default-browser-check", "--force-color-profile=srgb", "--lang=en-US")
# Counts what keeps the page from answering: tasks of over 50 ms, each with its beginning and its length.
OBSERVE = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.longTasks.push([entry.startTime, entry.duration]);
}).observe({type: 'longtask', buffered: true});
"""


class Browser:
    """Sees the console of api_server `i`, or what is behind `port`. close() asserts that only its own server was asked, and that
    nothing complained.
    """

    def __init__(self, stack, i=0, width=1280, height=900, dark=False, touch=False, port=None):
        self.stack = stack
        scheme = "http" if stack.insecure else "https"
        self.origin = f"{scheme}://127.0.0.1:{port or port_of(stack.api_servers[i])}"
        self.profile = tempfile.TemporaryDirectory(prefix="chromium-")
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        options.accept_insecure_certs = True
        for flag in FLAGS + (f"--user-data-dir={self.profile.name}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_script_timeout(PATIENCE)
        # Else a window is not as narrow as a phone.
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        looks = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", features=[looks])
        self.cdp("Page.addScriptToEvaluateOnNewDocument", source=OBSERVE)
        self.allowed_complaints = []  # Parts of what the browser may say.

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def open(self, view=""):
        """A view by its URL, as a colleague has sent it."""
        self.driver.get(f"{self.origin}/#/{view}")
        return self

    def log_in(self, token=None, view=""):
        self.open(view)
        self.fill("input[name=token]", self.stack.token if token is None else token)
        self.click("Log in")
        return self

    def go(self, view):
        """A view, without loading the page anew."""
        self.driver.execute_script("location.hash = arguments[0]", f"#/{view}")

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css):
        return wait_until(lambda: next(iter(self.all(css)), None), f"{css} in {self.text()[:2000]}")

    def text(self, css="body"):
        """What somebody reads, in all that matches."""
        try:
            return "\n".join(element.text for element in self.all(css))
        except (NoSuchElementException, StaleElementReferenceException):
            return ""

    def see(self, text, css="body"):
        """Waits until `text` can be read."""
        wait_until(lambda: text in self.text(css), f"'{text}' on the page", on_failure=lambda: self.text()[:4000])

    def see_no_more(self, text, css="body"):
        wait_until(lambda: text not in self.text(css), f"no '{text}' on the page", on_failure=lambda: self.text()[:4000])

    def labelled(self, text, within="body"):
        """The button, link or summary that says so."""
        def look():
            for element in self.all(f"{within} button, {within} a, {within} summary"):
                try:
                    if element.is_displayed() and text in element.text:
                        return element
                except StaleElementReferenceException:
                    continue
            return None

        return wait_until(look, f"something to click that says '{text}'", on_failure=lambda: self.text()[:4000])

    def click_in_row(self, row, label):
        """The button `label` in the row that says `row`."""
        def attempt():
            for element in self.all(".rows .row"):
                try:
                    if row in element.text:
                        next(button for button in element.find_elements(By.TAG_NAME, "button") if label in button.text).click()
                        return True
                except (StaleElementReferenceException, StopIteration):
                    continue
            return False

        wait_until(attempt, f"'{label}' beside '{row}'", on_failure=lambda: self.text()[:4000])

    def click(self, text, within="body"):
        def attempt():
            try:
                self.labelled(text, within).click()
                return True
            except (StaleElementReferenceException, WebDriverException):
                return False

        wait_until(attempt, f"a click on '{text}'")

    def click_radio(self, label):
        self.one("fieldset")
        self.field(label).click()

    def field(self, label):
        return self.driver.find_element(By.XPATH, f"//label[contains(., {json.dumps(label)})]//*[self::input or self::select]")

    def fill(self, css, text):
        field = self.one(css)
        field.clear()
        field.send_keys(text)

    def type(self, label, text):
        labels = f"//label[contains(., {json.dumps(label)})]"
        wait_until(lambda: self.driver.find_elements(By.XPATH, labels), f"the field {label}")
        # As a person would: clear() changes the field by itself, and what the page then draws may undo that.
        self.field(label).send_keys(Keys.CONTROL + "a" + Keys.NULL + Keys.DELETE + text)

    def key(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)

    def leave_field(self):
        self.key(Keys.ESCAPE)

    def script(self, text, *words):
        return self.driver.execute_script(text, *words)

    def has(self, condition, what):
        """Waits until an expression in the page is true."""
        return wait_until(lambda: self.script(f"return {condition}"), what, on_failure=lambda: self.text()[:4000])

    def longest_task(self, since=0):
        """The longest task, in ms, of those that began `since` ms after the page was loaded."""
        return max((length for begun, length in self.script("return window.longTasks") if begun >= since), default=0)

    def now(self):
        return self.script("return performance.now()")

    def save(self, path):
        self.driver.save_screenshot(path)

    def requested(self):
        """The URLs that were asked for since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"]

    def complaints(self):
        """What the browser's console said, that no test expects."""
        said = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        return [text for text in said if not any(part in text for part in self.allowed_complaints)]

    def close(self):
        try:
            own = (self.origin + "/", f"blob:{self.origin}", "data:", "chrome")
            foreign = [url for url in self.requested() if not url.startswith(own)]
            assert foreign == [], foreign
            complaints = self.complaints()
            assert complaints == [], complaints
        finally:
            self.driver.quit()
            self.profile.cleanup()
