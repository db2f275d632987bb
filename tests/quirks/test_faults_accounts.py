"""Faults 26 to 35 and 37 to 41: others at the mailbox, log-ins, deletes, and the account's life."""

import ssl
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trustme
from twisted.internet.threads import blockingCallFromThread

from bridge.app.core import Core
from bridge.errors import StoreLockedError
from bridge.model.mailbox import INBOX
from bridge.store.tx import WriteTx
from tests.e2e.daemon import popbridge
from tests.pop_client import context
from tests.pop_server import HOST, Faults, PopServer
from tests.quirks.bridge import Bridge, verbs
from tests.quirks.servers import letter, letters
from tests.reactor import reactor


def test_fault_26_a_second_bridge_and_another_client(bridge: Bridge) -> None:
    def second() -> None:
        Core(reactor, bridge.data, bridge.settings, "second")

    with pytest.raises(StoreLockedError, match="test"):
        blockingCallFromThread(reactor, second)
    with PopServer(letters(4)) as server:
        held = list(server.messages)
        bridge.add(server, policy="delete-after=30d")
        assert bridge.fetched() == 4
        server.messages = [held[3], letter("new")]
        assert bridge.fetched() == 1
        assert bridge.mail() == [*held, letter("new")], "what another client deletes stays here"


def test_fault_27_mailbox_in_use_for_half_an_hour(bridge: Bridge) -> None:
    with PopServer(letters(2), faults=Faults(in_use=True)) as server:
        bridge.add(server)
        for _ in range(5):
            bridge.fails("BR-POP-07")
        assert bridge.read(lambda tx, account: tx.sync_status(account.id)).auth_failures == 0
        server.faults = Faults()
        assert bridge.fetched() == 2


def test_fault_28_throttled_log_ins_look_like_a_wrong_password(bridge: Bridge) -> None:
    with PopServer(letters(2)) as server:
        server.clock = lambda: bridge.now.timestamp()
        server.faults = Faults(login_delay_s=1200, too_often=b"[AUTH] authentication failed")
        bridge.add(server)
        assert bridge.fetched() == 2
        states = []
        for _ in range(6):
            due = datetime.fromisoformat(bridge.status()["next_attempt"]) - bridge.now
            bridge.poll(minutes=due / timedelta(minutes=1))
            states.append(bridge.status()["state"])
        assert "needs_password" not in states, states
        assert states.count("ok") >= 3, "it slows down, and is let in again and again"


def restored(bridge: Bridge, folder: Path) -> None:
    """The backup in the folder takes the place of what is here."""
    bridge.close()
    done = popbridge(bridge.data, "restore", str(folder), "--yes")
    assert done.returncode == 0, done.stderr
    bridge.open()


def backed_up(bridge: Bridge, folder: Path) -> None:
    """What is here goes to the folder."""
    bridge.close()
    done = popbridge(bridge.data, "backup", str(folder))
    assert done.returncode == 0, done.stderr
    bridge.open()


def uidvalidity(bridge: Bridge) -> int:
    """INBOX's."""
    box = bridge.read(lambda tx, account: tx.mailbox(account.id, INBOX))
    assert box is not None
    return int(box.uidvalidity)


@pytest.mark.slow
def test_fault_29_an_old_backup_is_restored(bridge: Bridge, tmp_path: Path) -> None:
    with PopServer(letters(3)) as server:
        bridge.add(server, policy="delete-after=1d")
        assert bridge.fetched() == 3
        backed_up(bridge, tmp_path / "copies")
        server.messages += letters(4, 50)
        everything = list(server.messages)
        assert bridge.fetched() == 4
        old = uidvalidity(bridge)
        restored(bridge, tmp_path / "copies")
        assert uidvalidity(bridge) > old
        assert bridge.profile().frozen_since is not None
        first = server.sessions
        bridge.poll(minutes=25 * 60)
        assert sorted(bridge.mail()) == sorted(everything), "what is missing here comes again"
        said = [verb for n in range(first + 1, server.sessions + 1) for verb in verbs(server, n)]
        if "DELE" in said:
            assert said.index("RETR") < said.index("DELE")
        assert set(bridge.mail()) == set(everything)


@pytest.mark.slow
def test_fault_30_uidvalidity_changes_and_no_uid_comes_again(
    bridge: Bridge, tmp_path: Path
) -> None:
    with PopServer(letters(2)) as server:
        bridge.add(server)
        bridge.fetched()
        backed_up(bridge, tmp_path / "copies")
        seen = {}
        for turn in range(2):
            server.messages += letters(2, 60 + 2 * turn)
            bridge.fetched()
            seen[uidvalidity(bridge)] = bridge.inbox()
            restored(bridge, tmp_path / "copies")
        seen[uidvalidity(bridge)] = bridge.inbox()
        assert len(seen) == 3 and list(seen) == sorted(seen)


