"""The one error tree. Each error has a stable code, a sentence and a remedy; edges map codes.

Raisers say what happened; `cli` maps to an exit code, `session.session` to NO. `docs/errors.md` is
made of this table: `make docs` writes it anew.
"""

from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """Exit codes of the command line (sysexits)."""

    OK = 0
    USAGE = 64
    DATA = 65
    UNAVAILABLE = 69
    BUG = 70
    CANNOT_CREATE = 73
    TEMPORARY = 75
    NO_PERMISSION = 77
    CONFIG = 78


class BridgeError(Exception):
    """popbridge itself is at fault.

    Each subclass has its own `code`, a docstring that says what happened, and `advice`: what to do
    in general. A new one is in the page after `make docs`.

    Args:
        text: what happened and why, one sentence without a full stop's worth of internals.
        remedy: what to do about it; without one where nobody can do anything.
    """

    code = "BR-BUG-01"
    exit = Exit.BUG
    advice: ClassVar[str] = "Report it with what the log says."
    imap: ClassVar[str] = ""
    """The response code of the NO that an IMAP client gets (RFC 5530); mostly none fits."""

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.text} {self.remedy}".strip()


class UsageError(BridgeError):
    """The command line asks for something impossible."""

    code, exit = "BR-USAGE-01", Exit.USAGE
    advice = "Look at what --help says of the command."


class UnknownLoginError(BridgeError):
    """No account has that login."""

    code, exit = "BR-LOGIN-01", Exit.DATA
    advice = "`popbridge account list` shows those there are."


class LoginExistsError(BridgeError):
    """An account with that login is there already."""

    code, exit = "BR-LOGIN-02", Exit.CANNOT_CREATE
    advice = "Choose another login, or remove that account first."


class UnknownMessageError(BridgeError):
    """No message of the account is meant by what was named."""

    code, exit = "BR-MESSAGE-01", Exit.DATA
    advice = "Name it by its UID, its Message-ID or its UIDL."


class AccountsFileError(BridgeError):
    """The file that `popbridge account apply` was given can't be carried out."""

    code, exit = "BR-ACCOUNTS-01", Exit.DATA
    advice = "Correct it: docs/accounts.md shows every key. Nothing was changed."


class ConfigError(BridgeError):
    """The configuration file or an environment override is wrong."""

    code, exit = "BR-CONFIG-01", Exit.CONFIG
    advice = "Correct it: `popbridge config example` shows every key, `config check` tries them."


class PortInUseError(BridgeError):
    """A listener's address is taken."""

    code, exit = "BR-LISTEN-01", Exit.UNAVAILABLE
    advice = "Stop the other program, or choose another port in popbridge.toml."


class ListenerDownError(BridgeError):
    """A listener accepts no connections any more."""

    code, exit = "BR-LISTEN-02", Exit.UNAVAILABLE
    advice = "It is opened again by itself. If it stays, look at the log, then restart popbridge."


class ServedCertificateError(BridgeError):
    """The certificate that mail apps are shown is over, or isn't the one it should be."""

    code, exit = "BR-TLS-01", Exit.UNAVAILABLE
    advice = "Renew the files of [tls], then `systemctl reload popbridge`, or restart it."


class ImapAnswerError(BridgeError):
    """popbridge doesn't answer a mail app as it should."""

    code, exit = "BR-IMAP-01", Exit.UNAVAILABLE
    advice = "Look at the log; restart popbridge. If it stays, report it."


class DevicePasswordError(BridgeError):
    """popbridge refused an IMAP login and password."""

    code, exit = "BR-LOGIN-03", Exit.NO_PERMISSION
    advice = "The status page makes a new one for each device: `popbridge status --link`."


class NotRunningError(BridgeError):
    """No daemon runs on the data folder, and only one can do what was asked for."""

    code, exit = "BR-RUN-01", Exit.UNAVAILABLE
    advice = "Start it with `popbridge run`, then try again."


class StoreLockedError(BridgeError):
    """Another process holds the store."""

    code, exit = "BR-STORE-01", Exit.TEMPORARY
    advice = "Wait until the process that is named has ended, or stop it."


class StoreFullError(BridgeError):
    """The disk has no room for what must be written. Mail can be read all the same."""

    code, exit, imap = "BR-STORE-02", Exit.CANNOT_CREATE, "UNAVAILABLE"
    advice = "Free some space; fetching goes on by itself."


class StoreError(BridgeError):
    """The store, or a file beside it, can't be read or written."""

    code, exit, imap = "BR-STORE-03", Exit.CANNOT_CREATE, "UNAVAILABLE"
    advice = "Look at the disk, and at the owner and mode of the data folder."


