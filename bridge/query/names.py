"""Patterns of LIST and LSUB (RFC 9051 §6.3.9)."""

import re
from collections.abc import Callable

from bridge.model.mailbox import DELIMITER, INBOX

_RUN = re.compile(r"[*%]*\*[*%]*|%+")


def matcher(pattern: str, longest: int) -> Callable[[str], bool]:
    """Whether a name matches: "*" is anything, "%" anything within one level, INBOX has no case.

    The time is at most the square of a name's length, whatever the pattern: where several places
    would do the first is as good as any for what follows, so that none is tried again.

    Args:
        pattern: as the client sent it, out of modified UTF-7, behind its reference.
        longest: no name has more characters; a pattern that demands more matches none.
    """
    text = _RUN.sub(lambda run: "*" if "*" in run[0] else "%", _with_inbox(pattern))
    if sum(letter not in "*%" for letter in text) > longest:
        return lambda name: False
    head, *rest = text.split("*")
    expression = f"(?>{_segment(head)})" if rest else _segment(head)
    for segment in rest[:-1]:
        expression += f"(?>.*?{_segment(segment)})"
    if rest:
        expression += f".*?{_segment(rest[-1])}"
    found = re.compile(expression, re.DOTALL)
    return lambda name: found.fullmatch(name) is not None


def _with_inbox(pattern: str) -> str:
    """The pattern with INBOX in upper case, where that is its whole first level."""
    head, after = pattern[: len(INBOX)], pattern[len(INBOX) : len(INBOX) + 1]
    if head.upper() == INBOX and after in ("", "*", "%", DELIMITER):
        return INBOX + pattern[len(INBOX) :]
    return pattern


def _segment(text: str) -> str:
    """What stands between two "*"."""
    first, *others = text.split("%")
    expression = re.escape(first)
    for other in others[:-1]:
        expression += f"(?>[^{DELIMITER}]*?{re.escape(other)})"
    if others:
        expression += f"[^{DELIMITER}]*?{re.escape(others[-1])}"
    return expression