def test_fault_31_expunged_while_it_is_retrieved_again(bridge: Bridge) -> None:
    with PopServer(letters(3), uidls=[b"1", b"2", b"3"]) as server:
        held = list(server.messages)
        server.faults = Faults(size_factor=10)
        bridge.add(server)

        class Log(list[str]):
            def append(self, line: str) -> None:
                if line == "RETR 2" and line in self and bridge.inbox().get(2):
                    bridge.expunge(2)
                super().append(line)

        server.log = Log()
        for _ in range(4):
            bridge.poll(minutes=120)
        assert bridge.mail() == [held[0], held[2]]


def test_fault_32_expunged_and_kept_upstream(bridge: Bridge) -> None:
    with PopServer(letters(3)) as server:
        held = list(server.messages)
        bridge.add(server)
        bridge.fetched()
        bridge.expunge(2)
        for _ in range(3):
            assert bridge.fetched(minutes=90) == 0
        assert bridge.mail() == [held[0], held[2]] and server.messages == held


@pytest.mark.parametrize(
    "faults",
    [Faults(mute_quit=True, quit_applies_nothing=True), Faults(cut_at=frozenset({"QUIT"}))],
    ids=["mute", "cut"],
)
def test_fault_33_dele_and_then_the_connection_drops(bridge: Bridge, faults: Faults) -> None:
    with PopServer(letters(3), faults=faults) as server:
        held = list(server.messages)
        bridge.add(server, policy="delete")
        bridge.poll()
        assert "DELE" in verbs(server) and server.messages == held
        server.faults = Faults()
        bridge.poll()
        bridge.poll()
        assert server.messages == [] and bridge.mail() == held


def test_fault_34_quit_refused_after_a_partial_update(bridge: Bridge) -> None:
    with PopServer(letters(4), faults=Faults(update_limit=1, refuse_quit=True)) as server:
        held = list(server.messages)
        bridge.add(server, policy="delete")
        for _ in range(5):
            bridge.poll(minutes=25 * 60)
        assert server.messages == [], "one more with each"
        assert bridge.mail() == held


def test_fault_35_hidden_at_quit_and_a_crash_before_the_commit(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PopServer(letters(3), faults=Faults(hides_retrieved=True)) as server:
        held = list(server.messages)
        bridge.add(server)
        with monkeypatch.context() as patch:

            def crash(self: WriteTx, *args: object, **options: object) -> None:
                raise RuntimeError("the process ends here")

            patch.setattr(WriteTx, "add_messages", crash)
            assert bridge.poll()["error"] is not None
        bridge.close()
        bridge.open()
        assert server.popped == [] and "QUIT" not in verbs(server)
        for _ in range(2):
            bridge.poll(minutes=60)
        assert sorted(bridge.mail()) == sorted(held)


@pytest.mark.parametrize("how", ["injected", "stripped", "changed", "host", "pin"])
def test_fault_37_no_credentials_where_tls_is_not_what_it_should_be(
    bridge: Bridge, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    bridge.close()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    bridge.open()
    right = context(authority, HOST)
    with PopServer(letters(1), stls=right) as server:
        options: dict[str, object] = {"tls": {"pins": ["ab" * 32]}} if how == "pin" else {}
        bridge.add(server, **options)
        wrong: dict[str, ssl.SSLContext | None] = {
            "stripped": None,
            "changed": context(other, HOST),
            "host": context(authority, "elsewhere.example"),
        }
        server.stls = wrong.get(how, right)
        server.faults = Faults(stls_injection=how == "injected")
        error = bridge.poll()["error"]
        assert error is not None and error["code"] in ("BR-POP-04", "BR-POP-06")
        assert not {"USER", "PASS", "AUTH", "APOP"} & set(verbs(server))


def test_fault_38_token_expires(bridge: Bridge, tmp_path: Path) -> None:
    tokens = tmp_path / "token"
    tokens.write_text("old\n")
    with PopServer(letters(2)) as server, PopServer(letters(3)) as beside:
        server.capabilities, server.token = ["UIDL", "SASL XOAUTH2"], "old"
        source = {"kind": "token-command", "value": f"cat {tokens}"}
        bridge.add(server, pop3_password=None, secret_source=source)
        bridge.add(beside, login="bob")
        assert bridge.fetched() == 2
        server.token = "new"
        error = bridge.poll()["error"]
        assert error is not None and error["code"].startswith("BR-AUTH"), error
        assert server.sessions <= 3, "at most one refresh"
        assert bridge.status()["state"] == "needs_password"
        assert bridge.fetched("bob") == 3, "others go on"
        tokens.write_text("new\n")
        assert bridge.fetched(minutes=60) == 0
        assert bridge.status()["state"] == "ok"


def test_fault_41_the_mailbox_moves_to_another_host_or_user(bridge: Bridge) -> None:
    uidls = [b"1", b"2", b"3"]
    with PopServer(letters(3), uidls=list(uidls)) as server:
        bridge.add(server)
        assert bridge.fetched() == 3
        before = bridge.inbox()
        messages = [*server.messages, letter("new")]
    with PopServer(messages, uidls=[*uidls, b"4"], user="alice2") as moved:
        url = f"pop3+plain://alice2@{HOST}:{moved.port}"
        bridge.ask("account set", login="alice", changes={"pop3": url})
        assert bridge.fetched() == 1
        assert bridge.mail() == [*before.values(), letter("new")]
