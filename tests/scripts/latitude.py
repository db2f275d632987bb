r"""What the RFCs leave open in an answer, and nothing else; § is of RFC 3501.

- Text for people is never compared; a response code that isn't asked for may come (§7.1).
- Codes of RFC 5530 and later, CAPABILITY and UNSEEN may be missing; what clients build upon
  (TRYCREATE, UIDVALIDITY, UIDNEXT, PERMANENTFLAGS, READ-ONLY, APPENDUID, COPYUID, MODIFIED …) not.
- Flags, attributes, FETCH and STATUS items, capabilities and search results have no order; the
  case of atoms means nothing; a mailbox name is an atom, quoted or a literal.
- Nor have the data of ESEARCH, and a set of UIDs that vanished may be written in any way.
- Data may come in any order up to the tagged answer, FETCH data of a message in several responses;
  EXPUNGE alone keeps its order. FLAGS, EXISTS, RECENT, FETCH of FLAGS, UID and MODSEQ, and untagged
  OK may come unasked (§5.2); EXPUNGE and the answers to LIST, SEARCH and the like may not.
- HIGHESTMODSEQ may come in an untagged OK or in the tagged one (RFC 7162 §6).
- Only what a UID command asks for must have UID (§6.4.8).
- FLAGS, PERMANENTFLAGS and RECENT may be missing where no mailbox is being opened; they tell what
  the client may know already (§7.2.6, §7.3.2).
- \Marked and \Unmarked may come or not (§7.2.2); LSUB's attributes may differ from LIST's, which
  are right (§6.3.9).
- Commands sent in one piece may be answered side by side (§5.5).
- INTERNALDATE is a moment, its zone the server's choice.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime

from tests.scripts.nodes import Node, String, dequoted, nodes

OPTIONAL_CODES = frozenset(
    (
        b"UNAVAILABLE AUTHENTICATIONFAILED AUTHORIZATIONFAILED EXPIRED PRIVACYREQUIRED "
        b"CONTACTADMIN NOPERM INUSE EXPUNGEISSUED CORRUPTION SERVERBUG CLIENTBUG CANNOT "
        b"LIMIT OVERQUOTA "
        b"ALREADYEXISTS NONEXISTENT HASCHILDREN TOOBIG BADCHARSET CAPABILITY UNSEEN MAILBOXID"
    ).split()
)
UNASKED_ITEMS = frozenset({b"FLAGS", b"UID", b"MODSEQ"})
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

_STATUS = re.compile(rb"(\S+) (OK|NO|BAD|BYE|PREAUTH)(?: (.*))?", re.DOTALL | re.IGNORECASE)
_WANTED_STATUS = re.compile(rb"(\S+) ((?:OK|NO|BAD|BYE)(?:\|(?:OK|NO|BAD))*)(?: (.*))?", re.DOTALL)
_NUMBERED = re.compile(rb"\* (\S+) (EXISTS|RECENT|EXPUNGE|FETCH)(?: (.*))?", re.DOTALL | re.I)
_DATA = re.compile(rb"\* ([A-Z]+)(?: (.*))?", re.DOTALL | re.IGNORECASE)
_DATE = re.compile(rb"([ \d]\d)-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-]\d{4})")


def ends(text: bytes) -> bool:
    """Whether a response ends what is being said: a tagged answer, a continuation, BYE, BAD."""
    return not text.startswith(b"* ") or text[2:].upper().startswith((b"BYE", b"BAD"))


@dataclass(slots=True)
class Block:
    """What is wanted up to an end, and what came."""

    wanted: list[bytes] = field(default_factory=list)
    came: list[bytes] = field(default_factory=list)
    passing: bool = False
    commands: int = 1
    """How many were sent in one piece."""

    @property
    def whole(self) -> bool:
        """Whether the end of each command is wanted."""
        return sum(map(ends, self.wanted)) >= self.commands

    @property
    def ended(self) -> bool:
        """Whether the end of each command has come."""
        return sum(map(ends, self.came)) >= self.commands

    def want(self, text: bytes, *, passing: bool) -> None:
        """`passing`: anything else may come too."""
        self.wanted.append(text)
        self.passing = self.passing or passing or text == b"* ..."

    def got(self, response: bytes) -> None:
        self.came.append(response)

    def missing(self, *, uid: bool) -> list[bytes]:
        """What is wanted and hasn't come."""
        return self._compare(uid=uid)[0]

    def verdict(self, *, uid: bool) -> str | None:
        """What is wrong; None where all is right."""
        missing, unasked = self._compare(uid=uid)
        if missing:
            return f"wanted {missing}, came {self.came}"
        if unasked and not self.passing:
            return f"{unasked} were not to come"
        return None

    def _compare(self, *, uid: bool) -> tuple[list[bytes], list[bytes]]:
        came = _joined(self.came)
        missing = []
        opening = any(b"[UIDVALIDITY" in one for one in came)
        for text in _joined([text for text in self.wanted if text != b"* ..."]):
            candidates = came
            if _kind(text) == b"EXPUNGE" and not self.passing:
                candidates = [one for one in came if _kind(one) == b"EXPUNGE"][:1]
            found = next((one for one in candidates if fits(text, one, uid=uid)), None)
            if found is not None:
                came.remove(found)
            elif _told_highest(text, self.came):
                continue
            elif opening or not _known_already(text):
                missing.append(text)
        return missing, [one for one in came if not unasked(one)]


