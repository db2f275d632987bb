"""Seeded mail as households have it: plain, alternative with HTML, and with attachments."""

import base64
import quopri
from collections.abc import Iterator
from random import Random

MEAN_OCTETS = 16_000
SIGMA = 1.1
"""Of the logarithm of sizes: most messages are far below the mean, a few far above."""

MOST_OCTETS = 2_000_000
SENDERS = 400

_TEXT = """
the a of to and in is for on that with as it by at from are be this was or an have not you we can
will your all more if our about which when they has one there their out up so what who its been
meeting invoice order delivery holiday school report draft contract review budget family weekend
train ticket photo recipe garden update release server account password window question answer
Monday Tuesday Wednesday Thursday Friday Grüße straße naïve café señor Zürich привет 会議
"""
WORDS = _TEXT.split()


def corpus(count: int, seed: int = 42) -> Iterator[bytes]:
    """`count` messages with CRLF, together about `count * MEAN_OCTETS` octets."""
    seeded = Random(seed)
    ids: list[str] = []
    for number in range(count):
        size = min(MOST_OCTETS, int(seeded.lognormvariate(0, SIGMA) * MEAN_OCTETS / 1.83))
        yield _message(seeded, number, max(600, size), ids)


def small(count: int, seed: int = 7) -> Iterator[bytes]:
    """`count` messages of about 700 octets, for what happens where there are very many."""
    seeded = Random(seed)
    ids: list[str] = []
    for number in range(count):
        yield _message(seeded, number, 300, ids)


def _message(seeded: Random, number: int, size: int, ids: list[str]) -> bytes:
    kind = "plain" if size < 1200 else seeded.choice(("plain", "alternative", "mixed", "mixed"))
    head, body = _head(seeded, number, ids), ""
    if kind == "plain":
        return _lines(f"{head}Content-Type: text/plain; charset=utf-8\n\n{_text(seeded, size)}")
    text = _text(seeded, min(size // 3, 6000))
    html = _quoted(_html(seeded, min(size // 2, 30_000)))
    alternative = (
        "--=_a\nContent-Type: text/plain; charset=utf-8\n\n" + text + "--=_a\n"
        "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        + html
        + "\n--=_a--\n"
    )
    if kind == "alternative":
        body = f'Content-Type: multipart/alternative; boundary="=_a"\n\n{alternative}'
    else:
        rest = max(300, size - len(alternative))
        body = (
            'Content-Type: multipart/mixed; boundary="=_m"\n\n--=_m\n'
            f'Content-Type: multipart/alternative; boundary="=_a"\n\n{alternative}'
            f'--=_m\nContent-Type: application/pdf; name="report {number}.pdf"\n'
            f'Content-Disposition: attachment; filename="report {number}.pdf"\n'
            "Content-Transfer-Encoding: base64\n\n"
            + base64.encodebytes(seeded.randbytes(int(rest * 0.73))).decode()
            + "--=_m--\n"
        )
    return _lines(head + "MIME-Version: 1.0\n" + body)


def _head(seeded: Random, number: int, ids: list[str]) -> str:
    sender = seeded.randrange(SENDERS)
    own = f"<{number}.{seeded.randrange(10**12)}@host{sender % 50}.example.net>"
    minutes = number * 13
    day, hour, minute = 1 + minutes // 1440 % 28, minutes // 60 % 24, minutes % 60
    month, year = 1 + minutes // 40_320 % 12, 2015 + minutes // 483_840 % 11
    date = f"{day} {'JanFebMarAprMayJunJulAugSepOctNovDec'[month * 3 - 3 : month * 3]} {year}"
    parent = seeded.choice(ids[-50:]) if ids and seeded.random() < 0.4 else ""
    ids.append(own)
    subject = " ".join(seeded.choices(WORDS[:60], k=seeded.randint(2, 8)))
    reply = f"In-Reply-To: {parent}\nReferences: {parent}\n" if parent else ""
    host, key = f"mx{sender % 9}.example.net", f"{seeded.randrange(16**40):040x}"
    return (
        f"Return-Path: <sender{sender}@example.net>\n"
        f"Received: from {host} ({host} [192.0.2.{sender % 250}])\n"
        f"\tby pop.example.org with ESMTPS id {seeded.randrange(16**12):012X};\n"
        f"\t{date} {hour:02}:{minute:02}:07 +0100\n"
        f"DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=s1; bh={key};\n"
        f" h=From:To:Subject:Date; b={seeded.randrange(16**60):060x}\n"
        f"From: Sender {sender} <sender{sender}@example.net>\n"
        f"To: Alice Example <alice@example.org>{', bob@example.org' if number % 3 == 0 else ''}\n"
        f"Subject: {'Re: ' if parent else ''}{subject}\n"
        f"Date: {date} {hour:02}:{minute:02}:00 +0100\n"
        f"Message-ID: {own}\n{reply}"
    )


def _text(seeded: Random, size: int) -> str:
    lines, total = [], 0
    while total < size:
        lines.append(" ".join(seeded.choices(WORDS, k=seeded.randint(6, 13))))
        total += len(lines[-1]) + 1
    return "\n".join(lines) + "\n"


def _html(seeded: Random, size: int) -> str:
    rows, total = [], 0
    while total < size:
        words = " ".join(seeded.choices(WORDS, k=9))
        rows.append(
            f'<tr><td style="padding:4px;font-family:Arial,sans-serif">{words}</td>'
            f'<td><a href="https://example.net/{seeded.randrange(10**9)}">{words[:20]}</a></td></tr>'
        )
        total += len(rows[-1]) + 1
    return "<html><head><style>td{color:#333}</style></head><body><table>\n" + "\n".join(rows)


def _quoted(text: str) -> str:
    return quopri.encodestring(text.encode()).decode("ascii")


def _lines(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
