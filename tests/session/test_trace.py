"""The trace of a session: what is in it, and above all what never is."""

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.imap.framing import CommandLine, Framer, LiteralRequested
from bridge.imap.parser import Tagged, Unreadable, parse
from bridge.model.account import Account
from bridge.session.redact import MAX_LINES, MAX_SHOWN_OCTETS, Answers
from bridge.session.reply import line
from bridge.session.trace import Trace
from tests.imap_harness import Server, append

MARK = "Xylophon"
"""In every secret and every octet of mail of these tests, and nowhere else."""


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def server(tmp_path: Path, lines: list[str]) -> Iterator[Server]:
    made = Server(tmp_path)

    def begin(account: Account, peer: str) -> Callable[[str], None] | None:
        assert peer == "192.0.2.1"
        return lines.append if account.login == "alice" else None

    made.services.trace = begin
    yield made
    made.close()


def test_both_sides_from_the_log_in_on(server: Server, lines: list[str]) -> None:
    client = server.connect()
    client.do("LOGIN alice wrong")
    client.do("LOGIN alice secret")
    client.do("NOOP", b"n1")
    client.do('STATUS "Sent" (MESSAGES)', b"s1")
    client.send(b"i IDLE\r\n")
    client.send(b"DONE\r\n")
    assert lines[0].startswith("S: t OK [CAPABILITY IMAP4rev1 ")
    assert lines[1:] == [
        "C: n1 NOOP",
        "S: n1 OK Done",
        'C: s1 STATUS "Sent" (MESSAGES)',
        "S: * STATUS Sent (MESSAGES 0)",
        "S: s1 OK Done",
        "C: i IDLE",
        "S: + (6)",
        "S: i OK Done",
    ]
    assert not any("secret" in line or "wrong" in line for line in lines)


def test_an_account_that_is_not_traced(server: Server, lines: list[str]) -> None:
    server.client("bob").do("NOOP")
    assert lines == []


MAIL = (
    f"From: {MARK} <{MARK}@{MARK}.example>\r\nSubject: {MARK} =?utf-8?q?{MARK}?=\r\n"
    f"Message-ID: <{MARK}@x>\r\nX-{MARK}: {MARK}\r\nIn-Reply-To: <{MARK}>\r\n"
    f'Content-Type: multipart/{MARK}; boundary="{MARK}b"; x="{MARK}\\"{MARK}"\r\n\r\n'
    f"--{MARK}b\r\nContent-Type: text/{MARK}; name={MARK}\r\nContent-Disposition: {MARK};"
    f" filename={MARK}\r\nContent-ID: <{MARK}>\r\n\r\n{MARK}\r\n--{MARK}b--\r\n"
).encode()
EIGHT_BIT = MAIL.replace(b"Subject: ", b'Subject: \xe9"\\ ')
FETCHES = [
    "ALL",
    "FULL",
    "BODYSTRUCTURE",
    "(PREVIEW)",
    "BODY.PEEK[]",
    "(UID ENVELOPE BODY[] RFC822.HEADER ENVELOPE)",
    "(BODY[1] BODY[1.MIME] BODY[HEADER.FIELDS (Subject From)] BODY[TEXT]<3.20>)",
    "(BODY[1]<9999.1> BODY[HEADER] ENVELOPE)",
]


