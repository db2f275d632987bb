"""`python -m bridge.worker`: takes messages in for the daemon, in a process of its own.

Python that burns CPU in the daemon keeps every client waiting. Standard input is one end of a
socket pair: whole messages come, what they are goes back, in order. When the daemon ends, however
it does, its end is closed, and so this one ends too.
"""

import os
import signal
import socket
import traceback
from contextlib import suppress

from bridge.ingest.frames import Fault, Frames, Raw, frame, ingest
from bridge.model.message import StoredMessage

READY = "ready"
"""Sent first: what kills the process from then on is a message's doing."""

NICENESS = 5
"""Clients' commands go before."""

_PIECE = 1 << 18


def main() -> None:
    """Works until the daemon hangs up."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # They go to all of a terminal's or a service's processes; the daemon decides.
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(NICENESS)
    # Whoever isn't there any more needs no answer.
    with suppress(ConnectionError), socket.socket(fileno=0) as pipe:
        pipe.sendall(frame(READY))
        frames = Frames()
        while octets := pipe.recv(_PIECE):
            for raw in frames.feed(octets):
                pipe.sendall(frame(_answer(raw)))


def _answer(raw: Raw) -> StoredMessage | Fault:
    try:
        return ingest(raw)
    except Exception:
        return Fault(traceback.format_exc())


if __name__ == "__main__":
    main()