def fits(wanted: bytes, response: bytes, *, uid: bool) -> bool:
    """Whether a response is what a script wants; `uid`: a UID command asked for it."""
    status = _WANTED_STATUS.fullmatch(wanted)
    if status is not None:
        return _fits_status(status, response)
    numbered = _NUMBERED.fullmatch(wanted)
    if numbered is not None:
        return _fits_numbered(numbered, response, uid=uid)
    data = _DATA.fullmatch(wanted)
    if data is None:
        return wanted.startswith(b"+") and response.startswith(b"+")
    came = _DATA.fullmatch(response)
    if came is None or came[1].upper() != data[1].upper():
        return False
    return _fits_data(data[1].upper(), data[2] or b"", came[2] or b"")


def unasked(response: bytes) -> bool:
    """Whether a server may send this at any time."""
    status = _STATUS.fullmatch(response)
    if status is not None:
        return status[1] == b"*" and status[2].upper() == b"OK"
    match _kind(response):
        case b"EXISTS" | b"RECENT" | b"FLAGS" | b"CAPABILITY":
            return True
        case b"FETCH":
            return _items(response).keys() <= UNASKED_ITEMS
        case _:
            return False


def _known_already(text: bytes) -> bool:
    return _kind(text) in (b"FLAGS", b"RECENT") or text.startswith(b"* OK [PERMANENTFLAGS")


def _told_highest(text: bytes, came: list[bytes]) -> bool:
    """Whether it is HIGHESTMODSEQ, and came in a tagged answer instead (RFC 7162 §6)."""
    found = re.match(rb"\* OK (\[HIGHESTMODSEQ [0-9]+\])", text)
    return found is not None and any(ends(one) and found[1] in one for one in came)


def _kind(response: bytes) -> bytes:
    found = _NUMBERED.fullmatch(response)
    if found is not None:
        return found[2].upper()
    data = _DATA.fullmatch(response)
    return data[1].upper() if data is not None else b""


def _joined(responses: list[bytes]) -> list[bytes]:
    """FETCH responses of one message as one, the later items standing."""
    joined: list[bytes] = []
    of: dict[bytes, int] = {}
    for response in responses:
        found = _NUMBERED.fullmatch(response)
        kind = found[2].upper() if found is not None else b""
        if kind == b"EXPUNGE" or _plainly_vanished(response):
            of.clear()
        if found is None or kind != b"FETCH":
            joined.append(response)
        elif found[1] in of:
            at = of[found[1]]
            joined[at] = joined[at][:-1] + b" " + found[3][1:]
        else:
            of[found[1]] = len(joined)
            joined.append(response)
    return joined


