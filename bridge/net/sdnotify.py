"""What systemd is told of the service: sd_notify(3) over $NOTIFY_SOCKET, without a library."""

import os
import socket
from collections.abc import Mapping


def notify(message: str, environ: Mapping[str, str]) -> bool:
    """Sends, for example, "READY=1" or "STATUS=12 accounts"; several are joined by line ends.

    Returns:
        whether it was sent: False without systemd, and where it doesn't listen. Never raises, for
        nothing that the service does depends on it.
    """
    name = environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return False
    # An abstract socket is shown with @ and named with a NUL.
    address = f"\0{name[1:]}" if name.startswith("@") else name
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            # The reactor's thread sends: a full queue may not hold it up.
            sender.setblocking(False)
            sender.sendto(message.encode(), address)
    except OSError:
        return False
    return True


def watchdog_interval_s(environ: Mapping[str, str]) -> float | None:
    """Seconds between two "WATCHDOG=1", half of what systemd allows; None if it doesn't watch."""
    limit = environ.get("WATCHDOG_USEC", "")
    # A child inherits the variables of its parent's watchdog; the pid tells whom it is about.
    whose = environ.get("WATCHDOG_PID") or str(os.getpid())
    if not (limit.isascii() and limit.isdigit()) or int(limit) == 0 or whose != str(os.getpid()):
        return None
    return int(limit) / 2_000_000
