"""What may be said when: each rule broken once, in a conversation that is right up to there.

In a script "C: " begins what the client sends and "S: " what the server answers; "⏎" goes after
each. "S! " is the line that must be refused, "S. " that the server closes the connection.
"""

import pytest

from tests.wire.samples import wire
from tests.wire.stream import State, Validator
from tests.wire.tokens import GrammarError
from tests.wire.view import ProtocolViolation

GREETING = "S: * OK hi"
LOGIN = GREETING + "\nC: a LOGIN x y\nS: a OK in"
SELECT_DATA = r"""
S: * FLAGS (\Seen \Deleted $x)
S: * OK [PERMANENTFLAGS (\Seen \*)] kept
S: * 3 EXISTS
S: * 1 RECENT
S: * OK [UIDVALIDITY 7] valid
S: * OK [UIDNEXT 9] next"""
SELECT = LOGIN + "\nC: b SELECT INBOX" + SELECT_DATA + "\nS: b OK [READ-WRITE] open"
MODSEQ_DATA = SELECT_DATA + "\nS: * OK [HIGHESTMODSEQ 5] highest"
QRESYNC = (
    LOGIN
    + "\nC: q ENABLE QRESYNC\nS: * ENABLED QRESYNC\nS: q OK done\nC: b SELECT INBOX"
    + MODSEQ_DATA
    + "\nS: b OK [READ-WRITE] open"
)
UIDS = r"""
C: u FETCH 1:* UID
S: * 1 FETCH (UID 2)
S: * 2 FETCH (UID 5)
S: * 3 FETCH (UID 8)
S: u OK x"""


def play(script: str) -> Validator:
    """Runs a script; the line after "S!" must raise, and nothing else may."""
    validator = Validator()
    for line in script.strip("\n").splitlines():
        kind, text = line[:3], line[3:]
        match kind:
            case "C: ":
                validator.from_client(wire(text))
            case "S: ":
                validator.from_server(wire(text))
            case "S. " | "S.":
                validator.closed()
            case "S! ":
                with pytest.raises(ProtocolViolation) as violation:
                    validator.from_server(wire(text))
                assert violation.value.transcript[-1].startswith("S: ")
            case _:
                raise AssertionError(line)
    return validator


