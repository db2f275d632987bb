"""The one error tree. Each error has a stable code, a sentence and a remedy; edges map codes.

Raisers say what happened; `cli` maps to an exit code, `session.dispatch` to NO, BAD or BYE.
"""

from enum import IntEnum


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
    """Anything the bridge reports in words.

    Args:
        text: what happened and why, one sentence without a full stop's worth of internals.
        remedy: what to do about it.
    """

    code = "BR-BUG-01"
    exit = Exit.BUG

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.text} {self.remedy}".strip()


class UsageError(BridgeError):
    """The command line asks for something impossible."""

    code, exit = "BR-USAGE-01", Exit.USAGE


class UnknownLoginError(BridgeError):
    """No account has that login."""

    code, exit = "BR-LOGIN-01", Exit.DATA


class LoginExistsError(BridgeError):
    """An account with that login is there already."""

    code, exit = "BR-LOGIN-02", Exit.CANNOT_CREATE


class ConfigError(BridgeError):
    """The configuration file or an environment override is wrong."""

    code, exit = "BR-CONFIG-01", Exit.CONFIG


class PortInUseError(BridgeError):
    """A listener's address is taken."""

    code, exit = "BR-LISTEN-01", Exit.UNAVAILABLE


class StoreLockedError(BridgeError):
    """Another process holds the store."""

    code, exit = "BR-STORE-01", Exit.TEMPORARY


class StoreFullError(BridgeError):
    """The disk has no room for what must be written."""

    code, exit = "BR-STORE-02", Exit.CANNOT_CREATE


class StoreError(BridgeError):
    """The store can't be read or written."""

    code, exit = "BR-STORE-03", Exit.CANNOT_CREATE


class NewerStoreError(BridgeError):
    """The store was written by a newer version."""

    code, exit = "BR-STORE-04", Exit.CONFIG


class UpstreamError(BridgeError):
    """A POP3 server, or the way to it, failed. Subclasses say how."""

    code, exit = "BR-POP-01", Exit.TEMPORARY


class UnknownHostError(UpstreamError):
    """The host name has no address."""

    code, exit = "BR-POP-02", Exit.UNAVAILABLE


class RefusedError(UpstreamError):
    """Nothing accepts connections there."""

    code, exit = "BR-POP-03", Exit.TEMPORARY


class CertificateError(UpstreamError):
    """The server's certificate can't be trusted."""

    code, exit = "BR-POP-04", Exit.UNAVAILABLE


class TimedOutError(UpstreamError):
    """No octet arrived in the time allowed."""

    code, exit = "BR-POP-05", Exit.TEMPORARY


class ProtocolError(UpstreamError):
    """A peer broke the protocol: POP3 server or IMAP client octets that can't be read."""

    code, exit = "BR-POP-06", Exit.TEMPORARY


class InUseError(UpstreamError):
    """Another program holds the POP3 mailbox ([IN-USE], RFC 2449 §8.1.1)."""

    code, exit = "BR-POP-07", Exit.TEMPORARY


class RejectedPasswordError(UpstreamError):
    """The server refused user name or password."""

    code, exit = "BR-AUTH-01", Exit.NO_PERMISSION


class RefusedCommandError(UpstreamError):
    """The server answered -ERR to a command that is not a log-in."""

    code, exit = "BR-POP-08", Exit.TEMPORARY
