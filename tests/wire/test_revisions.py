"""What only one of IMAP4rev1 and IMAP4rev2 may be told is refused in the other (RFC 9051)."""

import pytest

from tests.wire.samples import wire
from tests.wire.test_stream import LOGIN, SELECT, SELECT_DATA, play
from tests.wire.tokens import GrammarError

ENABLE = LOGIN + "\nC: e ENABLE IMAP4rev2\nS: * ENABLED IMAP4rev2\nS: e OK done"
DATA = SELECT_DATA.replace("\nS: * 1 RECENT", "")
LIST = '\nS: * LIST () "/" INBOX'
SELECT2 = ENABLE + "\nC: b SELECT INBOX" + LIST + DATA + "\nS: b OK [READ-WRITE] open"

RIGHT = {
    "select": SELECT2,
    "select by another name": ENABLE
    + '\nC: b SELECT inbox\nS: * LIST () "/" INBOX ("OLDNAME" (inbox))'
    + DATA
    + "\nS: b OK [READ-WRITE] open",
    "select again": SELECT2
    + "\nC: c SELECT x\nS: * OK [CLOSED] x"
    + LIST
    + DATA
    + "\nS: c OK [READ-WRITE] open",
    "search": SELECT2 + '\nC: c SEARCH ALL\nS: * ESEARCH (TAG "c") ALL 1:2\nS: c OK x',
    "sort": SELECT2 + "\nC: c SORT (DATE) UTF-8 ALL\nS: * SORT 1\nS: c OK x",
    "store": SELECT2 + "\nC: c STORE 1 FLAGS ()\nS: * 1 FETCH (FLAGS ())\nS: c OK x",
    "noop": SELECT2 + "\nC: c NOOP\nS: * 4 EXISTS\nS: * 1 FETCH (UID 2 FLAGS ())\nS: c OK x",
    "a name": ENABLE + '\nC: b LIST "" *\nS: * LIST () "/" "\xc3\xa9"\nS: b OK x',
    "rename": ENABLE + '\nC: b RENAME x y\nS: * LIST () "/" y (OLDNAME (x))\nS: b OK x',
}
WRONG = {
    "recent": SELECT2 + "\nC: c NOOP",
    "a flag": SELECT2 + "\nC: c FETCH 1 FLAGS",
    "an obsolete item": SELECT2 + "\nC: c FETCH 1 RFC822.TEXT",
    "status": ENABLE + "\nC: b STATUS INBOX (RECENT)",
    "a name in modified UTF-7": LOGIN + '\nC: b LIST "" *',
}
LINES = {
    "recent": "* 1 RECENT",
    "a flag": "* 1 FETCH (FLAGS (\\Recent))",
    "an obsolete item": '* 1 FETCH (RFC822.TEXT "x")',
    "status": "* STATUS INBOX (RECENT 1)",
    "a name in modified UTF-7": '* LIST () "/" "\xc3\xa9"',
}
OUT_OF_PLACE = {
    "select without list": ENABLE + "\nC: b SELECT x" + DATA + "\nS! b OK [READ-WRITE] x",
    "select without closed": SELECT2
    + "\nC: c SELECT x"
    + LIST
    + DATA
    + "\nS! c OK [READ-WRITE] open",
    "list at select": LOGIN + '\nC: b SELECT x\nS! * LIST () "/" x',
    "search": SELECT2 + "\nC: c SEARCH ALL\nS! * SEARCH 1",
    "search unanswered": SELECT2 + "\nC: c SEARCH ALL\nS! c OK x",
    "esearch": SELECT + '\nC: c SEARCH ALL\nS! * ESEARCH (TAG "c") ALL 1',
    "unseen": ENABLE + "\nC: b SELECT x" + LIST + DATA + "\nS! * OK [UNSEEN 1] x",
    "lsub": ENABLE + '\nC: b LSUB "" *\nS! * LSUB () "/" x',
    "oldname": LOGIN + '\nC: b LIST "" *\nS! * LIST () "/" x ("OLDNAME" (y))',
    "an unasked fetch without uid": SELECT2 + "\nC: c NOOP\nS! * 1 FETCH (FLAGS ())",
}


@pytest.mark.parametrize("script", RIGHT.values(), ids=RIGHT)
def test_what_is_right(script: str) -> None:
    play(script)


@pytest.mark.parametrize("name", WRONG)
def test_what_the_grammar_has_not(name: str) -> None:
    validator = play(WRONG[name])
    with pytest.raises(GrammarError):
        validator.from_server(wire(LINES[name]))


@pytest.mark.parametrize("script", OUT_OF_PLACE.values(), ids=OUT_OF_PLACE)
def test_what_is_out_of_place(script: str) -> None:
    play(script)