RIGHT = {
    "greeting only": GREETING,
    "bye as a greeting": "S: * BYE busy\nS.",
    "preauth": 'S: * PREAUTH hi\nC: a LIST "" *\nS: * LIST () "/" INBOX\nS: a OK done',
    "a literal": GREETING + "\nC: a LOGIN {1}⏎\nS: + go on\nC: x y\nS: a OK in",
    "two literals": GREETING + "\nC: a LOGIN {1}⏎x {1+}\nS: + go on\nC: y\nS: a OK in",
    "a literal refused": GREETING + "\nC: a LOGIN {9999}\nS: a BAD no\nC: b NOOP\nS: b OK x",
    "a literal+ refused": LOGIN
    + "\nC: a APPEND x {4+}\nS: a NO [TRYCREATE] x\nC: abcd\nC: b NOOP\nS: b OK x",
    "sasl": GREETING + "\nC: a AUTHENTICATE PLAIN\nS: + \nC: AHgAeQ==\nS: a OK in",
    "sasl of two steps": GREETING
    + "\nC: a AUTHENTICATE X\nS: + Zm9v\nC: YmFy\nS: + Zm9v\nC: \nS: a OK in",
    "sasl refused": GREETING + "\nC: a AUTHENTICATE X\nS: a NO no\nC: b NOOP\nS: b OK x",
    "pipelined": LOGIN + "\nC: a NOOP⏎b NOOP\nS: a OK x⏎b OK y",
    "an untagged BAD": GREETING + "\nC: *\nS: * BAD what\nC: b NOOP\nS: b OK x",
    "a line that is too long": GREETING + "\nC: a NOOP\nS: * BAD too long\nC: b NOOP\nS: b OK x",
    "an empty line": GREETING + "\nC: \nC: b NOOP\nS: b OK x",
    "select twice": SELECT + "\nC: c SELECT x" + SELECT_DATA + "\nS: c OK [READ-WRITE] x",
    "select fails": SELECT + "\nC: c SELECT x\nS: c NO [NONEXISTENT] x\nC: d NOOP\nS: d OK x",
    "select is bad": SELECT + "\nC: c SELECT\nS: c BAD x\nC: d NOOP\nS: * 1 EXPUNGE\nS: d OK x",
    "closed": SELECT + "\nC: c SELECT x\nS: * OK [CLOSED] x" + SELECT_DATA + "\nS: c OK x",
    "unsolicited": SELECT + "\nS: * 4 EXISTS\nS: * 1 FETCH (FLAGS ($x))",
    "idle": SELECT + "\nC: c IDLE\nS: + x\nS: * 1 EXPUNGE\nC: DONE\nS: c OK x",
    "expunge by uid": SELECT
    + "\nC: c UID FETCH 1 UID\nS: * 1 EXPUNGE\nS: * 1 FETCH (UID 5)\nS: c OK x",
    "new keyword": SELECT
    + r"""
S: * FLAGS (\Seen \Deleted $x new)
S: * 1 FETCH (FLAGS (New))""",
    "new message": SELECT
    + UIDS
    + "\nS: * 4 EXISTS\nC: v FETCH 4 UID\nS: * 4 FETCH (UID 9)\nS: v OK x",
    "condstore": LOGIN
    + "\nC: b SELECT INBOX (CONDSTORE)"
    + MODSEQ_DATA
    + "\nS: b OK [READ-WRITE] x\nC: c STORE 1 +FLAGS ($x)"
    + "\nS: * 1 FETCH (MODSEQ (6) FLAGS ($x))\nS: c OK x",
    "vanished": QRESYNC
    + "\nC: u FETCH 1:2 UID\nS: * 1 FETCH (UID 2)\nS: * 2 FETCH (UID 5)\nS: u OK x"
    + "\nC: c NOOP\nS: * VANISHED 2,7\nS: * 1 FETCH (UID 5 MODSEQ (7))\nS: c OK x",
    "vanished of those before UIDNEXT": QRESYNC
    + "\nC: c NOOP\nS: * 4 EXISTS\nS: * VANISHED 7\nS: c OK x\nC: u FETCH 1:* UID"
    + "\nS: * 1 FETCH (UID 2)\nS: * 2 FETCH (UID 5)\nS: * 3 FETCH (UID 9)\nS: u OK x",
    "vanished, nobody knows which": QRESYNC
    + "\nC: c FETCH 1:2 MODSEQ\nS: * 1 FETCH (MODSEQ (5))\nS: * 2 FETCH (MODSEQ (4))\nS: c OK x"
    + "\nC: d NOOP\nS: * VANISHED 2\nS: d OK x\nC: e FETCH 1 MODSEQ"
    + "\nS: * 1 FETCH (MODSEQ (4))\nS: e OK x",
    "vanished of those that came": QRESYNC
    + "\nC: c NOOP\nS: * 5 EXISTS\nS: * VANISHED 9\nS: c OK x\nC: u FETCH 3:* UID"
    + "\nS: * 3 FETCH (UID 7)\nS: * 4 FETCH (UID 10)\nS: u OK x",
    "uidonly": LOGIN
    + "\nC: q ENABLE UIDONLY\nS: * ENABLED UIDONLY\nS: q OK x\nC: b SELECT INBOX"
    + SELECT_DATA
    + "\nS: b OK [READ-WRITE] x\nC: c UID FETCH 1:* FLAGS\nS: * 8 UIDFETCH (FLAGS ())"
    + "\nS: * VANISHED 8\nS: c OK x",
    "esearch": SELECT
    + '\nC: c UID SEARCH RETURN (MIN) 1\nS: * ESEARCH (TAG "c") UID MIN 2\nS: c OK x',
    "save alone": SELECT + "\nC: c SEARCH RETURN (SAVE) ALL\nS: c OK x",
    "logout": LOGIN + "\nC: b LOGOUT\nS: * BYE x\nS: b OK x\nS.",
    "unexpected bye": LOGIN + "\nC: b NOOP\nS: * BYE x\nS.",
    "a line refused before its end": GREETING
    + "\nC: a NOOP xx✂\nS: a BAD too long\nC: x\nC: b NOOP\nS: b OK x",
    "a line that nobody can place": GREETING
    + "\nC: a NOOP xx✂\nS: * BAD too long\nC: x\nC: b NOOP\nS: b OK x",
    "a second literal after the refusal": LOGIN
    + "\nC: a SELECT {2+}\nS: a BAD x\nC: xx {3}\nC: b NOOP\nS: b OK x",
    "status of a literal": LOGIN
    + "\nC: b STATUS {1+}⏎x (UNSEEN)\nS: * STATUS x (UNSEEN 1)\nS: b OK x",
    "status of inbox": LOGIN
    + '\nC: b STATUS "inBox" (UNSEEN)\nS: * STATUS INBOX (UNSEEN 1)\nS: b OK x',
    "notified": LOGIN
    + "\nC: b NOTIFY SET (subscribed (MessageNew MessageExpunge))\nS: b OK x\nS: * STATUS x ()",
    "log in again": LOGIN + "\nC: b UNAUTHENTICATE\nS: b OK x\nC: c LOGIN x y\nS: c OK x",
    "aware by STATUS": LOGIN
    + "\nC: b STATUS x (HIGHESTMODSEQ)\nS: * STATUS x (HIGHESTMODSEQ 5)\nS: b OK x\n"
    + "C: c SELECT x"
    + MODSEQ_DATA
    + "\nS: c OK x\nS: * 1 FETCH (MODSEQ (6))",
    "starttls": GREETING + "\nC: a STARTTLS⏎b NOOP\nS: a OK x\nC: c NOOP\nS: c OK x",
}

