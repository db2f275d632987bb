"""Messages out of a tree: multiparts in multiparts, messages in messages, broken here and there."""

from random import Random

from tests.fuzz.grammar import Grammar

BOUNDARIES = (b"b", b"bb", b"b-", b"b--", b"=_Part 1", b"'()+_,-./:=?", b"x" * 70, b"b c", b"-")


def _far(rng: Random) -> bytes:
    """White space that folds."""
    return rng.choice((b"\r\n ", b"\r\n\t", b"\n ", b" \r\n \r\n "))


RULES = {
    "fold": _far,
    "sp": (b" ", b" ", b"", b"$fold"),
    "word": (b"ann", b"Bob", b"=?utf-8?q?J=C3=B6rg?=", b"caf\xe9", b"caf\xc3\xa9", b"x.y", b"\\",
             b"=?utf-8?b?R3LDvA==?= =?utf-8?B?w59l?=", b"=?x?q??=", b"=?utf-8?b?a?=",
             b"=?utf-7?q?+2AA-?="),
    "quoted": (b'"B, b"', b'"a\\"b\\\\"', b'"', b'"caf\xe9"', b'"$word $word"', b'"x$fold.y"'),
    "comment": (b"(c)", b"(a (b) \\) c)", b"(", b"($word)"),
    "phrase": (b"$word", b"$quoted", b"$word $phrase", b"$word $comment"),
    "local": (b"a", b"a.b", b'"a b"', b"$word"),
    "domain": (b"example.org", b"[127.0.0.1]", b"", b"b$comment", b"x$sp.y"),
    "spec": (b"$local@$domain", b"$local@$domain", b"$local"),
    "angle": (b"<$spec>", b"<$spec>", b"<@a,@b:$spec>", b"<>", b"<$spec"),
    "address": (b"$spec", b"$phrase $angle", b"$phrase$sp$angle", b"$spec $comment", b"$angle",
                b"$comment"),
    "list": (b"$address", b"$address,$sp$list", b"$phrase: $list;", b"a:;", b",, $address", b":",
             b";"),
    "zone": (b"+0100", b"-2359", b"+9999", b"GMT", b"EST", b"", b"Z", b"(x)", b"+01"),
    "date": (b"Mon, 23 Nov 2026 09:59:00 $zone", b"1 Jan 70 1:2 $zone",
             b"31 Dec 9999 23:59:60 $zone",
             b"Sun,  1$sp.Jan 0001 00:00:00 $zone", b"1-Feb-99 00:00 $zone", b"", b"$word"),
    "id": (b"<1@example.org>", b"<a b>", b"<>", b"1@x", b"<1@x> <2@x>$sp<3@x>"),
    "subject": (b"plain", b"Re: [x] Fwd: $phrase", b"[fwd: $subject]", b"$phrase (fwd)",
                b"re:re:[a]",
                b"$word$fold$word", b"\0x", b"", b"y\ry"),
    "charset": (b"utf-8", b"us-ascii", b"iso-8859-1", b"utf-16", b"utf-7", b"gb2312", b"shift_jis",
                b"koi8-r", b"x-none", b"", b"unicode_escape", b"idna", b"punycode", b"rot13",
                b"undefined"),
    "parameter": (b"; charset=$charset", b'; charset="$charset"', b'; name="$word"',
                  b"; name*=utf-8''a%20b",
                  b"; name*0=a; name*1*=b", b"; charset*0=utf; charset*1=-8", b"; charset*=''utf-8",
                  b"; x", b";", b"; a=(c) b", b";$fold.a=b", b'; a="'),
    "parameters": (b"", b"$parameter", b"$parameter$parameters"),
    "encoding": (b"7bit", b"8BIT", b"binary", b"base64", b"Quoted-Printable", b"x-uuencode", b"\"",
                 b"7bit (c)"),
    "disposition": (b"attachment", b'attachment; filename="$word"', b"inline$parameters", b";",
                    b"$word"),
    "field": (
        b"From:$sp$list", b"To:$sp$list", b"Cc: $list", b"Bcc: $list", b"Sender: $address",
        b"Reply-To: $list",
        b"Date:$sp$date", b"Subject:$sp$subject", b"Message-ID: $id", b"In-Reply-To: $id",
        b"References: $id",
        b"Received: from a by b; $date", b"Content-ID: $id", b"Content-Description: $subject",
        b"Status: RO",
        b"Content-MD5: Q2hlY2s=", b"Content-Disposition: $disposition", b"Content-Language: en, de",
        b"x",
        b"Content-Language:", b"Content-Location: $word", b"X-UIDL: 7", b" folded",
        b"no colon here", b": x",
        b"Content-Transfer-Encoding: $encoding", b"Content-Type: text/html$parameters",
        b"From : x@y",
        b"content-type:$sp.TEXT/plain$parameters", b"Content-Type: $word", b"Mime-Version: 1.0",
        b"caf\xe9: x",
    ),
    "fields": (b"", b"$field\r\n$fields", b"$field\r\n$field\r\n$fields",
               b"$field\r\n$field\r\n$field\r\n$fields"),
    "line": (b"Hello", b"", b"--", b"--b", b"--bb--", b"-", b".", b"From x", b"caf\xe9 =C3=A9=",
             b"R3LDvMOfZQ==",
             b"<p>a&amp;b</p><script>x", b"<!-- x", b"&#xd800; &lt;", b"\0", b"+2AA-", b"a\rb",
             b"\x1b$B$3\x1b(B", b"=\r\n=ZZ"),
    "text": (b"$line", b"$line\r\n$text", b"$line\n$text", b"", b"$line\r\n$line\r\n"),
    "leaf": (b"text/plain$parameters", b"text/html$parameters", b"image/png; name=\"$word\"",
             b"text/",
             b"application/octet-stream", b"message/delivery-status",
             b"message/external-body$parameters"),
}  # fmt: skip
GRAMMAR = Grammar(RULES)


