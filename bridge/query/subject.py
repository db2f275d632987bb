"""The base subject of RFC 5256 §2.1: what is left when replies and forwards are taken off."""

import re

_SPACE = re.compile(r"[ \t\r\n]+")
_BLOB = re.compile(r"\[[^\[\]]*+\]\s*+")
_REPLY = re.compile(r"(?:re|fwd?)\s*+(?:\[[^\[\]]*+\]\s*+)?+:\s*+", re.IGNORECASE)
_WRAPPED = re.compile(r"\[fwd:(.*)\]\Z", re.IGNORECASE | re.DOTALL)
_TRAILER = "(fwd)"
MAX_SUBJECT_CHARACTERS = 2000
"""Sorting needs no more."""


def base_subject(text: str) -> str:
    """The base subject of a decoded Subject, in time in proportion to its length."""
    text = _SPACE.sub(" ", text[:MAX_SUBJECT_CHARACTERS]).strip()
    while True:
        text = _without_leaders(_without_trailers(text))
        wrapped = _WRAPPED.match(text)
        if wrapped is None:
            return text
        text = wrapped[1].strip()


def _without_trailers(text: str) -> str:
    while text[-len(_TRAILER) :].lower() == _TRAILER:
        text = text[: -len(_TRAILER)].rstrip()
    return text


def _without_leaders(text: str) -> str:
    """Without replies and the blobs before them; then without blobs, but for a last word.

    Each step begins where the one before ended: "[a] [b] Re:" is one leader, and if no reply
    follows the blobs none will after some of them are gone.
    """
    start = 0
    while True:
        end = last = start
        while (blob := _BLOB.match(text, end)) is not None:
            last, end = end, blob.end()
        reply = _REPLY.match(text, end)
        if reply is None:
            return text[end:] or text[last:]
        start = reply.end()
