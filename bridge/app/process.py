"""What holds for the whole process, set once at its start."""

import logging
import os
import resource
import sys
from collections.abc import Iterable

from bridge.admin.tls import weaknesses
from bridge.model.about import ACCOUNT
from bridge.model.account import Account
from bridge.store import sqlite

SWITCH_INTERVAL_S = 0.0005
"""How long Python code in a thread may keep the reactor waiting: the default, ten times as much,
would be felt in every session while a message is parsed."""

OPEN_FILES = 65_536
"""Connections and files, where the system allows so many. A shell's 1,024 aren't more than the
connections that strangers alone may have, and then nobody could read a mailbox."""

_log = logging.getLogger("popbridge")


def prepare_process() -> None:
    """Keeps what is made from other users, and threads from holding one another up; a connection
    needs a file."""
    # SQLite makes its files as the umask says, and they hold all mail.
    os.umask(0o077)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    _allow_files()


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = OPEN_FILES if hard == unlimited else min(OPEN_FILES, hard)
    if soft != unlimited and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def warn_of_library() -> None:
    """Says so where SQLite is one that can lose commits."""
    library = sqlite.library()
    if sqlite.has_wal_reset_bug(library.sqlite_version_info):
        _log.warning(
            "SQLite %s can lose commits where two programs write; popbridge writes through one"
            " connection only. Let no other program open the store, or install SQLite 3.51.3.",
            library.sqlite_version,
        )


def warn_of_accounts(accounts: Iterable[Account]) -> None:
    """Says which accounts reach their provider in a way that others may listen to."""
    for account in accounts:
        ACCOUNT.set(account.id)
        for weakness in weaknesses(account.upstream):
            _log.warning("The way to the provider is weakly protected: %s", weakness)
    ACCOUNT.set(None)