class NewerStoreError(BridgeError):
    """The store was written by a newer version."""

    code, exit = "BR-STORE-04", Exit.CONFIG
    advice = "Install the version that wrote it, or a later one."


class StoreBusyError(StoreError):
    """Another program has the database locked."""

    code, exit = "BR-STORE-05", Exit.TEMPORARY
    advice = "Close what has the database open, then try again."


class DamagedStoreError(StoreError):
    """The database file is damaged."""

    code, exit = "BR-STORE-06", Exit.DATA
    advice = "Keep the file as it is, and put the data folder back from a backup."


class DamageFoundError(BridgeError):
    """`popbridge verify` found what is not as it must be."""

    code, exit = "BR-VERIFY-01", Exit.DATA
    advice = "Each finding above says what to do. Keep the data folder as it is until then."


class BackupError(BridgeError):
    """A backup is incomplete or damaged, or a folder is none."""

    code, exit = "BR-BACKUP-01", Exit.DATA
    advice = "Use another backup. Nothing was changed."


class MailFileError(BridgeError):
    """What `popbridge import` was given can't be read as mail."""

    code, exit = "BR-IMPORT-01", Exit.DATA
    advice = "Name a Maildir, an mbox file or a folder of .eml files that popbridge may read."


class UpstreamError(BridgeError):
    """A POP3 server, or the way to it, failed in a way that has no code of its own."""

    code, exit = "BR-POP-01", Exit.TEMPORARY
    advice = "It is tried again by itself. If it stays, ask the provider."


class FrozenError(UpstreamError):
    """The provider's mailbox isn't what it was, so for now nothing is deleted there."""

    code, exit = "BR-POP-09", Exit.TEMPORARY
    advice = "All fetched mail is held here; it ends once all that the provider lists is."


class UnknownHostError(UpstreamError):
    """The host name of the POP3 server has no address."""

    code, exit = "BR-POP-02", Exit.UNAVAILABLE
    advice = "Check the host name in the account's URL, and this machine's name server."


class RefusedError(UpstreamError):
    """Nothing accepts connections at the POP3 server's port, or the way to it is closed."""

    code, exit = "BR-POP-03", Exit.TEMPORARY
    advice = "Check host and port in the account's URL. If they are right, it is tried again."


class CertificateError(UpstreamError):
    """The POP3 server's certificate can't be trusted."""

    code, exit = "BR-POP-04", Exit.UNAVAILABLE
    advice = "Check the host name. If it is right, ask the provider; no password was sent."


class TimedOutError(UpstreamError):
    """No octet arrived from the POP3 server in the time allowed."""

    code, exit = "BR-POP-05", Exit.TEMPORARY
    advice = "It is tried again by itself. If it stays, ask the provider."


class ProtocolError(UpstreamError):
    """The POP3 server broke the protocol, or the connection ended in the middle."""

    code, exit = "BR-POP-06", Exit.TEMPORARY
    advice = "It is tried again by itself, and nothing is lost. If it stays, ask the provider."


class InUseError(UpstreamError):
    """Another program holds the POP3 mailbox ([IN-USE], RFC 2449 §8.1.1)."""

    code, exit = "BR-POP-07", Exit.TEMPORARY
    advice = "Stop the other program that fetches this mailbox; else it is tried again by itself."


class PoisonedMessageError(UpstreamError):
    """A message can't be retrieved, however often it is tried; it stays at the provider."""

    code, exit = "BR-POP-10", Exit.TEMPORARY
    advice = "Open it in the provider's webmail; forward or delete it there. All else is fetched."


class RejectedPasswordError(UpstreamError):
    """The POP3 server refused user name or password."""

    code, exit = "BR-AUTH-01", Exit.NO_PERMISSION
    advice = "Try them in the provider's webmail; `popbridge account set` takes a new password."


class TokenError(UpstreamError):
    """The command that gives an OAuth token failed, or the provider refused two tokens of it."""

    code, exit = "BR-AUTH-02", Exit.NO_PERMISSION
    advice = "Run the account's token command by hand; if it fails too, log in with it anew."


class SecretError(UpstreamError):
    """The file, variable or command that has the POP3 password gave none; nobody was asked."""

    code, exit = "BR-AUTH-03", Exit.NO_PERMISSION
    advice = "See to it that the user popbridge runs as can read the file or run the command."


class RefusedCommandError(UpstreamError):
    """The POP3 server answered -ERR to a command that is not a log-in."""

    code, exit = "BR-POP-08", Exit.TEMPORARY
    advice = "It is tried again by itself. If it stays, ask the provider."
