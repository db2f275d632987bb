"""Debian's Dovecot as an IMAP server on a free loopback port."""

from tests.e2e.dovecot import Dovecot


class DovecotImap(Dovecot):
    """One account, alice with the password secret; the clock's zone is UTC."""

    def _ports(self) -> dict[str, int]:
        return {"imap": self.port}

    def _settings(self) -> dict[str, str]:
        return {"import_environment": "TZ=UTC", "mail_fsync": "never", "auth_cache_size": "0"}
