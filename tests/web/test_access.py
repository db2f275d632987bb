"""Who may see the page, and what every answer carries."""

import re
from pathlib import Path

import pytest

from bridge.web import access
from bridge.web.site import MAX_BODY_OCTETS, MAX_CONNECTIONS, MAX_DROPPED_OCTETS, REQUEST_S
from tests.web.house import HOST, Browser, House, build

WAYS = ["/", "/health", "/accounts/alice", "/support.zip", "/?live=1", "/nothing"]


@pytest.mark.parametrize("path", WAYS)
def test_nothing_is_shown_before_signing_in(house: House, path: str) -> None:
    house.owner.add("alice")
    got = Browser(house).get(path)
    assert got.code == 401
    assert "alice" not in got.text


@pytest.mark.parametrize("path", ["/sync", "/accounts/alice/pause", "/sign-out"])
def test_nothing_is_done_before_signing_in(house: House, path: str) -> None:
    house.owner.add("alice")
    assert Browser(house).post(path).code == 401
    assert house.owner.synced == [] and not house.owner.account().paused


def test_a_link_works_once(house: House) -> None:
    link, first, second = house.links.make(), Browser(house), Browser(house)
    # To look at it uses it up as little as a mail scanner's look does.
    assert first.get(f"/sign-in?link={link}").code == 200
    assert first.post("/sign-in", link=link).headers["location"] == "/"
    assert first.get("/").code == 200
    assert second.post("/sign-in", link=link).code == 403
    assert second.get("/").code == 401


def test_a_link_ends(house: House) -> None:
    link, browser = house.links.make(), Browser(house)
    house.clock.advance(access.LINK_S)
    got = browser.post("/sign-in", link=link)
    assert (got.code, "status --link" in got.text) == (403, True)


def test_a_link_is_long_and_kept_as_a_hash_alone(house: House) -> None:
    link = house.links.make()
    assert len(link) >= 43
    assert link.encode() not in repr(vars(house.links)).encode()


def test_few_links_stand_at_a_time(house: House) -> None:
    links = [house.links.make() for _ in range(access.MAX_LINKS + 1)]
    assert [house.links.use(link) for link in (links[0], links[-1])] == [False, True]


def test_who_tries_links_is_slowed_and_a_right_one_works_all_the_same(house: House) -> None:
    browser = Browser(house)
    codes = [browser.post("/sign-in", link="wrong").code for _ in range(12)]
    assert codes == [403] * access.WRONG_PER_MINUTE + [429] * 2
    assert browser.post("/sign-in", link=house.links.make()).code == 303
    house.clock.advance(61)
    assert browser.post("/sign-in", link="wrong").code == 403


def test_the_cookie(house: House, tmp_path: Path) -> None:
    browser = Browser(house)
    cookie = browser.post("/sign-in", link=house.links.make()).headers["set-cookie"]
    assert re.fullmatch(r"popbridge-8143=[\w-]{43}; Path=/; HttpOnly; SameSite=Strict", cookie)


def test_the_cookie_over_tls(tmp_path: Path) -> None:
    (tmp_path / "tls").mkdir()
    house = build(tmp_path / "tls", secure=True)
    browser = Browser(house).sign_in()
    assert browser.cookie.startswith("__Host-popbridge-8143=")
    cookie = browser.post("/sign-in", link=house.links.make()).headers["set-cookie"]
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict; Secure")
    assert browser.ask("POST", "/sync", Origin=f"http://{HOST}").code == 403
    house.owner.store.close()


def test_signing_out_ends_the_session(browser: Browser) -> None:
    cookie = browser.cookie
    assert "Max-Age=0" in browser.post("/sign-out").headers["set-cookie"]
    browser.cookie = cookie
    assert browser.get("/").code == 401


def test_a_session_that_nobody_uses_ends_though_its_page_refreshes_itself(
    house: House, browser: Browser
) -> None:
    for _ in range(2):
        house.clock.advance(access.IDLE_S / 2 - 1)
        assert browser.get("/?live=1").code == 200
    house.clock.advance(2)
    assert browser.get("/?live=1").code == 401


