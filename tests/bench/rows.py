"""The work that is timed: one row of the table each."""

from collections.abc import Callable
from dataclasses import dataclass

HEADERS = b"BODY.PEEK[HEADER.FIELDS (FROM TO CC SUBJECT DATE MESSAGE-ID REFERENCES IN-REPLY-TO)]"


@dataclass(frozen=True, slots=True)
class Row:
    """Commands that are timed together.

    Args:
        name: as the table shows it.
        commands: given the number of messages and of the round, what is sent one after another.
        pipelined: whether all are sent at once.
        after: sent untimed when a round is over, so that the next finds what this one did.
        bar: the most that popbridge may take, as a multiple of Dovecot's time.
        needs: a capability without which a server is left out.
    """

    name: str
    commands: Callable[[int, int], list[bytes]]
    pipelined: bool = False
    after: tuple[bytes, ...] = ()
    bar: float = 1.0
    needs: bytes = b""


def one(command: bytes) -> Callable[[int, int], list[bytes]]:
    """The same command, whatever the mailbox."""
    return lambda count, round_: [command]


def _sign(round_: int) -> bytes:
    return b"-" if round_ % 2 else b"+"


def _spread(count: int, many: int, round_: int = 0) -> list[int]:
    """`many` sequence numbers all over the mailbox, in an order of their own; others each round."""
    first = round_ * many
    return [1 + (n * 7919) % count for n in range(first, first + many)]


def _walk(count: int, many: int, round_: int) -> range:
    """`many` sequence numbers that follow each other; others each round."""
    first = 1 + round_ * many % (count - many)
    return range(first, first + many)


_LETTER = b"From: a@example.net\r\nSubject: appended\r\n\r\n" + b"x" * 76 * 120 + b"\r\n"

ROWS = (
    Row("FETCH 1:* (UID FLAGS)", one(b"FETCH 1:* (UID FLAGS)")),
    Row(
        "FETCH 1:* overview",
        one(b"FETCH 1:* (UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE)"),
    ),
    Row("FETCH 1:* BODYSTRUCTURE", one(b"FETCH 1:* (UID BODYSTRUCTURE)")),
    Row("FETCH 1:* header fields", one(b"FETCH 1:* (UID " + HEADERS + b")")),
    Row("FETCH 1:* BODY.PEEK[]", one(b"FETCH 1:* (UID BODY.PEEK[])")),
    Row(
        "300 single bodies",
        lambda count, round_: [b"FETCH %d (BODY.PEEK[])" % n for n in _spread(count, 300, round_)],
    ),
    Row(
        "300 bodies in order",
        lambda count, round_: [b"FETCH %d (BODY.PEEK[])" % n for n in _walk(count, 300, round_)],
    ),
    Row(
        "300 parts",
        lambda count, round_: [b"FETCH %d (BODY.PEEK[1])" % n for n in _spread(count, 300, round_)],
    ),
    Row("STORE 1:*", lambda _, round_: [b"STORE 1:* %bFLAGS (\\Flagged)" % _sign(round_)]),
    Row(
        "100 single STOREs",
        lambda count, round_: [
            b"STORE %d %bFLAGS (\\Answered)" % (n, _sign(round_)) for n in _spread(count, 100)
        ],
    ),
    Row("COPY 1:*", one(b"COPY 1:* Copies"), after=(b"DELETE Copies", b"CREATE Copies")),
    Row(
        "100 APPENDs of 9 kB",
        lambda _, round_: [b"APPEND Copies {%d+}\r\n%b" % (len(_LETTER), _LETTER)] * 100,
        after=(b"DELETE Copies", b"CREATE Copies"),
    ),
    Row("SORT (DATE)", one(b"SORT (DATE) UTF-8 ALL"), needs=b"SORT"),
    Row("SORT (SUBJECT)", one(b"SORT (SUBJECT) UTF-8 ALL"), needs=b"SORT"),
    Row("THREAD REFERENCES", one(b"THREAD REFERENCES UTF-8 ALL"), needs=b"THREAD=REFERENCES"),
    Row("SEARCH UNSEEN", one(b"SEARCH UNSEEN")),
    Row("SEARCH FLAGGED OR ANSWERED", one(b"SEARCH OR FLAGGED ANSWERED")),
    Row("SEARCH FROM", one(b"SEARCH FROM sender17")),
    Row("SEARCH SUBJECT", one(b"SEARCH SUBJECT budget")),
    Row("SEARCH SENTSINCE", one(b"SEARCH SENTSINCE 1-Jun-2015")),
    Row("SEARCH LARGER", one(b"SEARCH LARGER 50000")),
    Row("SEARCH HEADER", one(b"SEARCH HEADER Message-ID 77")),
    Row("SEARCH BODY", one(b"SEARCH BODY weekend-nobody"), bar=0.1),
    Row("SEARCH TEXT", one(b"SEARCH TEXT weekend-nobody"), bar=0.1),
    Row("3,000 pipelined NOOPs", lambda _, round_: [b"NOOP"] * 3000, pipelined=True, bar=2.0),
    Row("100 STATUS", lambda _, __: [b"STATUS Copies (MESSAGES UNSEEN UIDNEXT)"] * 100),
    Row("SELECT", one(b"SELECT INBOX")),
)
