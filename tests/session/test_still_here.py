"""An idling client hears that its connection stands, until its silence is too long."""

from pathlib import Path

from bridge.session.port import SessionLimits
from tests.imap_harness import Server


def heard_in_silence(folder: Path, limits: SessionLimits, *commands: str) -> list[bytes]:
    """All that a client hears after its commands, when it never says another word."""
    server = Server(folder, limits)
    client = server.client()
    for command in commands:
        client.do(command)
    while not client.closed:
        client.expire()
    said = client.take().split(b"\r\n")[:-1]
    server.close()
    return said


def test_an_idling_client_hears_every_two_minutes(tmp_path: Path) -> None:
    said = heard_in_silence(tmp_path, SessionLimits(), "IDLE")
    assert said[:-1] == [b"* OK Still here"] * 14
    assert said[-1].startswith(b"* BYE ")


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    (said,) = heard_in_silence(tmp_path, SessionLimits(still_here_s=0), "IDLE")
    assert said.startswith(b"* BYE ")


def test_one_that_does_not_idle_hears_nothing(tmp_path: Path) -> None:
    (said,) = heard_in_silence(tmp_path, SessionLimits())
    assert said.startswith(b"* BYE ")


def test_one_that_is_told_by_NOTIFY_hears_as_one_that_idles(tmp_path: Path) -> None:
    said = heard_in_silence(tmp_path, SessionLimits(), "NOTIFY SET (personal (MailboxName))")
    assert said[:-1] == [b"* OK Still here"] * 14
    assert said[-1].startswith(b"* BYE ")
    (tmp_path / "none").mkdir()
    (bye,) = heard_in_silence(tmp_path / "none", SessionLimits(), "NOTIFY NONE")
    assert bye.startswith(b"* BYE ")