def test_a_session_ends_after_a_week(house: House, browser: Browser) -> None:
    for _ in range(access.LIFE_S // (access.IDLE_S - 1)):
        house.clock.advance(access.IDLE_S - 1)
        assert browser.get("/").code == 200
    house.clock.advance(access.IDLE_S - 1)
    assert browser.get("/").code == 401


def test_sessions_are_bounded(house: House, browser: Browser) -> None:
    others = [Browser(house).sign_in() for _ in range(access.MAX_SESSIONS)]
    assert browser.get("/").code == 401
    assert others[0].get("/").code == others[-1].get("/").code == 200


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_a_form_needs_the_sessions_token(house: House, browser: Browser, token: str) -> None:
    house.owner.add("alice")
    browser.csrf = token
    assert browser.post("/accounts/alice/pause").code == 403
    assert not house.owner.account().paused


def test_another_sessions_token_is_none(house: House, browser: Browser) -> None:
    browser.csrf = Browser(house).sign_in().csrf
    assert browser.post("/sync").code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_form_from_another_site_is_refused(browser: Browser, headers: dict[str, str]) -> None:
    body = f"csrf={browser.csrf}"
    assert browser.ask("POST", "/sync", body, **headers).code == 403
    assert browser.ask("POST", "/sync", body).code == 303


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1:8143", 200), ("[::1]:8143", 200), ("192.168.1.5", 200), ("mail.example", 200),
        ("MAIL.example.:80", 200), ("localhost", 200), ("evil.example", 421), ("", 421),
        ("127.0.0.1.evil.example", 421), ("mail.example@evil", 421), ("mail.example, a", 421),
    ],
)  # fmt: skip
def test_a_name_that_was_made_to_point_here_is_refused(house: House, host: str, code: int) -> None:
    assert Browser(house).get("/sign-in", Host=host).code == code


def test_two_host_headers_are_refused(house: House) -> None:
    octets = b"GET / HTTP/1.0\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    assert Browser(house).raw(octets).code in (400, 421)


PAGES = ["/", "/health", "/sign-in", "/nothing", "/static/page.css", "/static/page.js", "/?live=1"]


@pytest.mark.parametrize("path", PAGES)
def test_what_every_answer_carries(browser: Browser, path: str) -> None:
    got = browser.get(path)
    policy = dict(
        one.strip().split(" ", 1) for one in got.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in got.headers["content-security-policy"]
    assert got.headers["x-frame-options"] == "DENY"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["referrer-policy"] == "same-origin"
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["server"] == "popbridge"


def test_no_page_needs_what_the_policy_forbids(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    for path in ("/", "/health", "/accounts/alice", "/sign-in", "/nothing"):
        text = browser.get(path).text
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", text)
        assert re.findall(r"<script[^>]*>[^<]", text) == []
        assert re.findall(r'(?:src|href|action)="(?!/)', text.replace('href="#main"', "")) == []


def test_a_form_that_is_too_large(browser: Browser) -> None:
    got = browser.post("/sync", more="x" * MAX_BODY_OCTETS)
    assert got.code == 413
    assert browser.ask("POST", "/sync", "x" * (MAX_BODY_OCTETS + MAX_DROPPED_OCTETS + 1)).code == 0


def test_a_form_of_another_kind_is_not_read(browser: Browser) -> None:
    body = f'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{browser.csrf}\r\n--x--\r\n'
    got = browser.ask("POST", "/sync", body, Content_Type="multipart/form-data; boundary=x")
    assert got.code == 403


def test_who_sends_slowly_is_cut_off(house: House) -> None:
    browser = Browser(house)
    assert browser.raw(b"POST /sync HTTP/1.1\r\nHost: localhost\r\n").code == 0
    calls = [call.getTime() for call in house.clock.getDelayedCalls()]
    assert REQUEST_S in calls


def test_connections_are_bounded(house: House) -> None:
    house.site.open = MAX_CONNECTIONS
    assert house.site.buildProtocol(None) is None


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
def test_no_other_method(browser: Browser, method: str) -> None:
    assert browser.ask(method, "/").code == 405


@pytest.mark.parametrize("path", ["/static/../pages.py", "/static/%2e%2e%2fpages.py", "/static/x"])
def test_no_other_file(browser: Browser, path: str) -> None:
    assert browser.get(path).code == 404


def test_a_fault_is_told_without_its_inside(house: House, browser: Browser) -> None:
    house.faulty = True
    got = browser.get("/")
    assert got.code == 500
    assert "BR-BUG-01" in got.text
    assert "inner secret" not in got.text and "Traceback" not in got.text
