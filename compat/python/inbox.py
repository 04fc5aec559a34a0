"""The mails that the server has caught in place of sending them."""

import re
import time
from urllib.parse import parse_qs, urlsplit

import requests

# How long a mail may be on its way. It is sent by a worker of its own.
PATIENCE = 30.0


class Inbox:
    def __init__(self, url: str):
        self.url = url

    def to(self, address: str) -> list[dict]:
        """The mails to an address, newest first."""
        response = requests.get(self.url, params={"to": address}, timeout=10)
        response.raise_for_status()
        return [mail for mail in response.json() if mail["to"] == address]

    def wait(self, address: str, count: int = 1) -> list[dict]:
        """The mails to an address once there are so many, newest first."""
        deadline = time.monotonic() + PATIENCE
        while len(mails := self.to(address)) < count:
            assert time.monotonic() < deadline, f"{len(mails)} of {count} mails came to {address}"
            time.sleep(0.05)
        return mails

    def link(self, address: str, kind: str) -> str:
        """The link of a kind in the newest mail that has one."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for mail in self.to(address):
                for link in mail["links"]:
                    if parse_qs(urlsplit(link).query).get("for") == [kind]:
                        return link
            assert time.monotonic() < deadline, f"no mail with a {kind} link came to {address}"
            time.sleep(0.05)


    def code(self, address: str, count: int = 1) -> str:
        """The digits in the newest of so many mails to an address."""
        for mail in self.wait(address, count):
            if found := re.search(r"^[0-9]{6}$", mail["text"], re.MULTILINE):
                return found.group()
        raise AssertionError(f"no mail to {address} has a code")


def ticket(link: str) -> str:
    """The code of a link, as an application is given it."""
    return "pmc_" + parse_qs(urlsplit(link).query)["code"][0]
