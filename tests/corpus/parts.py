"""Multiparts of many shapes, and messages inside messages (RFC 2046 §5)."""

import base64
from collections.abc import Iterator

from tests.corpus.build import DATE, FROM, HEAD, Odd, entity, joined, multipart, named, part, typed

INNER = FROM + b"Subject: inner subject\n" + DATE + b"\ninner text\n"
INNER_MULTI = (
    FROM + b"Subject: inner multi\n" + multipart(part(b"", b"x"), part(b"", b"y"), boundary=b"in")
)


def messages() -> Iterator[Odd]:
    """Shapes, embedded messages, digests, reports and signed mail."""
    yield from named("shape", _SHAPES)
    for depth in (2, 3, 10, 40):
        yield Odd(f"shape: multiparts nested {depth} deep", entity(_nested(depth)))
        yield Odd(f"embedded: messages nested {depth} deep", entity(_messages(depth)))
    yield from named("embedded", {k: entity(v) for k, v in _EMBEDDED.items()})
    yield from named("digest", {k: entity(v) for k, v in _DIGESTS.items()})
    yield from named("structure", {k: entity(v) for k, v in _STRUCTURES.items()})


def _nested(depth: int) -> bytes:
    inner = part(b"Content-Type: text/plain\n", b"innermost")
    for level in range(depth):
        inner = multipart(inner, part(b"", b"beside"), boundary=b"level%d" % level)
    return inner


def _messages(depth: int) -> bytes:
    inner = INNER
    for level in range(depth):
        inner = FROM + b"Subject: level %d\nContent-Type: message/rfc822\n\n" % level + inner
    return b"Content-Type: message/rfc822\n\n" + inner


