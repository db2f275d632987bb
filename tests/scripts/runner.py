"""Runs a script: plain text, several clients, any server.

    A> text     client A sends the line
    A>> text    A sends the line in one piece with the next
    A< text     the next response that A gets; "..." stands for any text
    A<< text    a response that A gets before or at the next "A<", in any order
    A<* text    the first response that A gets which is so; those before it are passed over
    A!          A has nothing more to read
    A@ clear    A connects without TLS; else it connects with the first line it sends, under TLS
    A@ tls      A has sent STARTTLS and was answered: TLS begins
    A@ deflate  A has sent COMPRESS DEFLATE and was answered: compression begins

"$(name)" in a response stands for a number, or what has no space, that is written in its place
from then on: UIDVALIDITY and modseqs are each server's own.

Lines begin after the first space; "#" begins a comment line. A response with literals goes on
over the next lines of its client. "OK|NO" is either.

Two grades: popbridge must answer exactly as is written, any other server as the RFCs let it
(`tests.scripts.latitude`), so that a script that passes there demands nothing of its own.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from tests.scripts.latitude import Block, ends

FOLDER = Path(__file__).parent
SCRIPTS = sorted(FOLDER.rglob("*.imap"))

_STEP = re.compile(r"(\w+)(>>|>|<<|<\*|<|!|@)(?: (.*))?")
_NAME = re.compile(rb"\$\((\w+)\)")
_LITERAL = re.compile(rb"~?\{(\d+)\}\r\n")


class Peer(Protocol):
    """One client's connection."""

    def send(self, octets: bytes) -> None: ...

    def response(self) -> bytes | None:
        """The next response without its last CRLF; None where none comes."""

    def waiting(self) -> bool:
        """Whether a response is there to be read."""

    def start_tls(self) -> None: ...

    def start_deflate(self) -> None: ...


Connect = Callable[[bool], Peer]
"""Opens a connection, reads the greeting; the argument: under TLS."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a script; `text` of a response has its literals in it."""

    where: str
    client: str
    kind: str
    text: bytes


def name(path: Path) -> str:
    """What a script is called in tests."""
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def steps(path: Path) -> Iterator[Step]:
    """The steps in order.

    Raises:
        ValueError: a line is none, or a literal ends nowhere.
    """
    unfinished: dict[str, Step] = {}
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        if not raw.strip() or raw.startswith("#"):
            continue
        where = f"{path.name}:{number}"
        found = _STEP.fullmatch(raw)
        if found is None:
            raise ValueError(f"{where}: {raw!r} is no step")
        client, kind, text = found[1], found[2], (found[3] or "").encode()
        begun = unfinished.pop(client, None)
        if begun is not None:
            if kind != "<":
                raise ValueError(f"{where}: the literal of {begun.where} goes on")
            where, kind, text = begun.where, begun.kind, begun.text + b"\r\n" + text
        step = Step(where, client, kind, text)
        if kind.startswith("<") and response_end(text + b"\r\n") is None:
            unfinished[client] = step
        else:
            yield step
    if unfinished:
        raise ValueError(f"{path.name}: literals without end: {unfinished}")


def response_end(octets: bytes | bytearray) -> int | None:
    """Where the first response ends, behind its CRLF; None where it isn't whole."""
    at = 0
    while (end := octets.find(b"\r\n", at)) >= 0:
        literal = _LITERAL.search(octets, max(at, end - 24), end + 2)
        if literal is None:
            return end + 2
        at = literal.end() + int(literal[1])
        if at > len(octets):
            return None
    return None


def pattern(text: bytes) -> re.Pattern[bytes]:
    """What fits the text to the letter."""
    either = (b"(?:%b)" % word if _EITHER.fullmatch(word) else _glob(word) for word in _words(text))
    return re.compile(b"".join(either), re.DOTALL)


class Names:
    """What was met in responses, by its name in the script."""

    def __init__(self) -> None:
        self._met: dict[bytes, bytes] = {}

    def fill(self, text: bytes) -> bytes:
        """The text with what was met; what is to be met stays."""
        return _NAME.sub(lambda found: self._met.get(found[1], found[0]), text)

    def meet(self, text: bytes, responses: Iterable[bytes]) -> None:
        """Takes what the text names out of the first response that fits it."""
        if _NAME.search(text) is None:
            return
        parts = _NAME.split(text)
        fixed, names = [_glob(part) for part in parts[::2]], parts[1::2]
        wanted = b"([^ ()\\]]+)".join(fixed)
        for response in responses:
            found = re.fullmatch(wanted, response, re.DOTALL | re.IGNORECASE)
            if found is not None:
                self._met.update(zip(names, found.groups(), strict=True))
                return
        raise ValueError(f"{text!r} names what didn't come")


