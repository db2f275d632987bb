"""PREVIEW (RFC 8970 §3.3): what of a message is shown in a list of messages."""

import pytest

from bridge.ingest.pipeline import Ingest
from bridge.ingest.preview import PREVIEW_CHARACTERS
from tests.imap_harness import NOW


def preview(octets: bytes) -> str:
    message = Ingest(arrival=NOW)
    message.feed(octets)
    return message.finish().preview


def part(kind: str, body: str, more: str = "") -> str:
    return f"--b\r\nContent-Type: {kind}\r\n{more}\r\n{body}\r\n"


def multipart(subtype: str, *parts: str) -> bytes:
    head = f"Subject: x\r\nContent-Type: multipart/{subtype}; boundary=b\r\n\r\n"
    return (head + "".join(parts) + "--b--\r\n").encode()


HTML = "<html><head><title>No</title><style>p {x: y}</style></head><body><p>Hello <b>you</b></p>"
ATTACHED = "Content-Disposition: attachment; filename=log.txt\r\n"


def test_html_alone_has_its_text() -> None:
    newsletter = (
        "<!DOCTYPE html><html><head><title>No</title><style>p { color: red }</style></head><body>"
        '<div style="display:none">Spring is here&nbsp;&zwnj;&nbsp;&zwnj;&#847; &#8203; &shy;</div>'
        "<script>var no;</script><!-- no --><table><tr><td>Dear&nbsp;M&uuml;ller,</td></tr>"
        "<tr><td>look: 1 &lt; 2</td></tr></table></body></html>"
    )
    octets = b"Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + newsletter.encode()
    assert preview(octets) == "Spring is here Dear Müller, look: 1 < 2"


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ((part("text/plain", "plain"), part("text/html", HTML)), "plain"),
        ((part("text/html", HTML), part("text/plain", "plain")), "plain"),
        ((part("text/plain", " \r\n"), part("text/html", HTML)), "Hello you"),
        ((part("text/calendar", "BEGIN:VCALENDAR"), part("text/html", HTML)), "Hello you"),
        ((part("text/html", ""),), ""),
    ],
)
def test_of_alternatives_one_counts(parts: tuple[str, ...], shown: str) -> None:
    assert preview(multipart("alternative", *parts)) == shown


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ((part("text/plain", "see it"), part("text/plain", "log", ATTACHED)), "see it"),
        ((part("text/plain", "log", ATTACHED),), "log"),
        ((part("text/x-vcard", "BEGIN:VCARD"),), "BEGIN:VCARD"),
        ((part("image/png", "iVBOR"),), ""),
        ((part("text/plain", "one"), part("text/plain", "two")), "one two"),
        ((part("message/rfc822", "Subject: y\r\n\r\nforwarded"),), "forwarded"),
    ],
)
def test_attachments_count_where_there_is_nothing_else(parts: tuple[str, ...], shown: str) -> None:
    assert preview(multipart("mixed", *parts)) == shown


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("> old\r\n>> older\r\n\r\nnew\r\n> old again", "new"),
        ("> only\r\n> this", "> only > this"),
        ("a\x00b\x07c\x1b[0m \x7f d", "a b c [0m d"),
        ("right \u202eleft\u202c", "right left"),
        ("\u200b\u200c \ufeff zero", "zero"),
        ("family 👨\u200d👩 می\u200cکنم", "family 👨\u200d👩 می\u200cکنم"),
        ("", ""),
        (" \r\n\t\xa0 \r\n", ""),
    ],
)
def test_what_is_worth_showing(body: str, shown: str) -> None:
    head = b"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    assert preview(head + body.encode()) == shown


def test_it_is_cut_at_so_many_characters_of_any_kind() -> None:
    head = b"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    shown = preview(head + "日本語のメール。".encode() * 100)
    assert len(shown) == PREVIEW_CHARACTERS <= 200
    assert shown.startswith("日本語のメール。日本")
    assert preview(head + b"x" * 199 + b" yyy") == "x" * 199
