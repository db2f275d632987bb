"""Seeded mail of realistic shapes and sizes."""

import base64
from random import Random

_TEXT = """
the meeting moved to Tuesday because rooms are short please bring notes from last time and
tell everyone who could not come what was decided about prices delivery and summer holidays
"""
WORDS = _TEXT.split()


def letters(count: int, octets: int, seed: int) -> list[bytes]:
    """`count` different messages, together about `octets`; CRLF throughout."""
    seeded = Random(seed)
    mean = octets // count
    return [_letter(seeded, n, max(400, int(seeded.expovariate(1 / mean)))) for n in range(count)]


def _letter(seeded: Random, number: int, size: int) -> bytes:
    day = 1 + number % 28
    head = (
        f"Received: from mx.example.net by pop.example.org; {day} Oct 2026 10:00:00 +0000\r\n"
        f"From: Sender {number % 37} <sender{number % 37}@example.net>\r\n"
        "To: alice@example.org\r\n"
        f"Subject: {' '.join(seeded.choices(WORDS, k=5))}\r\n"
        f"Message-ID: <{number}.{seeded.randrange(10**9)}@example.net>\r\n"
        f"Date: {day} Oct 2026 09:59:00 +0000\r\n"
    )
    text = _text(seeded, min(size, 3000))
    if size < 6000:
        return head.encode() + b"\r\n" + text
    attachment = base64.encodebytes(seeded.randbytes(int((size - 3000) * 0.73)))
    return (
        head.encode()
        + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_b"\r\n\r\n'
        b"--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        + text
        + b"--=_b\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n"
        + attachment.replace(b"\n", b"\r\n")
        + b"--=_b--\r\n"
    )


def _text(seeded: Random, size: int) -> bytes:
    lines = []
    total = 0
    while total < size:
        line = " ".join(seeded.choices(WORDS, k=seeded.randint(1, 14)))
        # Lines that POP3 must stuff, and 8-bit ones.
        line = seeded.choice([line] * 20 + ["." + line, "..", "Grüße " + line])
        lines.append(line.encode() + b"\r\n")
        total += len(lines[-1])
    return b"".join(lines)
