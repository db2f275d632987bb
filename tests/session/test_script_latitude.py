"""What another server may answer to a script, and what not."""

import pytest

from tests.scripts.latitude import Block, fits

SAME = [
    ("a OK Done", "a OK [CLIENTBUG] Fine, but"),
    ("a NO [NONEXISTENT] ...", "a NO It isn't there"),
    ("a NO|BAD ...", "a BAD what?"),
    ("a OK [APPENDUID ... 3:5] ...", "a OK [APPENDUID 17 3:5] Kept"),
    ("* OK [PERMANENTFLAGS (\\Seen \\*)] ...", "* OK [PERMANENTFLAGS (\\* \\Seen)] so"),
    ("* FLAGS (\\Seen Work)", "* FLAGS (Work \\SEEN)"),
    ("* 1 FETCH (UID 1 FLAGS (a \\Seen))", "* 1 FETCH (FLAGS (\\Seen a))"),
    ("* 1 FETCH (FLAGS ())", "* 1 FETCH (MODSEQ (7) UID 1 FLAGS ())"),
    (
        '* 1 FETCH (BODY[HEADER.FIELDS (a b)] "x")',
        '* 1 FETCH (BODY[HEADER.FIELDS ("A" B)] {1}\r\nx)',
    ),
    (
        '* 1 FETCH (INTERNALDATE " 1-Feb-2026 01:00:00 +0200")',
        '* 1 FETCH (INTERNALDATE "31-Jan-2026 23:00:00 +0000")',
    ),
    ('* LIST (\\Sent \\HasNoChildren) "/" Sent', '* LIST (\\HasNoChildren \\Sent) "/" "Sent"'),
    ('* LIST () "/" a', '* LIST (\\Unmarked) "/" a'),
    ('* LSUB () "/" a', '* LSUB (\\Noselect) "/" a'),
    ("* STATUS a (MESSAGES 1 UNSEEN ...)", '* STATUS "a" (UNSEEN 3 MESSAGES 1)'),
    ("* SEARCH 1 2 (MODSEQ 7)", "* SEARCH 2 1 (MODSEQ 7)"),
    ("* CAPABILITY IMAP4rev1 ... IDLE ...", "* CAPABILITY IDLE IMAP4rev1"),
]

OTHER = [
    ("a OK Done", "a NO Done"),
    ("a OK Done", "b OK Done"),
    ("a NO [TRYCREATE] ...", "a NO It isn't there"),
    ("a OK [COPYUID ... 1,3 1:2] ...", "a OK Done"),
    ("a OK [APPENDUID ... 3:5] ...", "a OK [APPENDUID 17 3:6] Kept"),
    ("* OK [UIDNEXT 3] ...", "* OK [UIDNEXT 4] next"),
    ("* OK [UIDNEXT 3] ...", "* OK next"),
    ("* 1 EXISTS", "* 2 EXISTS"),
    ("* FLAGS (\\Seen)", "* FLAGS (\\Seen \\Draft)"),
    ("* 1 FETCH (FLAGS (\\Seen))", "* 1 FETCH (FLAGS (\\Seen a))"),
    ("* 1 FETCH (FLAGS ())", "* 2 FETCH (FLAGS ())"),
    ("* 1 FETCH (FLAGS ())", '* 1 FETCH (FLAGS () BODY[] "x")'),
    ('* 1 FETCH (BODY[] "x")', '* 1 FETCH (BODY[] "X")'),
    ('* 1 FETCH (BODY[] "x")', "* 1 FETCH (BODY[] NIL)"),
    ('* 1 FETCH (BODY[]<0> "x")', '* 1 FETCH (BODY[]<0.4> "x")'),
    (
        '* 1 FETCH (INTERNALDATE " 1-Feb-2026 01:00:00 +0200")',
        '* 1 FETCH (INTERNALDATE " 1-Feb-2026 01:00:00 +0000")',
    ),
    ('* LIST () "/" a', '* LIST (\\Noselect) "/" a'),
    ('* LIST () "/" a', '* LIST () "." a'),
    ('* LIST () "/" a', '* LSUB () "/" a'),
    ('* LSUB () "/" a', '* LSUB () "/" b'),
    ("* STATUS a (MESSAGES 1)", "* STATUS a (MESSAGES 2)"),
    ("* STATUS a (MESSAGES 1)", "* STATUS a (MESSAGES 1 UNSEEN 1)"),
    ("* SEARCH 1 2", "* SEARCH 1"),
    ("* SEARCH", "* SEARCH 1"),
    ("* CAPABILITY IMAP4rev1 IDLE ...", "* CAPABILITY IMAP4rev1"),
    ("+ ...", "a OK"),
]


@pytest.mark.parametrize(("wanted", "response"), SAME)
def test_what_fits(wanted: str, response: str) -> None:
    assert fits(wanted.encode(), response.encode(), uid=False)


@pytest.mark.parametrize(("wanted", "response"), OTHER)
def test_what_does_not_fit(wanted: str, response: str) -> None:
    assert not fits(wanted.encode(), response.encode(), uid=False)


def test_a_uid_that_was_asked_for_must_come() -> None:
    assert not fits(b"* 1 FETCH (UID 1 FLAGS ())", b"* 1 FETCH (FLAGS ())", uid=True)


def verdict(wanted: list[bytes], came: list[bytes], passing: bool = False) -> str | None:
    block = Block()
    for text in wanted:
        block.want(text, passing=passing)
    for response in came:
        block.got(response)
    return block.verdict(uid=False)


def test_data_has_no_order_but_expunge_has() -> None:
    end = b"a OK x"
    assert verdict([b"* 1 EXISTS", b"* SEARCH", end], [b"* SEARCH", b"* 1 EXISTS", end]) is None
    gone = [b"* 2 EXPUNGE", b"* 1 EXPUNGE"]
    assert verdict([*gone, end], [*gone, end]) is None
    assert verdict([*gone, end], [*reversed(gone), end]) is not None


@pytest.mark.parametrize(
    "line", [b"* 1 EXPUNGE", b"* SEARCH", b'* LIST () "/" a', b"* NO x", b'* 1 FETCH (BODY[] "x")']
)
def test_what_may_not_come_unasked(line: bytes) -> None:
    assert verdict([b"a OK x"], [line, b"a OK x"]) is not None
    assert verdict([b"a OK x"], [line, b"a OK x"], passing=True) is None


def test_data_of_a_message_may_come_in_two() -> None:
    wanted = [b'* 1 FETCH (BODY[] "x" FLAGS (\\Seen))', b"a OK x"]
    came = [b"* 1 FETCH (FLAGS (\\Seen))", b'* 1 FETCH (BODY[] "x")', b"a OK x"]
    assert verdict(wanted, came) is None
    assert verdict(wanted, came[1:]) is not None


def test_flags_and_recent_may_be_missing_but_not_at_select() -> None:
    for line in (b"* FLAGS ()", b"* 0 RECENT", b"* OK [PERMANENTFLAGS ()] x"):
        assert verdict([line, b"a OK x"], [b"a OK x"]) is None
        assert verdict([line, b"a OK x"], [b"* OK [UIDVALIDITY 1] x", b"a OK x"]) is not None