_RFC822 = b"Content-Type: message/rfc822\n"
_SHAPES = {
    "one part": entity(multipart(part())),
    "200 parts": entity(multipart(*(part(b"", b"part %d" % n) for n in range(200)))),
    "no part but preamble": typed(b"multipart/mixed; boundary=b", b"only a preamble\n--b--\n"),
    "attachment alone": typed(
        b'application/pdf; name="a.pdf"',
        b"JVBERi0=\n",
        b'Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="a.pdf"\n',
    ),
    "mixed of alternative and related": entity(
        multipart(
            multipart(
                part(b"Content-Type: text/plain\n", b"plain"),
                multipart(
                    part(b"Content-Type: text/html\n", b"<img src=cid:x>"),
                    part(
                        b"Content-Type: image/png\nContent-ID: <x>\n"
                        b"Content-Transfer-Encoding: base64\n",
                        b"iVBORw0KGgo=",
                    ),
                    kind=b"related",
                    boundary=b"rel",
                ),
                kind=b"alternative",
                boundary=b"alt",
            ),
            part(
                b"Content-Type: application/zip; name=z.zip\nContent-Disposition: attachment;\n"
                b" filename=z.zip\nContent-Transfer-Encoding: base64\n",
                b"UEsFBg==",
            ),
            boundary=b"mix",
        )
    ),
    "related with type and start": entity(
        b'Content-Type: multipart/related; boundary=b; type="text/html"; start="<x>"\n\n'
        + joined(part(b"Content-ID: <x>\n"), part())
    ),
    "parallel": entity(multipart(part(), part(), kind=b"parallel")),
    "text part of 1 octet without line end": entity(multipart(part(b"", b"x"))),
    "last part without body nor blank line": entity(
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html"
    ),
    "part header cut in the middle": entity(
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Ty"
    ),
}
_EMBEDDED = {
    "alone": _RFC822 + b"\n" + INNER,
    "multipart inside": _RFC822 + b"\n" + INNER_MULTI,
    "in a multipart": multipart(part(), _RFC822 + b"\n" + INNER, part()),
    "multipart in a multipart": multipart(part(), _RFC822 + b"\n" + INNER_MULTI, part()),
    "first of a multipart": multipart(_RFC822 + b"\n" + INNER, part()),
    "twice in a multipart": multipart(_RFC822 + b"\n" + INNER, _RFC822 + b"\n" + INNER_MULTI),
    "embedded in the embedded": multipart(
        _RFC822 + b"\n" + FROM + b"Subject: mid\n" + _RFC822 + b"\n" + INNER
    ),
    "without header": _RFC822 + b"\n\nno header\n",
    "without body": _RFC822 + b"\n" + FROM + b"Subject: only a header\n",
    "without body but blank line": _RFC822 + b"\n" + FROM + b"Subject: only a header\n\n",
    "empty": _RFC822 + b"\n",
    "empty in a multipart": multipart(_RFC822, part()),
    "nothing at all in a multipart": multipart(_RFC822 + b"\n", part()),
    "header only in a multipart": multipart(_RFC822 + b"\n" + FROM + b"Subject: cut", part()),
    "header and blank line in a multipart": multipart(
        _RFC822 + b"\n" + FROM + b"Subject: cut\n", part()
    ),
    "text without header in a multipart": multipart(_RFC822 + b"\njust text\nno fields\n", part()),
    "base64": _RFC822 + b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(INNER),
    "base64 in a multipart": multipart(
        _RFC822 + b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(INNER), part()
    ),
    "quoted-printable": _RFC822 + b"Content-Transfer-Encoding: quoted-printable\n\n" + INNER,
    "8bit": _RFC822
    + b"Content-Transfer-Encoding: 8bit\n\n"
    + INNER.replace(b"text", b"t\xc3\xa9xt"),
    "unknown encoding": _RFC822 + b"Content-Transfer-Encoding: x-unknown\n\n" + INNER,
    "with a disposition": multipart(
        _RFC822 + b"Content-Disposition: attachment; filename=m.eml\nContent-ID: <e@x>\n"
        b"Content-Description: forwarded\n\n" + INNER
    ),
    "with a name": _RFC822.replace(b"822\n", b"822; name=x.eml\n") + b"\n" + INNER,
    "upper case": b"Content-Type: MESSAGE/RFC822\n\n" + INNER,
    "mbox line first": _RFC822 + b"\nFrom ann@example.org Mon Nov 23 09:59:00 2026\n" + INNER,
    "truncated multipart inside": _RFC822 + b"\n" + INNER_MULTI[:-30],
    "truncated multipart inside a multipart": multipart(
        _RFC822 + b"\n" + INNER_MULTI[:-30], part()
    ),
    "inner boundary equals the outer": multipart(
        _RFC822 + b"\n" + FROM + multipart(part(b"", b"in"), boundary=b"b"), part(b"", b"last")
    ),
    "embedded is typed text/html": _RFC822
    + b"\n"
    + FROM
    + b"Content-Type: text/html\n\n<p>in</p>\n",
    "embedded is an image": _RFC822
    + b"\n"
    + FROM
    + b"Content-Type: image/gif\nContent-Transfer-Encoding: base64\n\nR0lGODlh\n",
    "message/global": b"Content-Type: message/global\n\n" + INNER.replace(b"Ann", b"\xc3\x84nn"),
    "message/news": b"Content-Type: message/news\n\n" + INNER,
    "message/partial": b"Content-Type: message/partial; id=x; number=1; total=2\n\n" + INNER,
    "message/external-body": b"Content-Type: message/external-body; access-type=anon-ftp;\n"
    b" site=example.org; name=x\n\nContent-Type: image/gif\nContent-ID: <ext>\n\n",
    "message without subtype": b"Content-Type: message\n\n" + INNER,
    "message/unknown": b"Content-Type: message/x-odd\n\n" + INNER,
}
_DIGEST = b"Content-Type: multipart/digest; boundary=b\n"
_DIGESTS = {
    "of untyped parts": _DIGEST + b"\n" + joined(part(b"", INNER), part(b"", INNER_MULTI)),
    "with a text part": _DIGEST + b"\n" + joined(
        part(b"Content-Type: text/plain\n", b"contents"), part(b"", INNER)),
    "with an untyped part that has fields": _DIGEST + b"\n" + joined(
        part(b"Content-Description: one\n", INNER)),
    "with a part of a broken type": _DIGEST + b"\n" + joined(part(b"Content-Type: broken\n",
        INNER)),
    "with a part of an empty type": _DIGEST + b"\n" + joined(part(b"Content-Type:\n", INNER)),
    "with an empty part": _DIGEST + b"\n" + joined(b"", part(b"", INNER)),
    "with a part of a blank line": _DIGEST + b"\n" + joined(b"\n", part(b"", INNER)),
    "inside mixed": multipart(part(), _DIGEST.replace(b"=b", b"=d") + b"\n" + joined(
        part(b"", INNER), part(b"", INNER), boundary=b"d")),
    "multipart inside keeps text as its default": _DIGEST + b"\n" + joined(
        multipart(part(b"", b"plain here"), boundary=b"in")),
    "encoded part": _DIGEST + b"\n" + joined(part(b"Content-Transfer-Encoding: base64\n",
        base64.encodebytes(INNER))),
}  # fmt: skip
_STATUS = (b"Reporting-MTA: dns; mx.example.org\n\n"
    b"Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.1.1\n")  # fmt: skip