def _plainly_vanished(response: bytes) -> bool:
    return _kind(response) == b"VANISHED" and b"(" not in response


def _fits_status(wanted: re.Match[bytes], response: bytes) -> bool:
    came = _STATUS.fullmatch(response)
    if came is None or not _glob(wanted[1], came[1]):
        return False
    if came[2].upper() not in wanted[2].split(b"|"):
        return False
    code, _ = _code(wanted[3] or b"")
    if code is None:
        return True
    got, _ = _code(came[3] or b"")
    name = code.split(b" ", 1)[0].upper()
    if got is None or got.split(b" ", 1)[0].upper() != name:
        return name in OPTIONAL_CODES and wanted[1] != b"*"
    if name == b"BADCHARSET":
        return True
    left, right = nodes(code)[1:], nodes(got)[1:]
    if name == b"PERMANENTFLAGS":
        return one(left[0], right[0], any_order=True)
    return sequence(left, right, any_order=name == b"CAPABILITY")


def _code(text: bytes) -> tuple[bytes | None, bytes]:
    if not text.startswith(b"["):
        return None, text
    code, _, rest = text[1:].partition(b"]")
    return code, rest


def _fits_numbered(wanted: re.Match[bytes], response: bytes, *, uid: bool) -> bool:
    came = _NUMBERED.fullmatch(response)
    if came is None or came[2].upper() != wanted[2] or not _glob(wanted[1], came[1]):
        return False
    if wanted[2] != b"FETCH":
        return True
    if wanted[3] == b"(...)":
        return True
    items, got = _items(wanted[0]), _items(response)
    if not uid and b"UID" in items and b"UID" not in got:
        del items[b"UID"]
    return all(
        key in got and _fits_item(key, value, got[key]) for key, value in items.items()
    ) and (got.keys() - items.keys() <= UNASKED_ITEMS)


def _items(response: bytes) -> dict[bytes, Node]:
    found = _NUMBERED.fullmatch(response)
    assert found is not None and found[3]
    (pairs,) = nodes(found[3])
    assert isinstance(pairs, list)
    keys = (_item_name(key) for key in pairs[::2])
    return dict(zip(keys, pairs[1::2], strict=True))


def _item_name(key: Node) -> bytes:
    """An item's name; header fields' names as strings or atoms, in any case."""
    assert isinstance(key, bytes)
    return key.upper().replace(b'"', b"")


def _fits_item(key: bytes, wanted: Node, came: Node) -> bool:
    if key == b"FLAGS":
        return one(wanted, came, any_order=True)
    if key == b"INTERNALDATE" and isinstance(wanted, String) and isinstance(came, String):
        moments = _moment(wanted), _moment(came)
        if None not in moments:
            return moments[0] == moments[1]
    return one(wanted, came)


def _moment(text: bytes) -> datetime | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    day, month, year, hour, minute, second, zone = (part.decode() for part in found.groups())
    number = MONTHS.index(month.title()) + 1
    stamp = f"{year}-{number:02}-{int(day):02}T{hour}:{minute}:{second}{zone}"
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S%z")


def _fits_data(kind: bytes, wanted: bytes, came: bytes) -> bool:
    left, right = nodes(wanted), nodes(came)
    match kind:
        case b"LIST" | b"LSUB":
            return _fits_list(left, right, attributes=kind == b"LIST")
        case b"STATUS":
            return _fits_counters(left, right)
        case b"CAPABILITY" | b"ENABLED" | b"SEARCH" | b"FLAGS":
            if kind == b"FLAGS":
                return one(left[0], right[0], any_order=True)
            return sequence(left, right, any_order=True)
        case b"ESEARCH":
            return _fits_esearch(left, right)
        case b"VANISHED" if b"..." not in wanted:
            return left[:-1] == right[:-1] and _members(left[-1]) == _members(right[-1])
        case _:
            return sequence(left, right)


