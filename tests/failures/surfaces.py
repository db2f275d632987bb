"""The three places where somebody looks: the page without JavaScript, the CLI and the metrics."""

import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.daemon import popbridge

ANSWERED_S = 120


class Page:
    """A browser that has signed in by a link of the command line and runs no script."""

    def __init__(self, data: Path, web: str) -> None:
        self.address = web.partition("//")[2]
        self.link = json.loads(popbridge(data, "status", "--link", "--json").stdout)["urls"][0]
        token = urlencode({"link": self.link.partition("link=")[2]})
        _, headers = self.ask("POST", "/sign-in", token, Origin=web)
        self.cookie = headers["Set-Cookie"].partition(";")[0]

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[str, Any]:
        """What comes back, and its header fields."""
        connection = http.client.HTTPConnection(self.address, timeout=ANSWERED_S)
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return text, answer.headers

    def get(self, path: str) -> str:
        """A page's HTML."""
        return self.ask("GET", path, Cookie=self.cookie)[0]


@dataclass(frozen=True)
class Seen:
    """What all three say at one time."""

    pages: str
    """HTML of the overview, of each account's page and of the health page."""
    text: str
    found: dict[str, Any]
    series: dict[tuple[str, str, str], float]
    """By metric, account and code or listener."""

    def problems(self, login: str | None) -> list[dict[str, str]]:
        """Of an account, or of the daemon itself, by `status --json`."""
        whose = self.found["daemon"] if login is None else self.account(login)
        problems: list[dict[str, str]] = whose["problems"]
        return problems

    def account(self, login: str) -> dict[str, Any]:
        """What `status --json` says of it."""
        return next(one for one in self.found["accounts"] if one["login"] == login)

    def since_s(self, login: str | None, code: str) -> float | None:
        """Since when the metrics have it."""
        if login is None:
            return self.series.get(("error_since_timestamp_seconds", "", code))
        number = str(self.account(login)["number"])
        return self.series.get(("account_error_since_timestamp_seconds", number, code))


def look(data: Path, page: Page, metrics: str) -> Seen:
    """All three, read anew."""
    found = json.loads(popbridge(data, "status", "--json").stdout)
    paths = ["/", "/health", *(f"/accounts/{one['login']}" for one in found["accounts"])]
    return Seen(
        pages="".join(map(page.get, paths)),
        text=popbridge(data, "status").stdout,
        found=found,
        series=dict(_series(metrics)),
    )


def words(html: str) -> str:
    """What is read, without tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())


def scraped(metrics: str) -> str:
    """The exposition."""
    with urlopen(metrics + "/metrics", timeout=ANSWERED_S) as answer:
        return str(answer.read().decode())


def _series(metrics: str) -> Iterator[tuple[tuple[str, str, str], float]]:
    for family in text_string_to_metric_families(scraped(metrics)):
        for name, labels, value, *_ in family.samples:
            code = labels.get("code") or labels.get("listener", "")
            yield (name.removeprefix("popbridge_"), labels.get("account", ""), code), value