def message(rng: Random, depth: int = 0) -> bytes:
    """A message of a few parts; sometimes with LF alone, sometimes cut."""
    octets = _entity(rng, depth, GRAMMAR.sentence("fields", rng))
    if depth == 0:
        if rng.random() < 0.1:
            octets = octets.replace(b"\r\n", b"\n")
        if rng.random() < 0.1:
            octets = octets[: rng.randint(0, len(octets))]
    return octets


def _entity(rng: Random, depth: int, fields: bytes = b"") -> bytes:
    match rng.randrange(8 if depth else 6) if depth < 5 else 7:
        case 0 | 1 | 2:
            return fields + _multipart(rng, depth)
        case 3:
            kind = rng.choice((b"rfc822", b"rfc822", b"global", b"RFC822 (x)", b"rfc822; a=b"))
            more = GRAMMAR.sentence("field", rng) + b"\r\n" if rng.random() < 0.2 else b""
            head = b"Content-Type: message/%b\r\n%b\r\n" % (kind, more)
            return fields + head + message(rng, depth + 1)
        case 4:
            return fields + GRAMMAR.sentence("text", rng)
        case _:
            head = b"Content-Type: %b\r\n" % GRAMMAR.sentence("leaf", rng)
            if rng.random() < 0.4:
                head += b"Content-Transfer-Encoding: %b\r\n" % GRAMMAR.sentence("encoding", rng)
            return fields + head + b"\r\n" + GRAMMAR.sentence("text", rng)


_BOUNDARY_FORMS = (
    *(b'boundary="%b"',) * 4,
    b"boundary=%b",
    b'boundary="%b  "',
    b'Boundary*0="%b"; boundary*1=""',
    b"boundary*=us-ascii''%b",
)


def _multipart(rng: Random, depth: int) -> bytes:
    boundary = rng.choice(BOUNDARIES)
    kind = rng.choice((b"mixed", b"alternative", b"digest", b"signed", b"x-odd", b""))
    written = rng.choice(_BOUNDARY_FORMS).replace(b"%b", boundary)
    head = b"Content-Type:%bmultipart/%b;%b%b%b\r\n\r\n" % (
        GRAMMAR.sentence("sp", rng),
        kind,
        GRAMMAR.sentence("sp", rng),
        written,
        GRAMMAR.sentence("parameters", rng) if rng.random() < 0.2 else b"",
    )
    body = GRAMMAR.sentence("text", rng) + b"\r\n" if rng.random() < 0.2 else b""
    for _ in range(rng.choice((0, 1, 2, 2, 3))):
        fields = GRAMMAR.sentence("fields", rng) if rng.random() < 0.3 else b""
        body += b"--%b%b\r\n" % (boundary, rng.choice((b"", b"", b"", b"  ", b"x", b"\t-")))
        body += _entity(rng, depth + 1, fields) + b"\r\n"
    if rng.random() < 0.8:
        body += b"--%b--%b" % (
            boundary,
            rng.choice((b"\r\n", b"", b"\n", b" x\r\n", b"\r\nepilogue\r\n")),
        )
    return head + body


TOKENS = (
    b"\r\n", b"\n", b"\r\n\r\n", b"\r", b"--b\r\n", b"--b--\r\n", b"--bb\r\n", b"\r\n--b", b"--",
    b"b" * 4090,
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: text/html\r\n", b"Content-Transfer-Encoding: base64\r\n", b"From: ",
    b"Subject: ", b": ",
    b"; boundary=", b"; charset=", b'"', b"(", b")", b"<", b">", b",", b";", b"@", b"\\",
    b"=?utf-8?q?", b"?=",
    b"Mon, 23 Nov 2026 09:59:00 +0100", b"\0", b"\x80", b"name*0*=", b"<script>", b"<!--", b"&#",
    b"\x1b$B",
    b"multipart/digest", b"Received: x; ", b"To: a:b;,", b"\r\n ", b" ",
)  # fmt: skip