_STRUCTURES = {
    "delivery report": b"Content-Type: multipart/report; report-type=delivery-status; "
        b"boundary=b\n\n"
        + joined(part(b"Content-Type: text/plain\n", b"could not be delivered"),
            part(b"Content-Type: message/delivery-status\n", _STATUS), _RFC822 + b"\n" + INNER),
    "delivery report with headers only": b"Content-Type: multipart/report; boundary=b;\n"
        b" report-type=delivery-status\n\n" + joined(part(),
        part(b"Content-Type: message/delivery-status\n", _STATUS),
            part(b"Content-Type: text/rfc822-headers\n", HEAD)),
    "read receipt": b"Content-Type: multipart/report; boundary=b; "
        b"report-type=disposition-notification\n\n"
        + joined(part(), part(b"Content-Type: message/disposition-notification\n",
            b"Final-Recipient: rfc822; ann@example.org\nDisposition: manual-action/MDN-sent; "
            b"displayed\n")),
    "delivery status alone": b"Content-Type: message/delivery-status\n\n" + _STATUS,
    "PGP signed": b'Content-Type: multipart/signed; micalg=pgp-sha256;\n'
        b' protocol="application/pgp-signature";'
        b" boundary=b\n\n" + joined(part(b"Content-Type: text/plain\n", b"signed text"),
            part(b"Content-Type: application/pgp-signature; name=signature.asc\n"
                b"Content-Description: OpenPGP digital signature\n",
                b"-----BEGIN PGP SIGNATURE-----\n\nxx\n"
                b"-----END PGP SIGNATURE-----\n")),
    "PGP encrypted": b'Content-Type: multipart/encrypted; boundary=b; '
        b'protocol="application/pgp-encrypted"\n\n'
        + joined(part(b"Content-Type: application/pgp-encrypted\n", b"Version: 1"),
            part(b"Content-Type: application/octet-stream\n", b"-----BEGIN PGP MESSAGE-----\nxx")),
    "S/MIME enveloped": b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; "
        b"name=smime.p7m\n"
        b"Content-Transfer-Encoding: base64\nContent-Disposition: attachment; "
        b"filename=smime.p7m\n\nMIIB\n",
    "S/MIME signed over an embedded message": b"Content-Type: multipart/signed; boundary=b; "
        b"micalg=sha-256;\n"
        b" protocol=\"application/pkcs7-signature\"\n\n" + joined(_RFC822 + b"\n" + INNER_MULTI,
            part(b"Content-Type: application/pkcs7-signature\nContent-Transfer-Encoding: base64\n"
            b"", b"MIIB")),
    "PGP inline": b"\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\ntext\n"
        b"-----BEGIN PGP SIGNATURE-----\n",
    "form data": b"Content-Type: multipart/form-data; boundary=b\n\n" + joined(
        part(b'Content-Disposition: form-data; name="a"\n', b"1")),
    "calendar": b'Content-Type: text/calendar; method=REQUEST; charset="UTF-8"\n\n'
        b'BEGIN:VCALENDAR\nEND:VCALENDAR\n',
    "vcard": multipart(part(), part(b"Content-Type: text/x-vcard; name=a.vcf\n", b"BEGIN:VCARD")),
    "Apple double": multipart(part(b"Content-Type: application/applefile\n", b"x"),
        part(b"Content-Type: image/jpeg; x-mac-type=4A504547\n", b"y"), kind=b"appledouble"),
}  # fmt: skip