WRONG = {
    "a tag that nobody sent": LOGIN + "\nS! z OK x",
    "a second answer": LOGIN + "\nC: b NOOP\nS: b OK x\nS! b OK x",
    "out of order": LOGIN + "\nC: b NOOP⏎c NOOP\nS! c OK x",
    "injected before TLS": GREETING + "\nC: a STARTTLS⏎b NOOP\nS: a OK x\nS! b OK x",
    "continuation for nothing": LOGIN + "\nC: b NOOP\nS! + x",
    "continuation twice": GREETING + "\nC: a LOGIN {1}\nS: + x\nS! + x",
    "continuation for a literal+": GREETING + "\nC: a LOGIN {1+}\nS! + x",
    "empty continuation": GREETING + "\nC: a LOGIN {1}\nS! + ",
    "challenge not base64": GREETING + "\nC: a AUTHENTICATE X\nS! + go on",
    "idle before its turn": SELECT + "\nC: c NOOP⏎d IDLE\nS! + x",
    "OK before the end": GREETING + "\nC: a NOOP {1}\nS! a OK x",
    "success twice": LOGIN + "\nC: b LOGIN x y\nS! b OK x",
    "list unasked": LOGIN + '\nC: b NOOP\nS! * LIST () "/" x',
    "lsub to list": LOGIN + '\nC: b LIST "" *\nS! * LSUB () "/" x',
    "childinfo unasked": LOGIN + '\nC: b LIST "" *\nS! * LIST () "/" x (CHILDINFO ("SUBSCRIBED"))',
    "status unasked": LOGIN + '\nC: b LIST "" *\nS! * STATUS x ()',
    "status of another": LOGIN + "\nC: b STATUS x (UNSEEN)\nS! * STATUS y (UNSEEN 1)",
    "status missing": LOGIN + "\nC: b STATUS x (UNSEEN)\nS! b OK x",
    "status twice": LOGIN
    + "\nC: b STATUS x (UNSEEN)\nS: * STATUS x ()\nS: * STATUS x ()\nS! b OK x",
    "search missing": SELECT + "\nC: c SEARCH ALL\nS! c OK x",
    "search twice": SELECT + "\nC: c SEARCH ALL\nS: * SEARCH\nS: * SEARCH\nS! c OK x",
    "search unasked": SELECT + "\nC: c NOOP\nS! * SEARCH 1",
    "search beyond": SELECT + "\nC: c SEARCH ALL\nS! * SEARCH 4",
    "search with doubles": SELECT + "\nC: c UID SEARCH ALL\nS! * SEARCH 4 4",
    "search for esearch": SELECT + "\nC: c SEARCH RETURN () ALL\nS! * SEARCH 1",
    "esearch for search": SELECT + '\nC: c SEARCH ALL\nS! * ESEARCH (TAG "c") ALL 1',
    "esearch of another": SELECT + '\nC: c SEARCH RETURN () ALL\nS! * ESEARCH (TAG "d") ALL 1',
    "esearch without uid": SELECT + '\nC: c UID SEARCH RETURN () 1\nS! * ESEARCH (TAG "c") ALL 1',
    "enabled unasked": LOGIN + "\nC: b ENABLE FOO\nS! * ENABLED BAR",
    "capability missing": GREETING + "\nC: a CAPABILITY\nS! a OK x",
    "fetch unselected": LOGIN + "\nC: b NOOP\nS! * 1 FETCH (UID 1)",
    "exists unselected": LOGIN + "\nS! * 1 EXISTS",
    "exists before login": GREETING + "\nS! * 1 EXISTS",
    "exists after close": SELECT + "\nC: c CLOSE\nS: c OK x\nS! * 4 EXISTS",
    "exists after failure": SELECT + "\nC: c SELECT x\nS: c NO x\nS! * 4 EXISTS",
    "closed without open": LOGIN + "\nC: b SELECT x\nS! * OK [CLOSED] x",
    "not closed": QRESYNC + "\nC: c SELECT x" + MODSEQ_DATA + "\nS! c OK [READ-WRITE] x",
    "expunge in fetch": SELECT + "\nC: c FETCH 1 UID\nS! * 1 EXPUNGE",
    "expunge in store": SELECT + "\nC: c STORE 1 FLAGS ()\nS! * 1 EXPUNGE",
    "expunge in search": SELECT + "\nC: c SEARCH ALL\nS! * 1 EXPUNGE",
    "expunge in fetch before noop": SELECT + "\nC: c FETCH 1 UID⏎d NOOP\nS! * 1 EXPUNGE",
    "expunge in close": SELECT + "\nC: c CLOSE\nS! * 1 EXPUNGE",
    "expunge without command": SELECT + "\nS! * 1 EXPUNGE",
    "expunge in half a command": SELECT + "\nC: c COPY 1 {1}\nS! * 1 EXPUNGE",
    "expunge beyond": SELECT + "\nC: c NOOP\nS! * 4 EXPUNGE",
    "expunge twice": SELECT + "\nC: c NOOP\nS: * 3 EXPUNGE\nS! * 3 EXPUNGE",
    "expunge under qresync": QRESYNC + "\nC: c NOOP\nS! * 1 EXPUNGE",
    "uidfetch without uidonly": SELECT + "\nC: c UID FETCH 1 FLAGS\nS! * 9 UIDFETCH (FLAGS ())",
    "vanished without qresync": SELECT + "\nC: c NOOP\nS! * VANISHED 1",
    "vanished what never was": QRESYNC
    + UIDS.replace(")", " MODSEQ (1))")
    + "\nC: c NOOP\nS! * VANISHED 3",
    "vanished earlier unasked": QRESYNC + "\nC: c NOOP\nS! * VANISHED (EARLIER) 1",
    "exists shrinks": SELECT + "\nC: c NOOP\nS! * 2 EXISTS",
    "more recent than there are": SELECT + "\nC: c NOOP\nS! * 4 RECENT",
    "fetch beyond": SELECT + "\nC: c FETCH 4 UID\nS! * 4 FETCH (UID 4)",
    "fetch without uid": SELECT + "\nC: c UID STORE 2 FLAGS ()\nS! * 1 FETCH (FLAGS ())",
    "the uid changes": SELECT + UIDS + "\nS! * 1 FETCH (UID 3)",
    "the uid after expunge": SELECT + UIDS + "\nC: c NOOP\nS: * 1 EXPUNGE\nS! * 1 FETCH (UID 2)",
    "uids don't ascend": SELECT
    + "\nC: c FETCH 1:2 UID\nS: * 1 FETCH (UID 5)\nS: * 2 FETCH (UID 3)\nS! c OK x",
    "vanished though nothing has come": QRESYNC + "\nC: c NOOP\nS! * VANISHED 9",
    "vanished though nothing was there": QRESYNC
    + "\nC: c NOOP\nS: * VANISHED 1:3\nS: * 1 EXISTS\nS! * VANISHED 7",
    "uid beyond uidnext": SELECT + "\nC: c FETCH 1 UID\nS! * 1 FETCH (UID 9)",
    "new uid below uidnext": SELECT + "\nS: * 4 EXISTS\nC: c FETCH 4 UID\nS! * 4 FETCH (UID 8)",
    "uidnext falls": SELECT + "\nC: c NOOP\nS! * OK [UIDNEXT 8] x",
    "uidvalidity changes": SELECT + "\nC: c NOOP\nS! * OK [UIDVALIDITY 8] x",
    "unannounced keyword": SELECT + "\nC: c FETCH 1 FLAGS\nS! * 1 FETCH (FLAGS ($y))",
    "permanent beyond flags": SELECT
    + r"""
C: c NOOP
S! * OK [PERMANENTFLAGS (\Draft)] x""",
    "modseq unasked": SELECT + "\nC: c FETCH 1 FLAGS\nS! * 1 FETCH (MODSEQ (5))",
    "condstore without highest": SELECT
    + "\nC: c FETCH 1 MODSEQ\nS: * 1 FETCH (MODSEQ (5))\nS! c OK x",
    "enabled without highest": SELECT
    + "\nC: c ENABLE CONDSTORE\nS: * ENABLED CONDSTORE\nS! c OK x",
    "selected without highest": LOGIN
    + "\nC: b SELECT INBOX (CONDSTORE)"
    + SELECT_DATA
    + "\nS! b OK [READ-WRITE] open",
    "found without modseq": SELECT
    + "\nC: c SEARCH MODSEQ 3\nS: * OK [HIGHESTMODSEQ 5] x\nS! * SEARCH 1",
    "found with modseq": SELECT + "\nC: c SEARCH ALL\nS! * SEARCH 1 (MODSEQ 5)",
    "modseq falls": QRESYNC + "\nS: * 1 FETCH (MODSEQ (5))\nS! * 1 FETCH (MODSEQ (4))",
    "modseq missing": QRESYNC + "\nC: c STORE 1 FLAGS ()\nS! * 1 FETCH (FLAGS ())",
    "no highestmodseq": LOGIN
    + "\nC: q ENABLE CONDSTORE\nS: * ENABLED CONDSTORE\nS: q OK x\nC: b SELECT x"
    + SELECT_DATA
    + "\nS! b OK [READ-WRITE] x",
    "the body changes": SELECT
    + '\nC: c FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] "a")\nS! * 1 FETCH (RFC822 "b")',
    "the size differs": SELECT
    + '\nC: c FETCH 1 RFC822.SIZE\nS: * 1 FETCH (RFC822.SIZE 2)\nS! * 1 FETCH (BODY[] "b")',
    "examine without read-only": LOGIN + "\nC: b EXAMINE x" + SELECT_DATA + "\nS! b OK x",
    "fetch while selecting": LOGIN + "\nC: b SELECT x" + SELECT_DATA + "\nS! * 1 FETCH (UID 1)",
    "trycreate to search": SELECT + "\nC: c SEARCH ALL\nS! c NO [TRYCREATE] x",
    "copyuid to append": LOGIN + "\nC: b APPEND x {1+}⏎x\nS! b OK [COPYUID 1 1 1] x",
    "uidnext tagged": SELECT + "\nC: c NOOP\nS! c OK [UIDNEXT 9] x",
    "logout without bye": LOGIN + "\nC: b LOGOUT\nS! b OK x",
    "more after bye": LOGIN + "\nC: b NOOP\nS: * BYE x\nS! b OK x",
    "data after bye": LOGIN + "\nC: b NOOP\nS: * BYE x\nS! * CAPABILITY IMAP4rev1",
    "unseen beyond": LOGIN + "\nC: b SELECT x" + SELECT_DATA + "\nS! * OK [UNSEEN 4] x",
    "fetch without modseq after STORE": SELECT
    + "\nC: c STORE 1 (UNCHANGEDSINCE 9) FLAGS ()\nS: * OK [HIGHESTMODSEQ 5] x"
    + "\nS: c OK x\nS! * 1 FETCH (FLAGS ())",
    "metadata unasked": LOGIN + '\nC: b NOOP\nS! * METADATA x (/private/a "x")',
    "more after the end": LOGIN + "\nC: b LOGOUT\nS: * BYE x⏎b OK x\nS! * OK still here",
}


