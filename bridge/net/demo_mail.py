"""The mail that `popbridge demo` starts with: a dozen messages of the kinds that mail comes in."""

import base64
import struct
import zlib
from datetime import datetime, timedelta
from email.utils import format_datetime


def sample_messages(now: datetime) -> list[bytes]:
    """Whole messages, octets with CRLF, oldest first; the youngest is minutes older than `now`.

    Only dates depend on `now`; they keep its time zone.
    """
    return [_fill(template, now - age) for age, template in _SAMPLES]


def _fill(template: str, date: datetime) -> bytes:
    text = template.replace("{date}", format_datetime(date))
    text = text.replace("{earlier}", format_datetime(date - timedelta(hours=5)))
    if "{png}" in text:
        text = text.replace("{png}", _base64(_png()))
    if "{pdf}" in text:
        text = text.replace("{pdf}", _base64(_pdf("Invoice 2041: 3 x oak shelf, 147.00 EUR")))
    return text.replace("\n", "\r\n").encode()


def _base64(data: bytes) -> str:
    return base64.encodebytes(data).decode("ascii").rstrip("\n")


def _png() -> bytes:
    """An evening sky, 96 by 64."""
    width, height = 96, 64
    rows = b"".join(
        b"\0" + b"".join(bytes((60 + 3 * y, 40 + x, 200 - 2 * y)) for x in range(width))
        for y in range(height)
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(rows, 9)),
            (b"IEND", b""),
        )
    )


def _pdf(text: str) -> bytes:
    """One page with one line of text."""
    stream = f"BT /F1 18 Tf 72 760 Td ({text}) Tj ET"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out = "%PDF-1.4\n"
    table = "0000000000 65535 f \n"
    for number, content in enumerate(objects, 1):
        table += f"{len(out):010d} 00000 n \n"
        out += f"{number} 0 obj\n{content}\nendobj\n"
    size = len(objects) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return f"{out}xref\n0 {size}\n{table}{trailer}".encode("ascii")


_WELCOME = """\
Return-Path: <ruth@example.org>
Date: {date}
From: Ruth Alder <ruth@example.org>
To: Demo <demo@example.net>
Subject: Your new mailbox
Message-ID: <welcome-1@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Hello,

your mailbox is open. The provider only speaks POP3, so whatever fetches
it should leave the mail where it is until it has a copy on disk.

Ruth
"""

_NEWSLETTER = """\
Return-Path: <bounce-77@news.example.com>
Date: {date}
From: "The Allotment" <letter@news.example.com>
To: demo@example.net
Subject: What to sow this month
Message-ID: <letter-77@news.example.com>
List-Unsubscribe: <mailto:leave@news.example.com>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=_letter-77"

--=_letter-77
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Broad beans, garlic and =E2=80=93 under glass =E2=80=93 winter lettuce.
Sow garlic 3=C2=A0cm deep.

--=_letter-77
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<html><body style=3D"font-family: serif">
<h1>What to sow this month</h1>
<p>Broad beans, garlic and &ndash; under glass &ndash; <b>winter lettuce</b=
>.</p>
<p>Sow garlic 3&nbsp;cm deep.</p>
</body></html>

--=_letter-77--
"""

_PLAN = """\
Date: {date}
From: Ana Duarte <ana@example.com>
To: demo@example.net, Tom Birch <tom@example.org>
Subject: Hut weekend
Message-ID: <hut-1@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii; format=flowed

The hut above the lake is free on the last weekend of the month. Eight\x20
beds, a stove, no network.

Shall I book it? I need to tell them by Friday.

Ana
"""

_REPLY = """\
Date: {date}
From: Tom Birch <tom@example.org>
To: Ana Duarte <ana@example.com>
Cc: demo@example.net
Subject: Re: Hut weekend
Message-ID: <hut-2@example.org>
In-Reply-To: <hut-1@example.com>
References: <hut-1@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

On {earlier}, Ana Duarte wrote:
> Shall I book it? I need to tell them by Friday.

Yes, please. I bring the coffee pot and the cards.

Tom
"""

_PHOTO = """\
Date: {date}
From: Lena Moor <lena@example.net>
To: demo@example.net
Subject: The sky last night
Message-ID: <sky-1@example.net>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="sky/42"

This is a message in MIME format.

--sky/42
Content-Type: text/plain; charset=us-ascii

From the balcony, just before nine.

--sky/42
Content-Type: image/png; name="sky.png"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="sky.png"

{png}
--sky/42--
"""

