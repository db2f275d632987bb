"""Modified UTF-7 in its one permitted form (RFC 3501 §5.1.3)."""

import re
from base64 import b64decode

_RUN = re.compile(rb"[A-Za-z0-9+,]*+")


def fault_of_mutf7(name: bytes) -> str | None:
    """What is wrong with a mailbox name, or None."""
    at, after_shift = 0, False
    while at < len(name):
        octet = name[at]
        if not 0x20 <= octet <= 0x7E:
            return "an octet that must be encoded"
        if octet != 0x26:
            at, after_shift = at + 1, False
            continue
        run = _RUN.match(name, at + 1)
        assert run is not None
        if name[run.end() : run.end() + 1] != b"-":
            return "a shift that does not end in '-'"
        if run.group():
            fault = "a superfluous shift" if after_shift else _fault_of_run(run.group())
            if fault is not None:
                return fault
        at, after_shift = run.end() + 1, bool(run.group())
    return None


def _fault_of_run(run: bytes) -> str | None:
    bits = len(run) * 6
    if bits % 16 >= 6:
        return "base64 of no whole number of UTF-16 units"
    padded = run.replace(b",", b"/") + b"A" * (-len(run) % 4)
    octets = b64decode(padded)
    units, rest = octets[: bits // 16 * 2], octets[bits // 16 * 2 :]
    if any(rest):
        return "base64 whose last bits are not zero"
    try:
        text = units.decode("utf-16-be")
    except UnicodeDecodeError:
        return "an unpaired surrogate"
    if any(" " <= character <= "~" for character in text):
        return "printable US-ASCII in base64"
    return None
