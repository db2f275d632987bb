"""The pages and their forms."""

import io
import json
import zipfile
from datetime import timedelta

import pytest

from bridge.admin.devices import MAX_DEVICES
from bridge.errors import RefusedError
from bridge.model.account import AccountState
from bridge.sync.runner import Progress, SyncResult
from bridge.web.pages import PER_PAGE
from tests.admin.owner import NOW
from tests.web.house import Browser, House

EVIL = "<script>alert(1)</script>"


def test_without_accounts_it_says_how_to_add_one(browser: Browser) -> None:
    assert "popbridge account add" in browser.get("/").words


def test_an_account_that_is_fine(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    house.owner.status(
        "alice", state=AccountState.OK, last_success=NOW - timedelta(minutes=3),
        next_attempt=NOW + timedelta(minutes=2), listed=3, pending=0,
    )  # fmt: skip
    words = browser.get("/").words
    for part in ("✓ All fine", "Last checked 3 minutes ago", "Next check in 2 minutes",
                 "Here / provider 0 octets / unknown", "1 account, all fine."):  # fmt: skip
        assert part in words, words


def test_a_first_sync_tells_no_time_before_it_is_known(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    house.owner.status("alice", state=AccountState.FIRST_SYNC)
    house.activity.progressed(Progress("alice", 2314, 10, 1000))
    words = browser.get("/").words
    assert "Fetching for the first time" in words
    assert "10 of 2,314 messages" in words and "left" not in words
    house.clock.advance(10)
    house.activity.progressed(Progress("alice", 2314, 110, 10_000))
    assert "110 of 2,314 messages, about 4 min left" in browser.get("/").words


def test_the_strip_of_the_last_syncs(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    for n in range(60):
        error = RefusedError(EVIL, "Wait.") if n == 59 else None
        house.activity.synced(SyncResult("alice", 3, 1, 10, 0, 0.5, error))
    got = browser.get("/accounts/alice")
    assert "Last 50 syncs: 1 failed" in got.words
    assert "✕ BR-POP-03" in got.words and got.text.count("✓ fine") == 49
    assert EVIL not in got.text and "&lt;script&gt;" in got.text


def test_check_now(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    assert "alice is being checked now." in browser.form("/accounts/alice/sync").words
    assert house.owner.synced == [house.owner.account().id]
    browser.form("/sync")
    assert len(house.owner.synced) == 2


def test_a_message_is_shown_once(house: House, browser: Browser) -> None:
    browser.post("/sync")
    assert "being checked" in browser.get("/").words
    assert "being checked" not in browser.get("/").words


def test_pause_and_resume(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    assert "‖ Paused" in browser.form("/accounts/alice/pause").words
    assert house.owner.account().paused
    browser.form("/accounts/alice/resume")
    assert not house.owner.account().paused


def test_a_new_pop3_password(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    assert "works and is kept" in browser.form("/accounts/alice/password", password="new").words
    assert [secret.text for secret in house.owner.tried] == ["new"]
    house.owner.refuses = True
    before = house.owner.account().sealed_password
    got = browser.form("/accounts/alice/password", password="wr0ng")
    assert "BR-AUTH-01: Wrong password." in got.words and "wr0ng" not in got.text
    assert house.owner.account().sealed_password == before


def test_devices(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    got = browser.form("/accounts/alice/devices/add", name="phone <b>")
    password = got.text.partition('class="secret">')[2].partition("<")[0]
    assert len(password) > 20 and "phone <b>" in got.words
    account_id = house.owner.account("alice").id
    (first, _) = house.owner.store.read(lambda tx: tx.devices(account_id))
    house.owner.store.write(lambda tx: tx.device_used(first, NOW - timedelta(hours=2)))
    again = browser.get("/accounts/alice")
    assert password not in again.text
    assert "phone <b> never used" in again.words
    assert "last used 2 hours ago" in again.words and "<b>" not in again.text
    assert "already" in browser.form("/accounts/alice/devices/add", name="phone <b>").words
    revoked = browser.form("/accounts/alice/devices/revoke", name="phone <b>")
    assert "can't log in any more" in revoked.words
    assert "no device" in browser.form("/accounts/alice/devices/revoke", name="phone <b>").words


def test_devices_are_bounded_and_named(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    for n in range(MAX_DEVICES - 1):
        browser.post("/accounts/alice/devices/add", name=f"d{n}")
    got = browser.form("/accounts/alice/devices/add", name="one more")
    assert f"has {MAX_DEVICES} devices" in got.words
    for name in ("", " ", "x" * 51, "a\x00b"):
        assert "1 to 50 letters" in browser.form("/accounts/alice/devices/add", name=name).words


def test_the_settings_of_a_mail_app(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    words = browser.get("/accounts/alice").words
    assert "host mail.example , port 1993 , SSL/TLS" in words and "User name alice" in words


def test_another_policy_is_tried_before_it_is_used(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    got = browser.get("/accounts/alice?policy=delete-after%3D30d")
    assert (
        "has been held for 30 days" in got.words and "0 messages (0 octets) would go" in got.words
    )
    assert house.owner.account().policy == "keep"
    browser.form("/accounts/alice/policy", policy="delete-after=30d")
    assert house.owner.account().policy == "delete-after=30d"
    assert "policy" in browser.get("/accounts/alice?policy=nonsense").words


@pytest.mark.parametrize("path", ["/accounts/nobody", "/nothing", f"/accounts/{EVIL}", "/a/b/c/d"])
def test_what_there_is_not(browser: Browser, path: str) -> None:
    got = browser.get(path.replace("<", "%3C").replace(">", "%3E"))
    assert got.code == 404 and EVIL not in got.text and "Traceback" not in got.text


def test_a_form_that_there_is_not(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    assert browser.post("/nothing").code == 404
    assert "no such form" in browser.form("/accounts/alice/nothing").words
    assert browser.post("/accounts/nobody/pause").code == 404


def test_nobody_names_files_or_commands_over_http(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    browser.form("/accounts/alice/pause", secret_source="/etc/passwd", tls="x")
    assert house.owner.account().secret_source.value == ""


def test_the_live_part_alone(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    for path in ("/", "/health", "/accounts/alice"):
        whole, live = browser.get(path).text, browser.get(f"{path}?live=1").text
        assert "<html" not in live and live.strip() in whole


def test_many_accounts_in_pages_worst_first(house: House, browser: Browser) -> None:
    for n in range(PER_PAGE + 5):
        house.owner.add(f"user{n:03}")
    house.owner.status(
        "user104", state=AccountState.NEEDS_PASSWORD, error_code="BR-AUTH-01", error_text="No."
    )
    first, second = browser.get("/").text, browser.get("/?page=2").text
    assert first.index("user104") < first.index("user000")
    assert (first.count("Check user"), second.count("Check user")) == (PER_PAGE, 5)
    assert browser.get("/?search=user10").text.count("Check user") == 5
    for page in ("0", "-1", "x", "9" * 30, "%C2%B2"):
        assert browser.get(f"/?page={page}").code == 200


def test_a_hostile_search_is_shown_as_text(house: House, browser: Browser) -> None:
    for n in range(11):
        house.owner.add(f"user{n}")
    assert EVIL not in browser.get("/?search=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").text


def test_health(browser: Browser) -> None:
    words = browser.get("/health").words
    for part in (
        "popbridge 1.2.3", "SQLite 3.51.3", "Certificate ends in 300 days", "Disk 10 GB free",
        "Last backup never", "✓ up imaps://127.0.0.1:1993",
    ):  # fmt: skip
        assert part in words, words


def test_the_support_bundle_names_nobody(house: House, browser: Browser) -> None:
    house.owner.add("canarylogin")
    house.owner.status(
        "canarylogin", state=AccountState.RETRYING, error_code="BR-POP-02",
        error_text="canaryhost has no address", error_since=NOW, listed=1, pending=0,
    )  # fmt: skip
    got = browser.get("/support.zip")
    assert got.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(got.body)) as made:
        texts = {name: made.read(name).decode() for name in made.namelist()}
    assert sorted(texts) == ["metrics.txt", "popbridge.json"]
    for word in ("canary", "pop.example", "secret", "127.0.0.1"):
        assert not any(word in text for text in texts.values())
    told = json.loads(texts["popbridge.json"])
    assert told["accounts"][0]["error"]["code"] == "BR-POP-02"


def test_labels_headings_and_language(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    for path in ("/", "/health", "/accounts/alice", "/sign-in", "/nothing"):
        text = browser.get(path).text
        assert '<html lang="en">' in text and text.count("<h1>") == 1
        for part in text.split("<input ")[1:]:
            field = part.partition(">")[0]
            if 'type="hidden"' not in field:
                name = field.partition('id="')[2].partition('"')[0]
                assert f'<label for="{name}">' in text
