"""Mail that real programs have written, imported."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.admin.test_moving import ask, opened, order
from tests.e2e.programs import output
from tests.pop_server import PopServer

pytestmark = pytest.mark.e2e

HEAD = b"From: ann@example.org\r\nSubject: m%d\r\n\r\n"
MAIL = [HEAD % n + b"From here\r\n> From there\r\n.dot\r\n\r\nend\r\n" for n in range(3)]


@pytest.fixture
def admin(tmp_path: Path) -> Iterator[Any]:
    (tmp_path / "store").mkdir()
    with opened(tmp_path / "store") as made:
        yield made


def fetch_with_mpop(home: Path, delivery: str) -> None:
    rc = home / "mpoprc"
    rc.touch(mode=0o600)
    with PopServer(MAIL) as server:
        rc.write_text(
            f"defaults\ntls off\nauth user\nkeep on\nreceived_header off\nuidls_file {home}/state\n"
            f"account a\nhost 127.0.0.1\nport {server.port}\nuser alice\npassword secret\n"
            f"delivery {delivery}\n"
        )
        output("mpop", "-C", str(rc), "a", home=home)


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_what_mpop_delivered(admin: Any, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "mail"
    if kind == "maildir":
        for name in ("new", "cur", "tmp"):
            (target / name).mkdir(parents=True)
    fetch_with_mpop(tmp_path, f"{kind} {target}")
    found = ask(admin, "import", login="alice", path=str(target), into="Old")
    assert found["messages"] == 3
    assert sorted(order(admin, "Old", "alice")) == sorted(MAIL)


def test_what_mutt_saved(admin: Any, tmp_path: Path) -> None:
    """mutt copies a Maildir to an mbox, with Status and Content-Length."""
    source, target = tmp_path / "md", tmp_path / "saved"
    for name in ("new", "cur", "tmp"):
        (source / name).mkdir(parents=True)
    for n, octets in enumerate(MAIL):
        (source / "cur" / f"170000000{n}.{n}.x:2,FS").write_bytes(octets.replace(b"\r\n", b"\n"))
    (tmp_path / "muttrc").write_text(
        f"set folder={tmp_path}\nset mbox_type=mbox\nset confirmappend=no\nset confirmcreate=no\n"
        "set copy=yes\nset delete=yes\nset wait_key=no\nset sort=mailbox-order\n"
        f'push "T.<enter><tag-prefix><copy-message>{target}<enter><exit>"\n'
    )
    output(
        "script", "-qec", f"TERM=vt100 mutt -n -F {tmp_path}/muttrc -f {source}",
        str(tmp_path / "typescript"), home=tmp_path,
    )  # fmt: skip
    found = ask(admin, "import", login="alice", path=str(target), into="Old")
    assert found["messages"] == 3
    bodies = [octets.partition(b"\r\n\r\n")[2] for octets in order(admin, "Old", "alice")]
    assert bodies == [octets.partition(b"\r\n\r\n")[2] for octets in MAIL]
