"""Gathers what files, disk and clock of this machine show; reads only, and blocks."""

import os
import re
import shutil
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bridge.config import Config
from bridge.doctor.facts import FileFacts, Machine, Served
from bridge.doctor.finding import Missing
from bridge.doctor.words import is_everywhere, is_local
from bridge.errors import BridgeError
from bridge.net import tls

LOG_OCTETS = 200_000_000
"""What the store's log and a backup's temporary files may take for a while."""

_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")
_NO_FOLDER = "there is no data folder yet; `popbridge account add` makes it"


def look_at_machine(
    data: Path, config_file: Path, settings: Config, error: BridgeError | None
) -> Machine:
    """Configuration, folder and disk.

    Args:
        data: the data folder, which may be missing.
        config_file: where the configuration is, or would be.
        settings: what it says; the defaults where it can't be read.
        error: why it can't.
    """
    folder = _facts(data, _NO_FOLDER)
    place = settings.store.url.removeprefix("sqlite:///")
    store = data / place
    names = [place, f"{place}-wal", f"{place}-shm", "tls/ca.key", "tls/server.key"]
    present = not isinstance(folder, Missing)
    return Machine(
        now=datetime.now(UTC),
        user=os.getuid(),
        config_file=config_file,
        config_found=os.path.lexists(config_file),
        config_error=error,
        data=folder,
        key=_facts(data / "key", "there is no key yet; the first start makes it"),
        files=tuple(
            each
            for each in (_facts(data / name, "") for name in names)
            if not isinstance(each, Missing)
        ),
        free_octets=shutil.disk_usage(store.parent).free if present else Missing(_NO_FOLDER),
        reserve_octets=settings.store.reserve_octets,
        file_system=_file_system(store.parent) if present else Missing(_NO_FOLDER),
        needs_octets=LOG_OCTETS if settings.store.reserve_octets else 0,
    )


def _facts(path: Path, why: str) -> FileFacts | Missing:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return Missing(why)
    except OSError as wrong:
        return Missing(f"{path} can't be looked at: {wrong.strerror}")
    return FileFacts(path=path, owner=found.st_uid, mode=found.st_mode & 0o7777)


def _file_system(folder: Path) -> str | Missing:
    """The type of the file system that the folder lies on (proc_pid_mountinfo(5))."""
    try:
        text = _MOUNTS.read_text(errors="replace")
    except OSError:
        return Missing("this system doesn't tell the type of its file systems")
    wanted, best, kind = f"{folder.resolve()}/", "", ""
    for line in text.splitlines():
        head, _, tail = line.partition(" - ")
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), head.split()[4])
        if wanted.startswith(point.rstrip("/") + "/") and len(point) >= len(best):
            best, kind = point, tail.split()[0]
    return kind or Missing("this system doesn't tell the type of its file systems")


def look_at_certificate(data: Path, settings: Config) -> Served:
    """The certificate that mail apps should see."""
    chosen, private = settings.tls, not settings.tls.certificate
    folder = data / "tls"
    path = folder / "server.pem" if private else data / chosen.certificate
    key = folder / "server.key" if private else data / chosen.key
    listens = (*settings.imap.listen, *settings.web.listen)
    hosts = {host for where in listens for host in where.hosts}
    wanted = {host for host in hosts if not (is_everywhere(host) or is_local(host))}
    now = datetime.now(UTC)
    bare = Served(now=now, path=path, private=private, error=None)
    if private and not path.exists():
        return bare
    try:
        tls.load(path, key)
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except BridgeError as error:
        return Served(now=now, path=path, private=private, error=error)
    return Served(
        now=now,
        path=path,
        private=private,
        error=None,
        begins=chain[0].not_valid_before_utc,
        ends=chain[0].not_valid_after_utc,
        names=frozenset(_names(chain[0])),
        wanted=frozenset(wanted) | frozenset(settings.web.names),
        machine=frozenset({socket.gethostname().lower()}),
        chain=tuple(one.public_bytes(Encoding.DER) for one in chain),
        key=_facts(key, "there is no key"),
    )


def _names(certificate: x509.Certificate) -> list[str]:
    found: list[str] = []
    with suppress(x509.ExtensionNotFound, ValueError):
        kind = x509.SubjectAlternativeName
        names = certificate.extensions.get_extension_for_class(kind).value
        found += names.get_values_for_type(x509.DNSName)
        found += map(str, names.get_values_for_type(x509.IPAddress))
    return found