_INVOICE = """\
Date: {date}
From: Plank & Dowel <billing@shop.example.com>
Reply-To: help@shop.example.com
To: demo@example.net
Subject: Invoice 2041
Message-ID: <invoice-2041@shop.example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="----=_Part_2041"

------=_Part_2041
Content-Type: text/plain; charset=us-ascii

Thank you for your order. The invoice is attached.

------=_Part_2041
Content-Type: application/pdf
Content-Transfer-Encoding: base64
Content-Disposition: attachment;
 filename*=UTF-8''Rechnung%202041%20f%C3%BCr%20Demo.pdf

{pdf}
------=_Part_2041--
"""

_COLOGNE = """\
Date: {date}
From: =?ISO-8859-1?Q?J=FCrgen_M=FCller?= <juergen@example.net>
To: demo@example.net
Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln_und_ein_paar_Fotos_vom?=
 =?UTF-8?Q?_Stra=C3=9Fenfest?=
Message-ID: <koeln-1@example.net>
MIME-Version: 1.0
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Sch=F6ne Gr=FC=DFe! Die Fotos kommen, sobald das Netz h=E4lt.

J=FCrgen
"""

_CAFE = """\
Date: {date}
From: =?UTF-8?B?Q2Fmw6kgw4l0b2lsZQ==?= <bonjour@example.com>
To: demo@example.net
Subject: =?UTF-8?B?UsOpc2VydmF0aW9uIGNvbmZpcm3DqWUg4piV?=
Message-ID: <table-4@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Votre table est réservée : samedi, 10 h, près de la fenêtre.
À bientôt ☕

お席をご用意してお待ちしております。
"""

_FORWARD = """\
Date: {date}
From: Ruth Alder <ruth@example.org>
To: demo@example.net
Subject: Fwd: Key for the cellar
Message-ID: <cellar-2@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="fwd-9"

--fwd-9
Content-Type: text/plain; charset=us-ascii

This one was for you, I think.

--fwd-9
Content-Type: message/rfc822
Content-Disposition: inline

Date: {earlier}
From: House office <house@example.com>
To: Ruth Alder <ruth@example.org>
Subject: Key for the cellar
Message-ID: <cellar-1@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

The spare key is with us, mornings until eleven.

--fwd-9--
"""

_PROSE = """\
Date: {date}
From: Lena Moor <lena@example.net>
To: demo@example.net
Subject: A page from the book
Message-ID: <page-1@example.net>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

The ferry left at six, and by seven the island was only a line; nobody on de=
ck said anything until the caf=C3=A9 opened =E2=80=93 then everyone spoke at =
once. A ticket was 4=E2=82=AC, or x=3D4 in the purser's sum.
=20
Lena
"""

_LIST = """\
Date: {date}
From: Tom Birch via Choir <choir@lists.example.org>
Sender: choir-bounces@lists.example.org
Reply-To: Tom Birch <tom@example.org>
To: Choir <choir@lists.example.org>
Subject: [Choir] Rehearsal moves to Thursday
Message-ID: <choir-311@lists.example.org>
List-Id: The village choir <choir.lists.example.org>
List-Post: <mailto:choir@lists.example.org>
Precedence: list
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

The hall is taken on Tuesday, so we meet on Thursday at half past seven.
Please bring the green scores.
--\x20
Choir mailing list
"""

_REPORT = """\
Date: {date}
From: Backup <root@nas.example.net>
To: demo@example.net
Subject: Backup finished: 3 folders, no errors
Message-ID: <backup-20@nas.example.net>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

.
./photos      18211 files   new 42
./letters       903 files   new 3
..
.config is left out, as it was before.
"""

_SAMPLES = (
    (timedelta(days=41), _WELCOME),
    (timedelta(days=23, hours=4), _NEWSLETTER),
    (timedelta(days=12, hours=7), _PLAN),
    (timedelta(days=12, hours=2), _REPLY),
    (timedelta(days=9, hours=11), _PHOTO),
    (timedelta(days=6, hours=3), _INVOICE),
    (timedelta(days=4, hours=9), _COLOGNE),
    (timedelta(days=3, hours=1), _CAFE),
    (timedelta(days=2, hours=6), _FORWARD),
    (timedelta(hours=28), _PROSE),
    (timedelta(hours=5), _LIST),
    (timedelta(minutes=12), _REPORT),
)
