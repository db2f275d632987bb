"""A scripted server for each quirk that a provider is known for, by its number.

A server listens from its creation to its end, so use it as a context manager. What a quirk needs
beside it (a clock, a change between sessions) is told in `tests/quirks/test_quirks_*.py`.
"""

from collections.abc import Callable, Iterator

from tests.pop_server import CAPABILITIES, Faults, PopServer


def letter(name: str, body: bytes = b"Hello\r\n") -> bytes:
    """A message that no other one resembles."""
    return (
        f"From: Ann <ann@example.org>\r\nSubject: {name}\r\nMessage-ID: <{name}@x>\r\n\r\n".encode()
        + body
    )


def letters(count: int, start: int = 1) -> list[bytes]:
    """So many messages, each of another size."""
    return [letter(f"m{n}", b"line\r\n" * (n % 7 + 1)) for n in range(start, start + count)]


DOTS = [
    letter("dots", b".\n.\nafter\n.\r\n..two\r\n.one\r\n\r.\r\n\n.\r.\r\nend\r\n"),
    letter("lf", b"bare\nline\nfeeds\n.\nand on\r\n"),
    letter("cr", b"a\r.\rb\r\r\n"),
]
BINARY = [
    letter("nul", b"a\0b\0\r\n"),
    letter("8bit", bytes(range(128, 256)) + b"\r\n"),
    letter("long", b"x" * 200_000 + b"\r\n"),
]
STATUSES = [
    letter("ok", b"+OK 2 messages\r\n-ERR no such message\r\n+OK\r\n"),
    letter("err", b"-ERR\r\n.\r\n+OK\r\n"),
]
ODD_UIDLS = [
    b"u" * 200,
    b"with one space",
    b"two  spaces",
    b"three   spaces  in it",
    b"#begins with a mark",
    b"\xff\x80odd\x01octets",
    b"-1",
]
X_IMAP = (
    b"From: Mail System Internal Data <MAILER-DAEMON@x>\r\n"
    b"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\r\n"
    b"Message-ID: <1@x>\r\nX-IMAP: 1096033133 0000000007\r\nStatus: RO\r\n\r\n"
    b"This text is part of the internal format of your mail folder, and is not\r\n"
    b"a real message.  It is created automatically by the mail system software.\r\n"
)


class Told(list[str]):
    """Capabilities that differ before and after the log-in."""

    def __init__(self, before: tuple[str, ...], after: tuple[str, ...]) -> None:
        super().__init__(before)
        self.server: PopServer | None = None
        self._after = after

    def __iter__(self) -> Iterator[str]:
        known = self.server is not None and self.server.log[-2:-1] == ["PASS secret"]
        return iter(self._after) if known else super().__iter__()


def _told() -> PopServer:
    told = Told(("USER",), CAPABILITIES)
    told.server = PopServer(letters(3), capabilities=told)
    return told.server


def _with(messages: list[bytes], **faults: object) -> PopServer:
    return PopServer(messages, faults=Faults(**faults))  # type: ignore[arg-type]


QUIRKS: dict[int, Callable[[], PopServer]] = {
    1: lambda: _with([*letters(3), letter("m1", b"line\r\n" * 2)], no_uidl=True),
    2: lambda: PopServer(letters(3), uidls=[b"a", b"", b"c"]),
    3: lambda: PopServer(letters(4), uidls=[b"a", b"b", b"b", b"c"]),
    4: lambda: PopServer(letters(30), uidls=[b"old%d" % n for n in range(30)]),
    5: lambda: PopServer(letters(3), uidls=[b"1", b"2", b"3"]),
    6: lambda: PopServer(letters(len(ODD_UIDLS)), uidls=list(ODD_UIDLS)),
    7: lambda: _with(letters(4), missing_uidls=frozenset({2})),
    8: lambda: _with(letters(7), oldest=3, hides_retrieved=True),
    9: lambda: _with(letters(3), ignore_dele=True),
    10: lambda: _with(letters(3), hides_retrieved=True),
    11: lambda: PopServer(letters(3)),
    12: lambda: _with(letters(25), size_factor=4),
    13: lambda: _with(letters(3), top_octets=20),
    14: lambda: _with(letters(3), terminator={2: b".\r\n"}),
    15: lambda: _with(letters(3), terminator={2: b"\r\n.\r"}),
    16: lambda: PopServer(DOTS),
    17: lambda: _with(letters(3), lf_only=True),
    18: lambda: _with([letter("dots", b".hidden\r\n.\0\r\nend\r\n")], unstuffed=True),
    19: lambda: PopServer(BINARY),
    20: lambda: PopServer(STATUSES),
    21: lambda: _with(letters(3), before={"DELE": b"\r\n"}),
    22: lambda: PopServer(letters(3), faults=Faults(continuation=b"+OK", no_user=True)),
    23: lambda: PopServer(letters(3), capabilities=["UIDL", "SASL CRAM-MD5"], mechanisms=()),
    24: lambda: _with(letters(3), cut_at=frozenset({"CAPA"})),
    25: _told,
    26: lambda: _with(letters(3), stls_injection=True),
    27: lambda: PopServer(letters(3)),
    28: lambda: _with(letters(3), login_delay_s=900, too_often=b"wrong user name or password"),
    29: lambda: _with(letters(3), in_use=True),
    30: lambda: PopServer(letters(30)),
    31: lambda: _with(letters(7), max_retr=3),
    32: lambda: _with(letters(4), cut_retr={2: 30}),
    33: lambda: _with(letters(3), quit_applies_nothing=True),
    34: lambda: _with(letters(3), mute_quit=True),
    35: lambda: _with(letters(3), greeting=b"+OK POP3 mail.example.org v1.004 server ready"),
    36: lambda: PopServer([X_IMAP, *letters(2)]),
    37: lambda: PopServer(letters(30), uidls=[b"old%d" % n for n in range(30)]),
    38: lambda: PopServer(letters(5)),
    39: lambda: PopServer(letters(3), capabilities=[*CAPABILITIES, "EXPIRE 7"]),
    40: lambda: _with(letters(9), forgets_pipelined=True),
    41: lambda: PopServer(letters(3)),
    42: lambda: _with(letters(3), reject_login=True, rejection=b"[AUTH] POP access is not allowed"),
}
"""Each with messages of its own; nothing in it is shared between two servers."""