@pytest.mark.parametrize("item", FETCHES)
def test_no_octet_of_mail_gets_in(server: Server, lines: list[str], item: str) -> None:
    client = server.client()
    for message in (MAIL, EIGHT_BIT, MAIL):
        assert append(client, message)[-1].startswith(b"t OK")
    assert MARK.encode() in b"".join(client.do(f"FETCH 1:* {item}")) or "9999" in item
    text = "\n".join(lines)
    assert MARK not in text
    assert "C: t FETCH 1:* " + item in text
    assert re.search(rf"C: t APPEND INBOX \(\) \({len(MAIL)}\)", text)
    assert len(re.findall(r"S: \* \d FETCH \(", text)) >= 3


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (f"SEARCH SUBJECT {MARK}", "SEARCH SUBJECT (8)"),
        (f'SEARCH TEXT "{MARK}" SEEN', "SEARCH TEXT (8) SEEN"),
        (f"UID SEARCH HEADER {MARK} 1234567 1:3", "UID SEARCH HEADER (8) (7) 1:3"),
        ("SEARCH BODY 4711 OR (FROM 12 NOT TO seen) LARGER 5", None),
        (f"SEARCH BODY {{8+}}\r\n{MARK}", "SEARCH BODY (8)"),
        ("SEARCH CHARSET utf-8 SINCE 1-Jan-2026 UNSEEN", None),
        ("SEARCH RETURN (MIN PARTIAL 1:9) SEEN", None),
        ("SORT (REVERSE DATE FROM) UTF-8 UNSEEN", None),
        (f"UID SORT (TO SUBJECT) UTF-8 SUBJECT {MARK}", "UID SORT (TO SUBJECT) UTF-8 SUBJECT (8)"),
        (
            f"SORT RETURN (ALL COUNT) (FROM) UTF-8 HEADER TO {MARK}",
            "SORT RETURN (ALL COUNT) (FROM) UTF-8 HEADER (2) (8)",
        ),
        ("UID THREAD REFERENCES US-ASCII ALL", None),
        (f"THREAD REFS UTF-8 TEXT {MARK}", "THREAD REFS UTF-8 TEXT (8)"),
        (f'SETMETADATA INBOX (/private/a "{MARK}")', "SETMETADATA INBOX (/private/a (8))"),
        (f"SETMETADATA INBOX (/private/a {{8+}}\r\n{MARK})", "SETMETADATA INBOX (/private/a (8))"),
        ("SEARCH EMAILID M4711 SAVEDSINCE 1-Jan-2026", "EMAILID (5) SAVEDSINCE 1-Jan-2026"),
        (f"SEARCH KEYWORD {MARK} FLAGGED", "SEARCH KEYWORD (8) FLAGGED"),
        (f"SEARCH {MARK}", "(SEARCH, refused, "),
        (f"LOGIN alice {MARK}", "t LOGIN ("),
        (f"LOGIN alice {{8+}}\r\n{MARK}", "t LOGIN ("),
        (f"LOGIN alice {MARK} {MARK}", "(refused, "),
        (f"AUTHENTICATE PLAIN {MARK}", "t AUTHENTICATE ("),
        (f"AUTHENTICATE PLAIN {MARK}!", "(refused, "),
        ("AUTHENTICATE PLAIN AGFsaWNlAFh5bG9waG9u", "t AUTHENTICATE ("),
        (f"AUTHENTICATE {MARK}", "t AUTHENTICATE ("),
        (f"{MARK} xyz", "(refused, "),
        (f"SELECT {MARK} {MARK}", "(SELECT, refused, "),
        (f"STORE 1 FLAGS (\\{MARK})", "(STORE, refused, "),
        (f"STATUS INBOX ({MARK})", "(STATUS, refused, "),
        (f"FETCH 1 {MARK}", "(FETCH, refused, "),
        (f"APPEND nowhere () {{8+}}\r\n{MARK}", "(APPEND, refused, "),
        (f"APPEND INBOX (\\{MARK}) {{8+}}\r\n{MARK}", "(APPEND, refused, "),
    ],
)
def test_no_secret_gets_in(
    server: Server, lines: list[str], command: str, shown: str | None
) -> None:
    client = server.client()
    del lines[:]
    client.do(command)
    text = "\n".join(lines)
    for word in (MARK, MARK.upper(), "AGFsaWNl", "4711", " 12 ", "1234567"):
        assert word not in text
    assert lines[0].startswith("C: ")
    if shown is not None:
        assert shown in lines[0]


def test_lines_of_a_message_that_was_refused(server: Server, lines: list[str]) -> None:
    """What a client sends though it was told NO is read as commands, and is mail."""
    client = server.client()
    del lines[:]
    client.send(b"a APPEND nowhere {1000}\r\n" + MAIL)
    client.send(b"NOOP\r\n")
    text = "\n".join(lines)
    assert MARK not in text and MARK.upper() not in text
    assert "NO [TRYCREATE]" in text


def test_a_pipelined_password_after_a_log_in(server: Server, lines: list[str]) -> None:
    client = server.client()
    del lines[:]
    client.send(f"a AUTHENTICATE PLAIN\r\n{MARK}\r\n{MARK} {MARK} {MARK}\r\n".encode())
    assert MARK not in "\n".join(lines) and MARK.upper() not in "\n".join(lines)
    assert len([line for line in lines if line.startswith("S: ")]) == 3


