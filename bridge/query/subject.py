"""The base subject of RFC 5256 §2.1: what is left when replies and forwards are taken off."""

import re
from typing import NamedTuple

_FOLDS = re.compile(r"\r?\n(?=[ \t])")
_BLOB = re.compile(r"\[[^\[\]\0]*+\] *+")
_REPLY = re.compile(r"(?:re|fwd?) *+(?:\[[^\[\]\0]*+\] *+)?+:", re.IGNORECASE | re.ASCII)
_TRAILER = "(fwd)"
_FORWARD = "[fwd:"
_SPACES = "  "


class BaseSubject(NamedTuple):
    """`reply` says that something was taken off that replies and forwards have."""

    text: str
    reply: bool


def base_subject(subject: str) -> BaseSubject:
    """The base subject of a decoded Subject, in time in proportion to its length.

    White space is spaces and tabs alone, as the RFC's grammar has it.
    """
    text = _spaced(subject)
    start, end, reply = 0, len(text), False
    while True:
        start, end, trailed = _without_trailers(text, start, end)
        start, led = _without_leaders(text, start, end)
        reply = reply or trailed or led
        if not (text[start : start + len(_FORWARD)].lower() == _FORWARD and text[end - 1] == "]"):
            return BaseSubject(text[start:end], reply)
        start, end, reply = start + len(_FORWARD), end - 1, True


def _spaced(subject: str) -> str:
    text = _FOLDS.sub("", subject).replace("\t", " ")
    while _SPACES in text:
        text = text.replace(_SPACES, " ")
    return text


def _without_trailers(text: str, start: int, end: int) -> tuple[int, int, bool]:
    """(start, end, whether a forward's) without white space and "(fwd)" at the ends."""
    trailed = False
    while True:
        while start < end and text[end - 1] == " ":
            end -= 1
        at = end - len(_TRAILER)
        if at < start or text[at:end].lower() != _TRAILER:
            break
        end, trailed = at, True
    while start < end and text[start] == " ":
        start += 1
    return start, end, trailed


def _without_leaders(text: str, start: int, end: int) -> tuple[int, bool]:
    """(start, whether replies were) without replies and the blobs before them.

    Then without blobs, but for a last word. Each step begins where the one before ended: "[a] [b]
    Re:" is one leader, and if no reply follows the blobs none will after some of them are gone.
    """
    led = False
    while True:
        at = last = start
        while (blob := _BLOB.match(text, at, end)) is not None:
            last, at = at, blob.end()
        reply = _REPLY.match(text, at, end)
        if reply is None:
            return (at if at < end else last), led
        start, led = reply.end(), True
        while start < end and text[start] == " ":
            start += 1
