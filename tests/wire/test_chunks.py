"""Any chunking gives the same values; a wrong octet gives one of the two errors and no other."""

import contextlib
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire import samples, samples_fetch
from tests.wire.grammar import parse
from tests.wire.samples import wire
from tests.wire.stream import Validator
from tests.wire.tokens import GrammarError
from tests.wire.values import Response
from tests.wire.view import ProtocolViolation

SAMPLES = samples.STATUS + samples_fetch.FETCHES + samples.LISTS + samples.SEARCHES

SESSION: tuple[tuple[str, str], ...] = (
    ("", "* OK [CAPABILITY IMAP4rev1] hi"),
    ("a LOGIN {5+}⏎alice {6}⏎", "+ go on"),
    ("secret⏎", "a OK [CAPABILITY IMAP4rev1 UIDPLUS] in"),
    (
        "b SELECT INBOX⏎",
        r"* FLAGS (\Seen \Deleted $x)⏎* OK [PERMANENTFLAGS (\Seen \*)] kept⏎* 3 EXISTS⏎* 1 RECENT⏎"
        "* OK [UIDVALIDITY 7] valid⏎* OK [UIDNEXT 9] next⏎b OK [READ-WRITE] open",
    ),
    (
        "c FETCH 1:* (UID FLAGS BODY[])⏎",
        r"* 1 FETCH (UID 2 FLAGS (\Seen) BODY[] {13}⏎a⏎* 2 EXISTS)⏎"
        '* 2 FETCH (UID 5 FLAGS ($x) BODY[] "")⏎* 3 FETCH (UID 8 FLAGS () BODY[] NIL)⏎c OK done',
    ),
    ("d SEARCH ALL⏎e NOOP⏎", "* SEARCH 1 2 3⏎d OK done⏎* 2 EXPUNGE⏎* 4 EXISTS⏎e OK done"),
    ("f IDLE⏎", "+ idling⏎* 5 EXISTS⏎* 1 EXPUNGE"),
    ("DONE⏎", "f OK done"),
    ("g UID COPY 1:* INBOX⏎", "g OK [COPYUID 7 8:11 12:15] done"),
    ("h LOGOUT⏎", "* BYE bye⏎h OK bye"),
)
OCTETS = tuple((wire(c + samples.CUT), wire(s)) for c, s in SESSION)


def cut(octets: bytes, places: random.Random) -> list[bytes]:
    pieces = []
    while octets:
        size = places.randint(1, max(1, places.choice((1, 3, len(octets)))))
        pieces.append(octets[:size])
        octets = octets[size:]
    return pieces


def whole(octets: tuple[tuple[bytes, bytes], ...]) -> list[Response]:
    validator = Validator()
    found: list[Response] = []
    for client, server in octets:
        validator.from_client(client)
        found += validator.from_server(server)
    validator.closed()
    return found


@given(st.randoms(use_true_random=False))
def test_any_chunking_gives_the_same_values(places: random.Random) -> None:
    validator = Validator()
    found: list[Response] = []
    for client, server in OCTETS:
        for piece in cut(client, places):
            validator.from_client(piece)
        for piece in cut(server, places):
            found += validator.from_server(piece)
    validator.closed()
    assert found == whole(OCTETS)


@settings(max_examples=500)
@given(st.data())
def test_one_wrong_octet_raises_nothing_else(data: st.DataObject) -> None:
    turn = data.draw(st.integers(0, len(OCTETS) - 1))
    client, server = OCTETS[turn]
    place = data.draw(st.integers(0, len(server) - 1))
    octet = bytes((data.draw(st.integers(0, 255)),))
    kind = data.draw(st.sampled_from(("replace", "insert", "remove")))
    end = place if kind == "insert" else place + 1
    wrong = server[:place] + (b"" if kind == "remove" else octet) + server[end:]
    mutated = (*OCTETS[:turn], (client, wrong), *OCTETS[turn + 1 :])
    with contextlib.suppress(GrammarError, ProtocolViolation):
        whole(mutated)


@settings(max_examples=500)
@given(st.sampled_from(SAMPLES), st.data())
def test_a_wrong_octet_in_a_response_raises_nothing_else(text: str, data: st.DataObject) -> None:
    octets = wire(text)
    place = data.draw(st.integers(0, len(octets) - 1))
    wrong = octets[:place] + bytes((data.draw(st.integers(0, 255)),)) + octets[place + 1 :]
    with contextlib.suppress(GrammarError):
        parse(wrong)