@pytest.mark.parametrize("script", RIGHT.values(), ids=RIGHT)
def test_a_conversation_that_is_right(script: str) -> None:
    play(script).finish()


@pytest.mark.parametrize("script", WRONG.values(), ids=WRONG)
def test_a_response_out_of_place(script: str) -> None:
    play(script)


@pytest.mark.parametrize(
    "name", ["FLAGS", "PERMANENTFLAGS", "EXISTS", "RECENT", "UIDVALIDITY", "UIDNEXT"]
)
def test_select_says_all_it_must(name: str) -> None:
    kept = [
        line
        for line in SELECT_DATA.strip().splitlines()
        if f" {name} " not in line.replace("[", " ")
    ]
    lines = "\n".join(line for line in kept if not line.endswith(f" {name}"))
    play(f"{LOGIN}\nC: b SELECT INBOX\n{lines}\nS! b OK [READ-WRITE] open")


def test_a_response_cut_off_is_seen_at_the_end() -> None:
    validator = play(LOGIN)
    validator.from_server(b"* OK ha")
    with pytest.raises(ProtocolViolation, match="middle"):
        validator.finish()


def test_an_offset_counts_from_the_first_octet() -> None:
    validator = play(GREETING)
    with pytest.raises(GrammarError) as error:
        validator.from_server(wire("* OK  x"))
    assert error.value.offset == len(wire("* OK hi") + b"* OK ")


