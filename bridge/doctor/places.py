"""How a listener is reached from here, and whom a client there would trust; blocks for moments."""

import socket
import ssl

from bridge.doctor.facts import Served
from bridge.doctor.words import is_everywhere, is_local

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1"}
_SOMEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses for documentation (RFC 5737, RFC 3849): nothing is ever sent there."""


def reachable_host(bound: str) -> str:
    """Where to connect to reach a listener from this machine."""
    return _LOOPBACK.get(bound, bound)


def outside_addresses(bound: str) -> tuple[str, ...]:
    """This machine's addresses by which others reach a listener."""
    if not is_everywhere(bound):
        return () if is_local(bound) else (bound,)
    found = []
    for family, somewhere in _SOMEWHERE:
        if (family == socket.AF_INET6) != (bound == "::"):
            continue
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                # A datagram socket only chooses the address that it would send from.
                probe.connect((somewhere, 9))
            except OSError:
                continue
            found.append(str(probe.getsockname()[0]))
    return tuple(one for one in found if not is_local(one))


def trusting(served: Served | None) -> ssl.SSLContext:
    """What a client trusts: popbridge's authority where it made the certificate, else the system's.

    Names are judged elsewhere: it connects by address. None: whatever it is shown.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    if served is None:
        context.verify_mode = ssl.CERT_NONE
    elif served.private and (authority := served.path.with_name("ca.pem")).exists():
        context = ssl.create_default_context(cafile=str(authority))
        context.check_hostname = False
    return context
