"""What fails is seen on the page without JavaScript: state, since when, cause and what to do."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.admin.problems import ListenerState, Problem
from bridge.errors import (
    BridgeError,
    CertificateError,
    InUseError,
    ListenerDownError,
    RejectedPasswordError,
    StoreFullError,
    UnknownHostError,
)
from bridge.model.account import AccountState
from bridge.model.upstream import LedgerState, Listed
from bridge.sync import freeze
from bridge.sync.runner import SyncResult
from tests.admin.owner import NOW
from tests.web.house import Browser, House

HOUR_AGO = NOW - timedelta(hours=1)
SINCE = '<time datetime="2026-11-24T11:00:00Z"'


def seen(browser: Browser, path: str, *words: str, since: bool = True) -> None:
    got = browser.get(path)
    assert got.code == 200
    for word in words:
        assert word in got.words, got.words
    if since:
        assert SINCE in got.text
        assert "1 hour ago" in got.words


@pytest.mark.parametrize(
    ("kind", "state", "words"),
    [
        (RejectedPasswordError, AccountState.NEEDS_PASSWORD, "Needs a password"),
        (UnknownHostError, AccountState.RETRYING, "Failed, tries again"),
        (CertificateError, AccountState.RETRYING, "Failed, tries again"),
        (InUseError, AccountState.RETRYING, "Failed, tries again"),
    ],
)
def test_what_a_provider_does(
    house: House, browser: Browser, kind: type[BridgeError], state: AccountState, words: str
) -> None:
    house.owner.add("alice")
    house.owner.status(
        "alice", state=state, error_code=kind.code, error_text="It said no.",
        error_remedy="Mend it.", error_since=HOUR_AGO,
    )  # fmt: skip
    for path in ("/", "/accounts/alice"):
        seen(browser, path, words, "It said no.", "What to do: Mend it.", kind.code)
    assert "1 account, 1 needs attention." in browser.get("/").words


def test_a_full_disk_though_the_status_could_not_be_saved(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    house.owner.status("alice", state=AccountState.OK, last_success=HOUR_AGO - timedelta(hours=1))
    error = StoreFullError("The disk is full.", "Free some space.")
    house.clock.advance(-3600)
    for _ in range(2):
        house.activity.synced(SyncResult("alice", None, 0, 0, 0, 1.0, error))
        house.clock.advance(1800)
    words = (
        "Failed, tries again",
        "The disk is full.",
        "What to do: Free some space.",
        "BR-STORE-02",
    )
    for path in ("/", "/accounts/alice"):
        seen(browser, path, *words)


def test_a_disk_below_its_reserve(house: House, browser: Browser) -> None:
    house.health = replace(house.health, disk_free=10**6)
    for path in ("/", "/health"):
        words = "The disk is full", "Only 1 MB are free", "What to do: Free some space"
        seen(browser, path, *words, since=False)


def test_a_poisoned_message(house: House, browser: Browser) -> None:
    account = house.owner.add("alice")
    house.owner.status("alice", state=AccountState.OK, listed=3, pending=0)
    listed = Listed(1, b"bad<b>uidl", 1000)

    def work(tx: Any) -> None:
        tx.ledger_add(
            account.id, listed, LedgerState.POISONED, now=HOUR_AGO, attempts=3, reason="-ERR <no>"
        )

    house.owner.store.write(work)
    words = "Needs a look", "1 message can't be fetched", "-ERR <no>", "What to do: Open it"
    seen(browser, "/", *words)
    seen(browser, "/accounts/alice", "bad<b>uidl", "poisoned", *words)
    assert "<b>" not in browser.get("/accounts/alice").text


@pytest.mark.parametrize("state", [LedgerState.SUSPECT, LedgerState.ODD, LedgerState.TOO_LARGE])
def test_other_messages_in_doubt(house: House, browser: Browser, state: LedgerState) -> None:
    account = house.owner.add("alice")
    house.owner.status("alice", state=AccountState.OK, listed=3, pending=0)
    house.owner.store.write(
        lambda tx: tx.ledger_add(account.id, Listed(1, b"u1", 1000), state, now=HOUR_AGO)
    )
    seen(browser, "/accounts/alice", state.value.replace("_", " "), "UIDL u1", "What to do:")
    seen(browser, "/", f"1 {state.value.replace('_', ' ')}", since=False)


def test_frozen_deletes(house: House, browser: Browser) -> None:
    account = house.owner.add("alice", policy="delete")
    house.owner.status("alice", state=AccountState.OK, last_success=NOW)

    def work(tx: Any) -> None:
        profile = tx.profile(account.id)
        reason = freeze.EMPTIED
        tx.save_profile(replace(profile, frozen_since=HOUR_AGO, frozen_reason=reason))

    house.owner.store.write(work)
    words = "Deleting is frozen", "lists no message any more", "What to do: If nobody emptied"
    for path in ("/", "/accounts/alice"):
        seen(browser, path, *words, "BR-POP-09")
    assert "goes on" in browser.form("/accounts/alice/thaw").words
    assert "frozen" not in browser.get("/").words


def test_a_listener_that_is_down(house: House, browser: Browser) -> None:
    problem = Problem(
        title="A listener is down",
        code=ListenerDownError.code,
        text="imaps://127.0.0.1:1993 accepts no connections any more.",
        since=HOUR_AGO,
        remedy=ListenerDownError.advice,
    )
    down = ListenerState(kind="imaps", url="imaps://127.0.0.1:1993", problem=problem)
    house.health = replace(house.health, listeners=(down,))
    for path in ("/", "/health"):
        seen(browser, path, "A listener is down", "imaps://127.0.0.1:1993", "restart popbridge")
    assert "✕ down" in browser.get("/health").words


@pytest.mark.parametrize(
    ("ends", "words"), [(HOUR_AGO, "has expired"), (NOW + timedelta(days=3), "expires soon")]
)
def test_our_own_certificate(house: House, browser: Browser, ends: Any, words: str) -> None:
    house.health = replace(house.health, certificate_ends=ends)
    for path in ("/", "/health"):
        seen(browser, path, words, "Renew the files of [tls]", since=ends == HOUR_AGO)


def test_states_are_told_by_words_and_shape_too(house: House, browser: Browser) -> None:
    house.owner.add("alice")
    shapes = set()
    for state in AccountState:
        house.clock.advance(60)
        house.owner.status("alice", state=state)
        text = browser.get("/").text
        start = text.index('<span class="badge')
        tone = text[start:].split('"')[1]
        mark = text[start:].partition('aria-hidden="true">')[2][0]
        shapes.add((tone, mark))
    assert len({tone for tone, _ in shapes}) == len({mark for _, mark in shapes}) == len(shapes)
