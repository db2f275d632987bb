"""Seeded mail of the shapes that programs have lost; each message says which one it is."""

from random import Random

LARGE_OCTETS = 1_300_000
"""More than goes into the store in one piece."""


def letter(chance: Random, number: int, *, large: bool = False) -> bytes:
    """One message of its own, ending in CRLF as all that POP3 can carry."""
    head = (
        b"From: Sender <sender@example.net>\r\nTo: alice@example.org\r\n"
        b"Subject: message %d\r\nMessage-ID: <%d.%d@example.net>\r\n"
        b"Date: Fri, 2 Oct 2026 09:%02d:00 +0000\r\n\r\n"
        % (number, number, chance.randrange(10**9), number % 60)
    )
    body = b"".join(chance.choice(SHAPES)(chance) for _ in range(chance.randint(1, 6)))
    if large:
        body += b"%d of it\r\n" % number + chance.randbytes(LARGE_OCTETS // 2).hex().encode()
    return head + body + (b"" if body.endswith(b"\r\n") else b"\r\n")


def small_letter(chance: Random, number: int) -> bytes:
    """A message of a few hundred octets that has all there is to get wrong in it."""
    shapes = [_dots, _bare, _octets]
    chance.shuffle(shapes)
    # Behind a line that ends in a dot an answer looks like one out of step: see `letters`.
    shapes.insert(0, _answers)
    head = b"Subject: message %d\r\nMessage-ID: <%d@small>\r\n" % (number, chance.randrange(10**9))
    return head + b"\r\n" + b"".join(shape(chance) for shape in shapes)


def letters(chance: Random, count: int, first: int = 0, *, large: float = 0.0) -> list[bytes]:
    """`count` messages, some of them equal to one another, a share of them large."""
    made: list[bytes] = []
    for number in range(first, first + count):
        if made and chance.random() < 0.08:
            made.append(chance.choice(made))
        else:
            made.append(letter(chance, number, large=chance.random() < large))
    return made


def _line(chance: Random) -> bytes:
    return b"x" * chance.randint(0, 70) + b"\r\n"


def _long(chance: Random) -> bytes:
    return b"y" * chance.randint(1000, 9000) + b"\r\n"


def _dots(chance: Random) -> bytes:
    return chance.choice([b".\r\n", b"..\r\n", b".x\r\n", b"...\r\n.\r\n", b"-\r\n.\r\n.\r\n"])


def _bare(chance: Random) -> bytes:
    return chance.choice([b"a\n.\nb\r\n", b"\n.\n\r\n", b"a\r.\rb\r\n", b"a\r\r\n", b"\n.\r\n"])


def _octets(chance: Random) -> bytes:
    return chance.choice([b"\0\r\n", "Grüße\r\n".encode(), bytes(range(128, 256)) + b"\0\0\r\n"])


def _answers(chance: Random) -> bytes:
    return chance.choice([b"+OK 3 messages\r\n", b"-ERR no\r\n", b"\r\n\r\n"])


SHAPES = (_line, _line, _long, _dots, _bare, _octets, _answers)
