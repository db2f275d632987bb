"""UIDL files as getmail, mpop and fetchmail write them; where they are installed, by them."""

import os
import pwd
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bridge.archive.uidls import Fetched, read_uidls
from tests.e2e.programs import output
from tests.pop_server import PopServer

UIDLS = [b"plain1", b"#odd", b"x:y/z"]
MAIL = [b"From: a@b\r\nSubject: m%d\r\n\r\nhi\r\n" % n for n in range(3)]


@pytest.mark.parametrize(
    ("name", "octets", "expected"),
    [
        ("oldmail-pop.example-995-al-ice@x", b"u1\x001700000000\nu2\x001\n",
         [Fetched("getmail", "pop.example", "al-ice@x", (b"u1", b"u2"))]),
        ("uidls", b"# mpop\n 2 h a b\nu1\n u2\n 0 g c\n",
         [Fetched("mpop", "h", "a b", (b"u1", b" u2")), Fetched("mpop", "g", "c", ())]),
        (".fetchids", b"a@b@host u1\na@b@host u 2\nc@host u1\n",
         [Fetched("fetchmail", "host", "a@b", (b"u1", b"u 2")),
          Fetched("fetchmail", "host", "c", (b"u1",))]),
        ("uidls", b"", []),
    ],
)  # fmt: skip
def test_what_each_file_says(name: str, octets: bytes, expected: list[Fetched]) -> None:
    assert list(read_uidls(name, octets)) == expected


@pytest.mark.parametrize(
    "octets", [b"hello\n", b"# mpop\n 3 h a\nu1\n", b"# mpop\nu1\n", b"@h u\n", b"a@ u\n"]
)
def test_what_is_no_such_file_is_said(octets: bytes) -> None:
    with pytest.raises(ValueError, match=r"line|list"):
        read_uidls("x", octets)


def test_whose_they_are() -> None:
    assert Fetched("mpop", "Pop.Example", "alice", ()).is_of("pop.example", "alice")
    assert not Fetched("mpop", "pop.example", "Alice", ()).is_of("pop.example", "alice")
    assert Fetched("getmail", "h", "a-b", ()).is_of("h", "a:/b")
    assert not Fetched("getmail", "", "", ()).is_of("h", "a")


@pytest.mark.e2e
def test_getmail() -> None:
    # getmail delivers no mail as root; pytest's folder is closed to whom it delivers as.
    user = pwd.getpwnam("mail") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    with (
        TemporaryDirectory(prefix="popbridge-getmail-") as name,
        PopServer(MAIL, uidls=UIDLS) as server,
    ):
        home = Path(name)
        for folder in ("new", "cur", "tmp"):
            (home / "md" / folder).mkdir(parents=True)
        for path in (home, *home.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)
        (home / "getmailrc").write_text(
            f"[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = {server.port}\n"
            "username = alice\npassword = secret\n"
            f"[destination]\ntype = Maildir\npath = {home}/md/\nuser = {user.pw_name}\n"
        )
        output(
            "getmail", "--getmaildir", name, "--rcfile", str(home / "getmailrc"), home=home
        )  # fmt: skip
        (file,) = home.glob("oldmail-*")
        (found,) = read_uidls(file.name, file.read_bytes())
    # It writes "-" for "/", so that such a UIDL can't be told: that message is fetched again.
    assert set(found.uidls) == {b"plain1", b"#odd", b"x:y-z"}
    assert found.is_of("127.0.0.1", "alice")


@pytest.mark.e2e
@pytest.mark.parametrize("program", ["mpop", "fetchmail"])
def test_mpop_and_fetchmail(tmp_path: Path, program: str) -> None:
    rc, state = tmp_path / "rc", tmp_path / "state"
    rc.touch(mode=0o600)
    with PopServer(MAIL, uidls=UIDLS) as server:
        if program == "mpop":
            rc.write_text(
                f"defaults\ntls off\nauth user\nkeep on\nuidls_file {state}\naccount a\n"
                f"host 127.0.0.1\nport {server.port}\nuser alice\npassword secret\n"
                f"delivery mbox {tmp_path}/mbox\n"
            )
            output("mpop", "-C", str(rc), "a", home=tmp_path)
        else:
            rc.write_text(
                f"poll 127.0.0.1 protocol POP3 port {server.port} uidl user alice password secret"
                " keep mda \"cat >/dev/null\" sslproto ''\n"
            )
            output("fetchmail", "-f", str(rc), "-i", str(state), home=tmp_path)
    (found,) = read_uidls(state.name, state.read_bytes())
    assert set(found.uidls) == set(UIDLS)
    assert found.is_of("127.0.0.1", "alice")
    assert found.program == program
