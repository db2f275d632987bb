"""Secrets: passwords sealed at rest, device passwords and how they are verified, SCRAM keys.

One key per store, in a file beside it. Each use derives a key of its own from it.
"""

import errno
import hashlib
import hmac
import logging
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bridge import saslprep
from bridge.errors import StoreError, StoreFullError

KEY_OCTETS = 32
SALT_OCTETS = 16
SCRAM_ITERATIONS = 4096
"""What RFC 7677 §4 asks for at least, and what every client accepts: phones compute it at each
log-in. More would guard nothing: a made password has more bits than anyone can try."""

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without i, l, o, 0 and 1, which look like one another in some fonts."""
GROUPS = 6
GROUP_LETTERS = 4
"""24 letters of 31 are 118 random bits."""

_SEAL_VERSION = b"\x01"
_NONCE_OCTETS = 12
_HMAC_SCHEME = "hmac-sha256$"
_ARGON2_SCHEME = "$argon2id$"
# OWASP's smallest memory: a household's phones log in all at once after a restart, and 64 MiB
# for each would be more than the rest of the process.
_ARGON2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

_log = logging.getLogger("popbridge.crypto")


class Sealer:
    """Encrypts secrets that have to be read again (AES-256-GCM).

    Args:
        key: from `load_key`.

    Raises:
        StoreError: the key isn't 32 octets.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_OCTETS:
            raise StoreError(
                f"A key has {KEY_OCTETS} octets, this one {len(key)}.",
                "Put the key file back from a backup.",
            )
        self._cipher = AESGCM(_derived(key, b"seal"))

    def seal(self, octets: bytes, context: str) -> bytes:
        """Returns the octets sealed; only the same context, such as a login, opens them."""
        nonce = secrets.token_bytes(_NONCE_OCTETS)
        sealed = self._cipher.encrypt(nonce, octets, context.encode())
        return _SEAL_VERSION + nonce + sealed

    def open(self, sealed: bytes, context: str) -> bytes:
        """Returns what was sealed.

        Raises:
            StoreError: other key, other context, or changed since.
        """
        nonce, rest = sealed[1 : 1 + _NONCE_OCTETS], sealed[1 + _NONCE_OCTETS :]
        if sealed[:1] == _SEAL_VERSION and len(nonce) == _NONCE_OCTETS:
            with suppress(InvalidTag):
                return self._cipher.decrypt(nonce, rest, context.encode())
        raise StoreError(
            "A sealed password can't be opened: it was sealed with another key, or damaged.",
            "Put the store's key file back from a backup, or enter the password again.",
        )


def load_key(path: Path) -> bytes:
    """Returns the store's key; makes the file, for its owner only, if there is none.

    Raises:
        StoreFullError: there is no room to make it.
        StoreError: it can't be read or made, or holds something else.
    """
    try:
        if not path.exists():
            _make_key(path)
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            key = file.read(KEY_OCTETS + 1)
    except OSError as wrong:
        kind = StoreFullError if wrong.errno in (errno.ENOSPC, errno.EDQUOT) else StoreError
        raise kind(
            f"The key file {path} can't be read or made: {wrong.strerror}.",
            "Check owner and mode of file and folder, and the free space.",
        ) from None
    if mode & 0o077:
        _log.warning(
            "The key file %s may be read by others (mode %04o): chmod 600 it, for it opens every"
            " POP3 password.",
            path,
            mode,
        )
    if len(key) != KEY_OCTETS:
        raise StoreError(
            f"The key file {path} doesn't hold {KEY_OCTETS} octets.",
            "Put it back from a backup; without it every POP3 password must be entered again.",
        )
    return key


def make_device_password() -> str:
    """Returns a new random password such as "k7wm-…": 118 bits, easy to type from paper."""
    letters = iter(lambda: secrets.choice(ALPHABET), None)
    groups = ("".join(next(letters) for _ in range(GROUP_LETTERS)) for _ in range(GROUPS))
    return "-".join(groups)


def normalize_made(password: str) -> str:
    """Returns the letters of a made password, however it was typed: no dashes, lower case."""
    return "".join(password.split()).replace("-", "").lower()


def verifier_for(password: str, *, made: bool, key: bytes) -> str:
    """Returns what to store so that `verify` knows the password again.

    Args:
        password: the password.
        made: it comes from `make_device_password`: it can't be guessed, so that a keyed hash,
            which costs microseconds at each log-in, is enough. Others are stretched by argon2id.
        key: the store's key.
    """
    if made:
        return _HMAC_SCHEME + _made_digest(password, key)
    return _ARGON2.hash(_prepared(password))


def verify(verifier: str, password: str, key: bytes) -> bool:
    """Returns whether it is the password; False too where the verifier can't be read.

    Takes milliseconds of CPU where the verifier is argon2id: not for the reactor's thread.
    """
    if verifier.startswith(_HMAC_SCHEME):
        expected = _HMAC_SCHEME + _made_digest(password, key)
        return hmac.compare_digest(_utf8(verifier), _utf8(expected))
    if not verifier.startswith(_ARGON2_SCHEME):
        return False
    try:
        return _ARGON2.verify(verifier, _prepared(password))
    except (Argon2Error, InvalidHashError, ValueError):
        return False


def new_salt() -> bytes:
    """Returns a random salt for `scram_keys`."""
    return secrets.token_bytes(SALT_OCTETS)


def scram_keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """Returns StoredKey and ServerKey of SCRAM-SHA-256 (RFC 5802 §3, RFC 7677).

    A made password counts as it was printed, with its dashes: the client hashes what was typed.
    """
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(password), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")


def scram_nonce() -> bytes:
    """Returns the server's part of a nonce: 144 bits, printable and without a comma."""
    return secrets.token_urlsafe(18).encode()


def scram_signature(
    stored_key: bytes, server_key: bytes, auth_message: bytes, proof: bytes
) -> bytes | None:
    """Returns the server's signature if the client's proof is right, else None (RFC 5802 §3)."""
    signature = hmac.digest(stored_key, auth_message, "sha256")
    if len(proof) != len(signature):
        return None
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    if not hmac.compare_digest(hashlib.sha256(client_key).digest(), stored_key):
        return None
    return hmac.digest(server_key, auth_message, "sha256")


def unknown_salt(login: str, key: bytes) -> bytes:
    """Returns what to tell as the salt of a login that isn't there, always the same for it.

    Args:
        login: as it would be stored.
        key: the store's key, without which nobody can tell it from a real one.
    """
    return hmac.digest(_derived(key, b"unknown salt"), _utf8(login), "sha256")[:SALT_OCTETS]


def _made_digest(password: str, key: bytes) -> str:
    return hmac.digest(
        _derived(key, b"device password"), _utf8(normalize_made(password)), "sha256"
    ).hex()


def _derived(key: bytes, use: bytes) -> bytes:
    """Returns the key for one use, from which the others can't be computed."""
    return hmac.digest(key, b"popbridge " + use, "sha256")


def _prepared(password: str) -> bytes:
    """Returns the octets to hash: SASLprep (RFC 4013), so that every way to type é is the same.

    What SASLprep forbids is taken as it is: to refuse it would lock out who chose it.
    """
    return password.encode() if password.isascii() else _utf8(saslprep.mapped(password))


def _utf8(text: str) -> bytes:
    """Returns UTF-8, lone surrogates too: no password may raise."""
    return text.encode("utf-8", "surrogatepass")


def _make_key(path: Path) -> None:
    """Makes the file in one step: a crash leaves all of it or nothing, a rival's is kept."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_OCTETS))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            # A rename would replace the key that another process has just sealed with.
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
