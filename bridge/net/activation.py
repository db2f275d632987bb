"""Sockets that systemd opened and passed on (sd_listen_fds(3)): a restart refuses nobody."""

import os
import socket
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bridge.errors import ConfigError

FIRST_DESCRIPTOR = 3
Passed = Mapping[str, Sequence[socket.socket]]
"""Listening sockets by their names."""

NONE_PASSED: Passed = MappingProxyType({})

NAMES = ("imap", "imaps", "imap-proxy", "imaps-proxy")
"""FileDescriptorName= of a socket unit."""


def passed_sockets(environ: Mapping[str, str]) -> Passed:
    """The listening sockets that were passed to this process, by their names.

    The caller closes them. Children don't inherit them.

    Raises:
        ConfigError: one has a name that isn't one of `NAMES`, or doesn't listen.
    """
    count = environ.get("LISTEN_FDS", "")
    # A child inherits the variables, but not the sockets; the pid tells whose they are.
    if environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal():
        return {}
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    found: dict[str, list[socket.socket]] = defaultdict(list)
    for number in range(int(count)):
        name = names[number] if number < len(names) else ""
        if name not in NAMES:
            raise ConfigError(
                f"systemd passed on a socket that is named {name!r}.",
                f"Write FileDescriptorName= with {', '.join(NAMES[:-1])} or {NAMES[-1]}.",
            )
        found[name].append(_listening(FIRST_DESCRIPTOR + number, name))
    return dict(found)


def _listening(descriptor: int, name: str) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        passed = socket.socket(fileno=descriptor)
        if not passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError
    except OSError:
        raise ConfigError(
            f"The socket {name} that systemd passed on doesn't listen.",
            "Write ListenStream= and Accept=no in the socket unit.",
        ) from None
    passed.setblocking(False)
    return passed