def unnamed(text: bytes) -> bytes:
    """The text with "..." for what is to be met."""
    return _NAME.sub(b"...", text)


_EITHER = re.compile(rb"(?:OK|NO|BAD)(?:\|(?:OK|NO|BAD))+")


def _words(text: bytes) -> list[bytes]:
    return re.split(rb"(?<= )((?:OK|NO|BAD)(?:\|(?:OK|NO|BAD))+)(?= )", text)


def _glob(text: bytes) -> bytes:
    return b".*".join(re.escape(part) for part in text.split(b"..."))


class Script:
    """A run of one script.

    Args:
        exact: see the module.
    """

    def __init__(self, path: Path, connect: Connect, *, exact: bool) -> None:
        self._path = path
        self._connect = connect
        self._exact = exact
        self._clients: dict[str, _Exact | _Open] = {}
        self._names = Names()

    def run(self) -> None:
        """Ends where all is as the script says.

        Raises:
            AssertionError: where not.
        """
        for step in steps(self._path):
            if step.kind == "@" and step.text == b"clear":
                self._open(step.client, tls=False)
                continue
            if step.kind in (">", ">>", "!", "@"):
                self._settle()
            if step.client not in self._clients:
                self._open(step.client, tls=True)
            filled = replace(step, text=self._names.fill(step.text))
            self._clients[step.client].take(filled)
        self._settle()

    def _open(self, client: str, *, tls: bool) -> None:
        grade = _Exact if self._exact else _Open
        self._clients[client] = grade(self._connect(tls), self._names)

    def _settle(self) -> None:
        for client in self._clients.values():
            client.settle()


@dataclass(slots=True)
class _Client:
    peer: Peer
    names: Names
    where: str = ""
    together: bytes = b""

    def act(self, step: Step) -> None:
        match step.kind, step.text:
            case ">", line:
                self.peer.send(self.together + line + b"\r\n")
                self.together = b""
            case ">>", line:
                self.together += line + b"\r\n"
            case "!", _:
                assert not self.peer.waiting(), f"{step.where}: {self.peer.response()!r}"
            case "@", b"tls":
                self.peer.start_tls()
            case "@", b"deflate":
                self.peer.start_deflate()
            case _:
                raise ValueError(f"{step.where}: no such step")


@dataclass(slots=True)
class _Exact(_Client):
    loose: list[bytes] = field(default_factory=list)

    def take(self, step: Step) -> None:
        match step.kind:
            case "<<":
                self.loose.append(step.text)
            case "<*":
                wanted = pattern(unnamed(step.text))
                while not wanted.fullmatch(line := self._next(step.where, step.text)):
                    pass
                self.names.meet(step.text, [line])
            case "<":
                self._expect(step)
            case _:
                self.act(step)

    def settle(self) -> None:
        assert not self.loose, f"{self.where}: nothing follows {self.loose}"

    def _next(self, where: str, wanted: object) -> bytes:
        response = self.peer.response()
        assert response is not None, f"{where}: nothing more came, wanted {wanted!r}"
        return response

    def _expect(self, step: Step) -> None:
        loose, self.loose = self.loose, []
        while loose:
            line = self._next(step.where, loose)
            found = next((text for text in loose if pattern(text).fullmatch(line)), None)
            assert found is not None, f"{step.where}: {line!r} is none of {loose}"
            loose.remove(found)
        line = self._next(step.where, step.text)
        wanted = pattern(unnamed(step.text))
        assert wanted.fullmatch(line), f"{step.where}: {line!r}, wanted {step.text!r}"
        self.names.meet(step.text, [line])


@dataclass(slots=True)
class _Open(_Client):
    block: Block = field(default_factory=Block)
    uid: bool = False
    naming: list[bytes] = field(default_factory=list)

    def take(self, step: Step) -> None:
        if not step.kind.startswith("<"):
            if step.kind == ">":
                self.uid = b"UID" in (self.together + step.text).upper()
                self.block.commands = 1 + self.together.count(b"\r\n")
            self.act(step)
            return
        self.where = step.where
        self.block.want(unnamed(step.text), passing=step.kind == "<*")
        self.naming.append(step.text)
        if ends(step.text) and self.block.whole:
            self._read(lambda: self.block.ended)

    def settle(self) -> None:
        if self.block.wanted:
            self._read(lambda: not self.block.missing(uid=self.uid))

    def _read(self, enough: Callable[[], bool]) -> None:
        while not enough():
            response = self.peer.response()
            if response is None:
                break
            self.block.got(response)
        wrong, came = self.block.verdict(uid=self.uid), self.block.came
        naming, self.naming = self.naming, []
        self.block = Block()
        assert wrong is None, f"{self.where}: {wrong}"
        for text in naming:
            self.names.meet(text, came)
