"""The page in a real browser, from a real daemon."""

import json
import os
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.daemon import CONFIG, Daemon, add_account, popbridge
from tests.web.chromium import CHROMIUM, Chromium

pytestmark = pytest.mark.e2e
PATHS = ["/", "/accounts/alice", "/health", "/sign-in"]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    if CHROMIUM is None and "POPBRIDGE_CI" not in os.environ:
        pytest.skip("chromium is not installed")
    data = tmp_path_factory.mktemp("data")
    text = CONFIG.format(interval="1h").replace(
        "[web]\nlisten = []", '[web]\nlisten = ["http://127.0.0.1:0", "https://127.0.0.1:0"]'
    )
    (data / "popbridge.toml").write_text(text)
    with socket.socket() as taken:
        # Bound and not listening: every connection is refused.
        taken.bind(("127.0.0.1", 0))
        add_account(data, taken.getsockname()[1])
        running = Daemon(data)
        yield running
        running.stop()


def links(daemon: Daemon) -> Any:
    done = popbridge(daemon.data, "status", "--link", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["urls"]


def signed_in(daemon: Daemon, browser: Chromium) -> str:
    link = links(daemon)[0]
    browser.open(link)
    browser.click("button.main")
    browser.until("location.pathname == '/' && document.readyState == 'complete'")
    return str(link.partition("/sign-in")[0])


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_signing_in_reading_and_pausing(daemon: Daemon, tmp_path: Path, javascript: bool) -> None:
    browser = Chromium(tmp_path, javascript=javascript)
    try:
        base = signed_in(daemon, browser)
        browser.until("document.body.innerText.includes('BR-POP-03') || (location.reload(), false)")
        assert "What to do:" in browser.value("document.body.innerText")
        browser.open(f"{base}/accounts/alice")
        for state, button in (("paused", "Resume"), ("", "Pause")):
            browser.click("#pause")
            browser.until(f"document.querySelector('#pause')?.innerText == '{button}'")
            found = json.loads(popbridge(daemon.data, "status", "--json").stdout)
            assert (found["accounts"][0]["state"] == "paused") == bool(state)
        assert browser.complaints == []
    finally:
        browser.close()


def test_what_changes_is_seen_without_loading_again(daemon: Daemon, tmp_path: Path) -> None:
    browser = Chromium(tmp_path)
    try:
        signed_in(daemon, browser)
        browser.value("window.same = true; document.querySelector('#s-1').focus()")
        assert popbridge(daemon.data, "account", "pause", "alice").returncode == 0
        browser.until("document.querySelector('#live').innerText.includes('Paused')")
        assert browser.value("window.same && document.activeElement.id") == "s-1"
        assert popbridge(daemon.data, "account", "resume", "alice").returncode == 0
        browser.until("!document.querySelector('#live').innerText.includes('Paused')")
        assert browser.complaints == []
    finally:
        browser.close()


def test_narrow_and_wide_light_and_dark(daemon: Daemon, tmp_path: Path) -> None:
    browser = Chromium(tmp_path)
    try:
        base = signed_in(daemon, browser)
        for path in PATHS:
            grounds = set()
            for width, dark in ((320, False), (320, True), (1280, False), (1280, True)):
                browser.look(width, dark=dark)
                browser.open(base + path)
                assert browser.value("document.documentElement.scrollWidth") <= width, path
                grounds.add(browser.value("getComputedStyle(document.body).backgroundColor"))
            assert len(grounds) == 2
        assert browser.complaints == []
    finally:
        browser.close()


def test_over_tls(daemon: Daemon) -> None:
    link = urlsplit(next(url for url in links(daemon) if url.startswith("https:")))
    trusted = ssl.create_default_context(cafile=str(daemon.data / "tls" / "ca.pem"))
    connection = HTTPSConnection("127.0.0.1", link.port, context=trusted, timeout=60)
    origin = {"Origin": f"https://{link.netloc}"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/sign-in", link.query, origin | form)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (303, b"")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-") and cookie.endswith("; Secure")
    connection.request("GET", "/", headers={"Cookie": cookie.partition(";")[0]})
    answer = connection.getresponse()
    assert answer.status == 200 and b"alice" in answer.read()
    connection.close()
    assert [url.partition(":")[0] for url in daemon.run["web"]] == ["http", "https"]
