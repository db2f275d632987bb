"""Small files that must never be seen half-written."""

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, octets: bytes, mode: int) -> None:
    """Makes or replaces the file in one step, durably: a crash leaves the old one or the new.

    Raises:
        OSError: it can't be written; the old one is as it was.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with open(os.open(draft, flags, mode), "wb") as file:
            # The mode asked for is the mode, whatever the umask.
            os.fchmod(file.fileno(), mode)
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
