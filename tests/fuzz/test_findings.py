"""What the fuzzers have found, an input each, and the machinery that makes findings small."""

from importlib import import_module

import pytest

from bridge.imap.framing import CommandLine, Framer, LiteralRequested
from bridge.mime.words import charset_text
from bridge.query.subject import base_subject
from tests.effort import cheap
from tests.fuzz.common import held
from tests.fuzz.findings import Hang, failure, minimised, place

CONTROL = b"\0\0\0\0"
INPUTS = {
    "message/global is no message to IMAP4rev1": ("mail", b"Content-Type:message/global\r\n\r\n"),
    "a message inside ends with its part": (
        "mail",
        b"Content-Type:multipart/digest;boundary=b\n\n--b\n\n\n--b",
    ),
    "a part inside ends with its multipart": (
        "mail",
        b"Content-Type:multipart/i;boundary=b-\n\n"
        b"--b-\nContent-Type:multipart/d;boundary=b\n\n--b\n--b-",
    ),
    "CR CR LF is no blank line": ("mail", b"A: b\r\n\r\r\nSubject: x\r\n\r\nbody"),
    "half a surrogate pair in a body": (
        "mail",
        b"Content-Type: text/plain; charset=utf-7\r\n\r\na+2AA-b\r\n",
    ),
    "half a surrogate pair in a subject": ("fields", b"Subject: =?utf-7?q?+2AA-?=\r\n"),
    "a partial of 63 bits": ("imap", b"D FETCH 1 BODY[]<4294967296.9>\r\n"),
}


@pytest.mark.parametrize(("name", "octets"), INPUTS.values(), ids=INPUTS)
def test_what_was_found_stays_repaired(name: str, octets: bytes) -> None:
    import_module(f"tests.fuzz.targets.{name}").target(CONTROL + octets)


def test_a_framer_forgets_the_literals_of_a_command_that_is_done() -> None:
    framer = Framer()
    framer.feed(b"a SEARCH TEXT {50000+}\r\n" + b"x" * 50_000 + b" TEXT {1+}\r\ny\r\n")
    while not isinstance(event := framer.next_event(), CommandLine):
        assert isinstance(event, LiteralRequested)
        framer.accept_memory()
    assert held(framer) < 100


@pytest.mark.parametrize("subject", ["[]", "[] ", "[x]"])
def test_a_subject_of_many_blobs_takes_a_moment(subject: str) -> None:
    cheap(0.01, lambda: base_subject(subject * 2000))


def test_what_is_no_charset_of_mail_is_not_decoded() -> None:
    octets = b"a-" + b"b9" * 20_000
    assert cheap(0.05, lambda: charset_text(octets, b"punycode")) == octets.decode()


def _wants_no_semicolon(octets: bytes) -> None:
    assert b";" not in octets, "a semicolon"


def test_a_finding_is_made_small_and_told_by_its_place() -> None:
    octets = CONTROL + b"one two; three" * 10
    assert minimised(_wants_no_semicolon, octets) == CONTROL + b";"
    error = failure(_wants_no_semicolon, octets)
    assert error is not None
    assert place(error).startswith("AssertionError ")
    assert minimised(_wants_no_semicolon, CONTROL + b"fine") == CONTROL + b"fine"


def test_a_hang_is_cut_and_made_small() -> None:
    def hangs_on_a_star(octets: bytes) -> None:
        while b"*" in octets:
            pass

    octets = CONTROL + b"ab*c"
    assert isinstance(failure(hangs_on_a_star, octets, 0.2), Hang)
    assert minimised(hangs_on_a_star, octets, seconds=0.2) == CONTROL + b"*"
