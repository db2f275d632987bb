"""Each production: what it takes, and the octet at which it refuses a near miss."""

import ast
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.wire import samples, samples_fetch
from tests.wire.grammar import parse
from tests.wire.samples import marked, wire
from tests.wire.tokens import CONTEXT_OCTETS, REV1, Dialect, GrammarError
from tests.wire.values import (
    Address,
    AppendUid,
    Capabilities,
    Code,
    Continuation,
    Envelope,
    Exists,
    ExtendedSearch,
    Extension,
    Fetch,
    Found,
    Item,
    MailboxItem,
    MailboxStatus,
    Multipart,
    Namespace,
    Namespaces,
    Part,
    Progress,
    Response,
    Status,
    Thread,
    Threads,
    UidSet,
    Vanished,
)

VALID = samples.STATUS + samples_fetch.FETCHES + samples.LISTS + samples.SEARCHES
WRONG = samples.NOT_STATUS + samples_fetch.NOT_FETCHES + samples.NOT_LISTS + samples.NOT_SEARCHES
UTF8 = Dialect(utf8=True)
REV2 = Dialect(utf8=True, rev2=True)


MODULES = [path for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("test_")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_grammar_is_independent_of_what_it_judges(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name.startswith("tests.wire") or name.split(".")[0] in sys.stdlib_module_names


@pytest.mark.parametrize("text", VALID)
def test_a_valid_response_is_taken(text: str) -> None:
    parse(wire(text))


@pytest.mark.parametrize("text", WRONG)
def test_a_near_miss_is_refused_at_its_wrong_octet(text: str) -> None:
    octets, offset = marked(text)
    with pytest.raises(GrammarError) as error:
        parse(octets)
    assert error.value.offset == offset
    assert len(error.value.context) <= CONTEXT_OCTETS


@pytest.mark.parametrize("text", VALID)
def test_nothing_less_and_nothing_more_is_a_response(text: str) -> None:
    octets = wire(text)
    for end in range(len(octets)):
        with pytest.raises(GrammarError):
            parse(octets[:end])
    for more in (b"\r\n", b" ", b"* OK x\r\n"):
        with pytest.raises(GrammarError):
            parse(octets + more)


def test_the_names_of_the_protocol_have_no_case() -> None:
    upper = parse(wire('* LIST () "/" x ("OLDNAME" (y))'))
    assert parse(wire('* list () "/" x ("oldname" (y))')) == upper
    assert parse(wire("* 1 fetch (body[header] nil)")) == parse(
        wire("* 1 FETCH (BODY[HEADER] NIL)")
    )


VALUES: tuple[tuple[str, Response], ...] = (
    (
        "t OK [APPENDUID 1 5:7] x",
        Status(b"t", "OK", Code("APPENDUID", AppendUid(1, UidSet(((5, 7),)))), b"x"),
    ),
    ("+ [ALERT] go", Continuation(b"[ALERT] go")),
    ("* 7 EXISTS", Exists(7)),
    ("* VANISHED (EARLIER) 9:7,1", Vanished(UidSet(((7, 9), (1, 1))), earlier=True)),
    ("* CAPABILITY IMAP4rev1 X", Capabilities((b"IMAP4rev1", b"X"))),
    (r'* LIST (\Sent) "/" inbox', MailboxItem("LIST", (rb"\Sent",), b"/", b"INBOX")),
    (
        "* STATUS x (MESSAGES 1 APPENDLIMIT NIL)",
        MailboxStatus(b"x", (("MESSAGES", 1), ("APPENDLIMIT", None))),
    ),
    ('* NAMESPACE (("" "/")) NIL NIL', Namespaces((Namespace(b"", b"/"),), None, None)),
    ("* SEARCH 2 5 (MODSEQ 9)", Found("SEARCH", (2, 5), 9)),
    ("* THREAD (2)(3 (4)(5))", Threads((Thread((2,)), Thread((3,), (Thread((4,)), Thread((5,))))))),
    ('* ESEARCH (TAG "a") UID MIN 2', ExtendedSearch(b"a", True, (("MIN", 2),))),
    (
        '* OK [INPROGRESS ("a" 1 NIL)] x',
        Status(None, "OK", Code("INPROGRESS", Progress(b"a", 1, None)), b"x"),
    ),
)


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_the_value_of_a_response(text: str, value: Response) -> None:
    assert parse(wire(text)) == value


def item(text: str, dialect: Dialect = REV1) -> object:
    fetch = parse(wire(f"* 1 FETCH ({text})"), dialect)
    assert isinstance(fetch, Fetch)
    return fetch.items[0].value


def test_the_value_of_an_envelope() -> None:
    none = "NIL " * 4
    found = item(f'ENVELOPE ("d" {{2}}⏎\xc3\xa9 (("n" NIL "a" "b")) {none}NIL "<r>" "<m>")')
    sender = (Address(b"n", None, b"a", b"b"),)
    assert found == Envelope(
        b"d", b"\xc3\xa9", sender, None, None, None, None, None, b"<r>", b"<m>"
    )


def test_the_value_of_a_structure() -> None:
    text = '"TEXT" "PLAIN" ("a" "b") NIL NIL "7BIT" 5 1'
    part = Part(b"TEXT", b"PLAIN", ((b"a", b"b"),), None, None, b"7BIT", 5, 1)
    assert item(f'BODY (({text})({text}) "MIXED")') == Multipart((part, part), b"MIXED")
    found = item('BODYSTRUCTURE ("A" "B" NIL NIL NIL "7BIT" 0 "m" ("x" ("f" "g")) ("de") NIL)')
    assert found == Part(
        b"A",
        b"B",
        None,
        None,
        None,
        b"7BIT",
        0,
        extension=Extension(b"m", (b"x", ((b"f", b"g"),)), (b"de",), None),
    )


def test_the_value_of_dates_and_sections() -> None:
    west = timezone(timedelta(hours=-8))
    date = datetime(1994, 2, 7, 21, 52, 25, tzinfo=west)
    assert item('INTERNALDATE " 7-Feb-1994 21:52:25 -0800"') == date
    assert item('INTERNALDATE "07-Feb-1994 21:52:25 +0000"') == date.replace(tzinfo=UTC)
    fetch = parse(wire("* 1 FETCH (body[1.header.fields (Date {1}⏎x)]<3> {1}⏎\xff)"))
    assert fetch == Fetch(1, (Item("BODY[1.HEADER.FIELDS (DATE X)]<3>", b"\xff"),))
    assert item('BODY[] "a\\"b\\\\"') == b'a"b\\'


def test_utf8_is_for_those_who_enabled_it() -> None:
    cases = (
        '* LIST () "/" "\xc3\xa9"',
        '* LIST () "/" "a&b"',
        '* 1 FETCH (BODY[1] "\xe2\x82\xac")',
    )
    for text in cases:
        parse(wire(text), UTF8)
        with pytest.raises(GrammarError):
            parse(wire(text))


@pytest.mark.parametrize("octets", ["\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"])
def test_utf8_is_valid_utf8(octets: str) -> None:
    with pytest.raises(GrammarError) as error:
        parse(wire(f'* 1 FETCH (BODY[1] "a{octets}b")'), UTF8)
    assert error.value.offset == len('* 1 FETCH (BODY[1] "a')


def test_a_utf8_mailbox_name_has_no_control_characters() -> None:
    for character in ("\xc2\x85", "\xe2\x80\xa8", "\t", "\x7f"):
        with pytest.raises(GrammarError):
            parse(wire(f'* LIST () "/" "a{character}"'), UTF8)


def test_imap4rev2_has_what_it_added_and_not_what_it_removed() -> None:
    large = str(2**32)
    part = f'"MESSAGE" "GLOBAL" NIL NIL NIL "8BIT" 1 ({"NIL " * 9}NIL)'
    text = '("TEXT" "PLAIN" NIL NIL NIL "7BIT" 0 0)'
    added = (
        f"* 1 FETCH (RFC822.SIZE {large})",
        f"* 1 FETCH (BODY ({part} {text} {large}))",
        "* OK caf\xc3\xa9",
        "* ESEARCH (TAG a1) ALL 1",
    )
    removed = (
        "* 1 RECENT",
        r"* 1 FETCH (FLAGS (\Recent))",
        "* STATUS x (RECENT 1)",
        "* 1 FETCH (RFC822 NIL)",
        '* 1 FETCH (BODY ("MESSAGE" "GLOBAL" NIL NIL NIL "8BIT" 1))',
    )
    for here, there, texts in ((REV2, UTF8, added), (UTF8, REV2, removed)):
        for one in texts:
            parse(wire(one), here)
            with pytest.raises(GrammarError):
                parse(wire(one), there)


def test_a_greeting_is_ok_preauth_or_bye() -> None:
    for text in ("* OK hi", "* PREAUTH hi", "* BYE no"):
        assert isinstance(parse(wire(text), greeting=True), Status)
    for text in ("* NO hi", "* BAD hi", "t OK hi", "+ hi", "* 1 EXISTS", "* OK"):
        with pytest.raises(GrammarError):
            parse(wire(text), greeting=True)


@pytest.mark.parametrize("opening", ["* 1 FETCH (BODY ", "* THREAD "])
def test_nesting_without_end_is_refused(opening: str) -> None:
    with pytest.raises(GrammarError, match="nesting"):
        parse(wire(opening + "(" * 100_000))


def test_a_hundred_levels_are_taken() -> None:
    inner = '("A" "B" NIL NIL NIL "7BIT" 0)'
    for _ in range(100):
        inner = f'({inner} "MIXED")'
    assert isinstance(item(f"BODY {inner}"), Multipart)
