"""What is gathered at the edges, where it is quick and where nothing answers."""

import os
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.config import Config, TlsConfig
from bridge.doctor.facts import FileFacts
from bridge.doctor.finding import Missing
from bridge.doctor.http import look_at_http
from bridge.doctor.imap import look_at_imap
from bridge.doctor.limit import limited
from bridge.doctor.machine import look_at_certificate, look_at_machine
from bridge.doctor.places import outside_addresses
from bridge.errors import ConfigError
from tests.e2e.ports import free_port


def test_what_takes_too_long_is_left_behind() -> None:
    release = threading.Event()
    with pytest.raises(TimeoutError):
        limited(release.wait, 0.01)
    release.set()


def test_what_is_in_time_is_passed_on() -> None:
    def fails() -> None:
        raise OSError("no")

    assert limited(lambda: 7, 60) == 7
    with pytest.raises(OSError, match="no"):
        limited(fails, 60)


def test_the_folder_and_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"k")
    (tmp_path / "key").chmod(0o640)
    (tmp_path / "popbridge.db").write_bytes(b"")
    facts = look_at_machine(tmp_path, tmp_path / "popbridge.toml", Config(), None)
    assert facts.key == FileFacts(path=tmp_path / "key", owner=os.getuid(), mode=0o640)
    assert [one.path.name for one in facts.files] == ["popbridge.db"]
    assert isinstance(facts.free_octets, int)
    assert (facts.config_found, facts.config_error) == (False, None)
    if os.path.exists("/proc/self/mountinfo"):
        assert isinstance(facts.file_system, str)


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    error = ConfigError("There is no key x.", "Take it out.")
    facts = look_at_machine(gone, gone / "popbridge.toml", Config(), error)
    assert all(
        isinstance(one, Missing)
        for one in (facts.data, facts.key, facts.free_octets, facts.file_system)
    )
    assert facts.config_error is error and not gone.exists()


def test_a_certificate_that_cannot_be_used(tmp_path: Path) -> None:
    assert look_at_certificate(tmp_path, Config()).chain == ()
    chosen = replace(Config(), tls=TlsConfig(certificate="c.pem", key="k.pem"))
    found = look_at_certificate(tmp_path, chosen)
    assert found.error is not None and "c.pem can't be read" in found.error.text


def test_where_nobody_listens(tmp_path: Path) -> None:
    port = free_port()
    served = look_at_certificate(tmp_path, Config())
    for scheme in ("imap", "imaps"):
        facts = look_at_imap(f"{scheme}://127.0.0.1:{port}", served, "alice", "secret")
        assert facts.greeting.trouble == "it refuses connections"
        assert facts.no_talk == "no mail app can connect"
    answers = look_at_http(f"http://127.0.0.1:{port}", ("/readyz",)).answers
    assert answers["/readyz"].trouble == "Connection refused"


def test_a_server_that_hangs_up_says_no_more(tmp_path: Path) -> None:
    served = look_at_certificate(tmp_path, Config())
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        url = f"imap://127.0.0.1:{listener.getsockname()[1]}"
        facts = look_at_imap(url, served, None, None)
        thread.join()
    assert facts.greeting.trouble
    assert "b'" not in facts.greeting.trouble


def test_a_loopback_listener_is_reached_from_nowhere_else() -> None:
    assert outside_addresses("127.0.0.1") == outside_addresses("::1") == ()
    assert outside_addresses("192.0.2.7") == ("192.0.2.7",)
    assert "127.0.0.1" not in outside_addresses("0.0.0.0")
