"""Verdicts on configuration, data folder, disk and certificate. Pure."""

from collections.abc import Iterable
from datetime import timedelta

from bridge.doctor.facts import FileFacts, Machine, Served
from bridge.doctor.finding import Finding, Missing, failed, ok, unchecked, warning
from bridge.doctor.words import ago, day, listed
from bridge.errors import ServedCertificateError, StoreError, StoreFullError
from bridge.model.policy import period, volume

CERTIFICATE_SOON = timedelta(days=14)
"""An ACME client renews a month before; popbridge its own too."""

_NETWORK = ("nfs", "cifs", "smb", "ncp", "afs", "9p", "ceph", "glusterfs", "fuse.sshfs", "davfs")
"""How types of file systems begin whose locks and shared memory SQLite can't rely on."""

_IN_MEMORY = ("tmpfs", "ramfs")
_LOCAL_DISK = "Put the data folder on a local disk, and name it with --data."


def configuration(facts: Machine) -> Finding:
    """Whether the file can be read and has no unknown keys."""
    if facts.config_error is not None:
        return failed(facts.config_error)
    if not facts.config_found:
        return ok(f"There is no {facts.config_file}, so every setting has its default.")
    return ok(f"{facts.config_file} is sound.")


def folder(facts: Machine) -> Finding:
    """Whose the data folder is, and who else may look in."""
    data = facts.data
    if isinstance(data, Missing):
        return unchecked(data.why)
    if data.owner != facts.user and facts.user != 0:
        return failed(
            StoreError(
                f"The data folder {data.path} belongs to another user (number {data.owner}).",
                "Run popbridge as that user, or give the folder to yours: chown -R.",
            )
        )
    if data.mode & 0o022:
        return failed(
            StoreError(
                f"Others may write to the data folder {data.path} (mode {data.mode:04o}).",
                f"Close it: chmod 700 {data.path}",
            )
        )
    if data.mode & 0o055:
        return warning(
            f"Others may look into the data folder {data.path} (mode {data.mode:04o}).",
            f"Close it: chmod 700 {data.path}",
        )
    return ok(f"{data.path} is closed to other users.")


def secrets(facts: Machine) -> Finding:
    """Whether others may read the key that seals passwords, or the mail."""
    if isinstance(facts.key, Missing):
        return unchecked(facts.key.why)
    open_key = list(_open((facts.key,)))
    if open_key:
        return failed(
            StoreError(
                f"Others may read the file {facts.key.path} (mode {facts.key.mode:04o}), and with"
                " it all stored passwords.",
                f"Close it: chmod 600 {facts.key.path}",
            )
        )
    if opened := list(_open(facts.files)):
        names = listed([one.path.name for one in opened])
        return failed(
            StoreError(
                f"Others may read {names} in {facts.key.path.parent}.",
                "Close them: chmod 600 " + " ".join(str(one.path) for one in opened),
            )
        )
    return ok("Key, store and private keys can be read by their owner alone.")


def _open(files: Iterable[FileFacts]) -> Iterable[FileFacts]:
    return (one for one in files if one.mode & 0o077)


def free_space(facts: Machine) -> Finding:
    """Whether there is room for new mail."""
    free, reserve = facts.free_octets, facts.reserve_octets
    if isinstance(free, Missing):
        return unchecked(free.why)
    if free < reserve:
        return failed(
            StoreFullError(
                f"Only {volume(free)} are free, and [store] reserve keeps {volume(reserve)}: no new"
                " mail is fetched. What is here can be read.",
                "Free some space; fetching goes on by itself.",
            )
        )
    if free < reserve + facts.needs_octets:
        return warning(
            f"{volume(free)} are free; below {volume(reserve)} no new mail is fetched.",
            "Free some space before that happens.",
        )
    kept = f"; {volume(reserve)} of it are kept in reserve" if reserve else ""
    return ok(f"{volume(free)} are free{kept}.")


def file_system(facts: Machine) -> Finding:
    """Whether the disk is one that a database can rely on."""
    kind = facts.file_system
    if isinstance(kind, Missing):
        return unchecked(kind.why)
    if kind.startswith(_NETWORK):
        return failed(
            StoreError(
                f"The data folder lies on a network file system ({kind}), which can damage the"
                " store: its locks and its log don't work there.",
                _LOCAL_DISK,
            )
        )
    if kind in _IN_MEMORY:
        return warning(
            f"The data folder lies in memory ({kind}): all mail in it is gone at the next restart"
            " of the machine.",
            _LOCAL_DISK,
        )
    return ok(f"The data folder lies on a local disk ({kind}).")


def certificate(facts: Served) -> Finding:
    """Whether the files can be used."""
    if facts.error is not None:
        return failed(facts.error)
    if not facts.chain:
        return unchecked("popbridge makes it when it first runs")
    if facts.private:
        authority = facts.path.with_name("ca.pem")
        return ok(
            "popbridge made it itself, so mail apps ask once whether to trust it; phones can"
            f" install {authority}."
        )
    # Groups that may read keys are usual: Debian has one.
    if isinstance(facts.key, FileFacts) and facts.key.mode & 0o007:
        return warning(
            f"Every user of this machine may read the certificate's key {facts.key.path} (mode"
            f" {facts.key.mode:04o}).",
            f"Close it: chmod 600 {facts.key.path}",
        )
    return ok(f"{facts.path} and its key belong together.")


def certificate_life(facts: Served) -> Finding:
    """Whether it is valid today, and for how long."""
    begins, ends, now = facts.begins, facts.ends, facts.now
    if begins is None or ends is None:
        return unchecked("there is no certificate to look at")
    if begins > now:
        return failed(
            ServedCertificateError(
                f"The certificate is valid from {day(begins)} on only, and this machine's clock"
                f" says {day(now)}.",
                "Set the clock, or take another certificate.",
            )
        )
    how = (
        "popbridge renews it when it starts."
        if facts.private
        else "Renew the files of [tls]; they are loaded within an hour."
    )
    if ends <= now:
        return failed(
            ServedCertificateError(
                f"The certificate expired on {day(ends)}, {ago(ends, now)}: mail apps refuse it.",
                how,
            )
        )
    left = period((ends - now).total_seconds())
    if ends - now < CERTIFICATE_SOON:
        return warning(f"The certificate expires in {left}, on {day(ends)}.", how)
    return ok(f"It is valid until {day(ends)}, another {left}.")


def certificate_names(facts: Served) -> Finding:
    """Whether it is for the names that people write into their mail apps."""
    if facts.ends is None:
        return unchecked("there is no certificate to look at")
    known = listed(facts.names) if facts.names else "no name at all"
    lacking = frozenset(name for name in facts.wanted if not covers(facts.names, name))
    if lacking:
        return warning(
            f"The certificate isn't for {listed(lacking)}, which popbridge.toml names; it is for"
            f" {known}.",
            "Take a certificate that has these names, or use others in mail apps.",
        )
    if not any(covers(facts.names, name) for name in facts.machine) and facts.private:
        return warning(
            f"The certificate is for {known}, and this machine is called {listed(facts.machine)}.",
            "Restart popbridge: it makes a new one.",
        )
    return ok(f"Mail apps accept it for these names: {known}.")


def covers(names: Iterable[str], host: str) -> bool:
    """Whether one of a certificate's names is the host's; a star stands for one label."""
    host = host.lower().removesuffix(".")
    star = "*." + host.partition(".")[2]
    return any(name.lower() in (host, star) for name in names)