def test_a_connection_closed_without_bye() -> None:
    with pytest.raises(ProtocolViolation, match="BYE"):
        play(LOGIN).closed()


def test_only_a_fetch_that_the_command_caused_needs_its_uid() -> None:
    lenient = Validator(uid_always=False)
    for line in (SELECT + "\nC: c UID FETCH 1 BODY[]").strip().splitlines():
        (lenient.from_client if line[0] == "C" else lenient.from_server)(wire(line[3:]))
    lenient.from_server(wire("* 2 FETCH (FLAGS ($x))"))
    with pytest.raises(ProtocolViolation, match="without UID"):
        lenient.from_server(wire("* 1 FETCH (BODY[] NIL)"))


def test_the_transcript_has_both_sides() -> None:
    with pytest.raises(ProtocolViolation) as violation:
        play(LOGIN).from_server(wire("* 1 EXISTS"))
    assert violation.value.transcript[-3:] == (
        "C: 'a LOGIN x y'",
        "S: 'a OK in'",
        "S: '* 1 EXISTS'",
    )


def test_the_view_is_what_the_client_knows() -> None:
    validator = play(SELECT + UIDS + "\nC: c NOOP\nS: * 2 EXPUNGE\nS: * 3 EXISTS\nS: c OK x")
    assert validator.state is State.SELECTED
    assert validator.mailbox is not None and validator.mailbox.messages is not None
    assert [message.uid for message in validator.mailbox.messages] == [2, 8, 0]
    assert validator.mailbox.uidvalidity == 7