def test_a_line_that_is_too_long(server: Server, lines: list[str]) -> None:
    client = server.client()
    del lines[:]
    client.send(f"{MARK} {MARK} ".encode() + b"x" * 70_000 + b"\r\n")
    assert MARK not in "\n".join(lines)
    assert max(map(len, lines)) <= MAX_SHOWN_OCTETS + 50


@pytest.mark.parametrize("seed", range(5))
def test_answers_in_any_portions(seed: int) -> None:
    chance = random.Random(seed)
    answers = b"".join(
        chance.choice(
            [
                b'* 1 FETCH (BODY[] {%d}\r\n%b ENVELOPE ("%b" NIL))\r\n',
                b'* 2 FETCH (BODY[1] {%d}\r\n%b BODY[2] "%b")\r\n',
                b'* 3 FETCH (X {%d}\r\n%b Y {12}\r\nXylophon"\r\n) "%b")\r\n',
            ]
        )
        % (len(MAIL), MAIL, MARK.encode())
        + b"a OK Done\r\n"
        for _ in range(20)
    )
    whole = Answers().feed(answers)
    assert MARK.encode() not in b"".join(whole)
    redactor, shown, at = Answers(), list[bytes](), 0
    while at < len(answers):
        size = chance.choice([1, 2, 7, 50, 1000])
        shown += redactor.feed(answers[at : at + size])
        at += size
    assert shown == [line for line in whole]
    assert shown.count(b"a OK Done") == 20


def test_of_very_many_lines_the_first_are_shown() -> None:
    redactor = Answers()
    line = b'* 1 FETCH (ENVELOPE ("Xylophon") BODY[] {10}\r\nXylophon\r\n BODY[1] "Xylophon")\r\n'
    shown = redactor.feed(line * 500 + line[:-10])
    assert len(shown) == MAX_LINES + 1
    assert re.fullmatch(rb"\* \(\d+ lines more\)", shown[-1])
    # The end of what was not looked at is of the same kind still.
    shown += redactor.feed(line[-10:] + b"a OK Done\r\n")
    assert b"Xylophon" not in b"".join(shown)
    assert shown[-1] == b"a OK Done"
    # And where a portion ends in a literal.
    shown = redactor.feed(line * 60 + line[:50]) + redactor.feed(line[50:] + b"b OK Done\r\n")
    assert b"Xylophon" not in b"".join(shown)
    assert shown[-1] == b"b OK Done"


def test_controls_and_eight_bits_cannot_make_lines() -> None:
    lines: list[str] = []
    trace = Trace(lines.append)
    pieces = (b'a CREATE "x\x1b[2J\xe9"',)
    trace.client(parse(pieces), pieces)
    trace.server(b"* OK x\x0b\xff\r\n")
    assert len(lines) == 2
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert "\\x1b" in lines[0] or "refused" in lines[0]


def answer(parsed: Tagged | Unreadable) -> bytes:
    text = parsed.text if isinstance(parsed, Unreadable) else "Done"
    return line(parsed.tag or b"*", b"BAD", text)


def test_any_octets_from_a_client(lines: list[str]) -> None:
    chance = random.Random(7)
    words = [MARK.encode(), b"LOGIN", b"SEARCH", b"TEXT", b'"', b"{3+}\r\n", b"a", b"(", b")", b" "]
    trace = Trace(lines.append)
    for _ in range(2000):
        sent = b"".join(chance.choices(words, k=8))
        framer = Framer()
        framer.feed(sent + b"\r\n")
        while (event := framer.next_event()) is not None:
            if isinstance(event, LiteralRequested):
                framer.accept_memory()
            elif isinstance(event, CommandLine):
                trace.client(parse(event.pieces), event.pieces)
                trace.server(answer(parse(event.pieces)))
    assert MARK.upper() not in "\n".join(lines).upper()


def test_values_of_annotations_stay_out(server: Server, lines: list[str]) -> None:
    client = server.client()
    for octets in (MARK.encode(), MARK.encode() + b"\r\n", MARK.encode() + b"\0"):
        client.do(b"SETMETADATA INBOX (/private/a ~{%d+}\r\n%b)" % (len(octets), octets))
        assert MARK.encode() in b"".join(client.do("GETMETADATA INBOX /private/a"))
    assert client.do('LIST "" INBOX RETURN (METADATA (/private/a))')
    assert MARK not in "\n".join(lines)
    assert "S: * METADATA INBOX (/private/a (8))" in lines