def _members(numbers: Node) -> set[int]:
    """What is in a set, however it is written."""
    assert isinstance(numbers, bytes)
    ends = (part.split(b":") for part in numbers.split(b","))
    return {n for each in ends for n in range(int(each[0]), int(each[-1]) + 1)}


def _fits_esearch(wanted: list[Node], came: list[Node]) -> bool:
    """Its data may stand in any order, behind the correlator and UID (RFC 4466 §2.6.2)."""
    start = 2 if b"UID" in wanted else 1
    head, pairs = wanted[:start], zip(wanted[start::2], wanted[start + 1 :: 2], strict=True)
    got = dict(zip(map(repr, came[start::2]), came[start + 1 :: 2], strict=False))
    return (
        sequence(head, came[:start])
        and sorted(got) == sorted(map(repr, wanted[start::2]))
        and (all(one(value, got[repr(key)]) for key, value in pairs))
    )


def _fits_list(wanted: list[Node], came: list[Node], *, attributes: bool) -> bool:
    return (
        (not attributes or one(wanted[0], _unmarked(came[0]), any_order=True))
        and one(wanted[1], came[1])
        and _glob(dequoted(wanted[2]), dequoted(came[2]))
    )


def _unmarked(attributes: Node) -> Node:
    if not isinstance(attributes, list):
        return attributes
    return [
        one
        for one in attributes
        if isinstance(one, list) or one.upper() not in (b"\\MARKED", b"\\UNMARKED")
    ]


def _fits_counters(wanted: list[Node], came: list[Node]) -> bool:
    if not _glob(dequoted(wanted[0]), dequoted(came[0])):
        return False
    pairs, got = wanted[1], came[1]
    if not isinstance(pairs, list) or not isinstance(got, list) or pairs == [b"..."]:
        return pairs == [b"..."]
    return sorted(map(repr, pairs[::2])) == sorted(map(repr, got[::2])) and all(
        one(value, dict(zip(map(repr, got[::2]), got[1::2], strict=True))[repr(key)])
        for key, value in zip(pairs[::2], pairs[1::2], strict=True)
    )


def _glob(wanted: bytes, came: bytes) -> bool:
    parts = (re.escape(part) for part in wanted.split(b"..."))
    return re.fullmatch(b".*".join(parts), came, re.DOTALL | re.IGNORECASE) is not None


def one(wanted: Node, came: Node, *, any_order: bool = False) -> bool:
    """Whether a value fits."""
    if wanted == b"...":
        return True
    if isinstance(wanted, list):
        return isinstance(came, list) and sequence(wanted, came, any_order=any_order)
    if isinstance(came, list) or isinstance(wanted, String) != isinstance(came, String):
        return False
    if isinstance(wanted, String) and b"..." not in wanted:
        return bytes(wanted) == bytes(came)
    return _glob(wanted, came)


def sequence(wanted: list[Node], came: list[Node], *, any_order: bool = False) -> bool:
    """Whether values fit one after another, or in any order; "..." stands for any number."""
    if not any_order:
        if not wanted:
            return not came
        if wanted[0] == b"...":
            return any(sequence(wanted[1:], came[at:]) for at in range(len(came) + 1))
        return bool(came) and one(wanted[0], came[0]) and sequence(wanted[1:], came[1:])
    left = list(came)
    for value in sorted(wanted, key=lambda value: b"..." in value):
        if value == b"...":
            continue
        found = next((candidate for candidate in left if one(value, candidate)), None)
        if found is None:
            return False
        left.remove(found)
    return not left or b"..." in wanted
