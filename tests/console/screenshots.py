"""Takes the pictures of docs/console.md. Usage: tools/screenshots.sh DIRECTORY"""

import contextlib
import os
import sys

from console.browser import Browser
from harness.api import payload_service
from harness.held import HELD, hold, let_go
from harness.stack import Stack

HOSTS = 40
CHECK = """
echo "checking $(hostname)"
printf '\\033[32m%s\\033[0m packages\\n' ok; printf '\\033[32m%s\\033[0m configuration\\n' ok
case $((RANDOM % 6)) in
  0) printf '\\033[31mdisk full on /srv\\033[0m\\n'; exit 3 ;;
  1) echo "service web is not running"; exit 1 ;;
esac
printf '\\033[1;32mall well\\033[0m\\n'
"""
WATCHED = """
echo "upgrading $(hostname)"
for package in bash coreutils libssl3 openssh-server postgresql-15; do
  printf '\\033[36m%-20s\\033[0m unpacked\\n' $package; sleep 0.3
done
printf '\\033[33mwaiting for the service to answer\\033[0m\\n'
"""


def fleet(stack):
    """More instances than there are machines: the same ones by other names."""
    for number in range(HOSTS):
        machine = stack.instances[number % len(stack.instances)]
        role = ("web", "db", "queue")[number % 3]
        stack.register(machine, name=f"{role}-{number:02}.eu.example.com", tags=[role, "eu", f"rack{number % 4}"], project="shop")


def deploy(stack, ids, text, name):
    return stack.payloads.DeployPayload(payload_service.DeployPayloadRequest(
        instance_ids=ids, payload_content=text.encode(), remote_path=f"/root/{name}", execute_payload=True))


class Pictures:

    def __init__(self, stack, directory):
        self.stack, self.directory = stack, directory

    def take(self, name, view, text, within="main", act=None, **looks):
        browser = Browser(self.stack, **looks)
        with contextlib.closing(browser):
            browser.log_in()
            browser.see("Overview", "h1")
            browser.go(view)
            browser.see(text, within)
            if act:
                act(browser)
            browser.driver.execute_async_script("setTimeout(arguments[0], 700)")  # For names that come after the rest.
            browser.save(os.path.join(self.directory, f"{name}.png"))


def review(browser):
    browser.one("textarea").send_keys("systemctl restart web")
    browser.type("Tags", "web")
    browser.type("At a time", "5")
    browser.type("Stop after failures", "2")
    browser.see("14 hosts", ".targets")
    browser.click("Review")
    browser.see("sha256", ".sum")


def main(directory):
    stack = Stack(instances=4, workers=2, http=True, project="shop")
    try:
        fleet(stack)
        web = [int(line) for line in stack.sql("SELECT id FROM instances WHERE name LIKE '%.eu.%' ORDER BY id").split()]
        checked = deploy(stack, web, CHECK, "check.sh")
        for payload_id in checked.payload_ids:
            stack.wait(payload_id)
        for instance in stack.instances:
            hold(instance)
        upgraded = deploy(stack, web[10:34], WATCHED + HELD + "\n", "upgrade.sh")
        for payload_id in upgraded.payload_ids[:8]:
            stack.wait_output(payload_id, "waiting")
        pictures = Pictures(stack, directory)
        pictures.take("overview", "", "Running")
        pictures.take("fleet", "fleet?project=shop&tag=eu", "completed", ".rows", dark=True)
        pictures.take("deploy", "deploy?project=shop", "Script", act=review)
        pictures.take("deployment", f"deployments/{checked.deployment_id}", "disk full on /srv", ".groups")
        pictures.take("grid", f"deployments/{upgraded.deployment_id}?as=grid", "executing", dark=True)
        pictures.take("payload", f"payloads/{upgraded.payload_ids[0]}", "waiting", ".screen", dark=True)
        phone = {"width": 390, "height": 844, "touch": True}
        pictures.take("phone-deployment", f"deployments/{checked.deployment_id}", "disk full on /srv", ".groups", **phone)
        pictures.take("phone-payload", f"payloads/{upgraded.payload_ids[0]}", "waiting", ".screen", dark=True, **phone)
        for instance in stack.instances:
            let_go(instance)
    finally:
        stack.close()


if __name__ == "__main__":
    main(sys.argv[1])
