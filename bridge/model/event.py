"""The names of what is logged: stable, so that machines may go by them. docs/logs.md explains them.

A name belongs to the text that is logged, before its values are put in; a test holds that every
text has one, and that none is left over.
"""

FAULT = "fault"
"""Of what carries a traceback and has no text of ours."""

TWISTED = "twisted"
"""Of what Twisted itself has to say."""

_FAULT = "this is a fault of popbridge"

EVENTS: dict[str, tuple[str, ...]] = {
    "ready": ("popbridge is ready: %s",),
    "sync-failed": ("The sync failed: %s %s",),
    "sync-fetched": ("%d messages were fetched",),
    "sync-deleted": ("%d messages were deleted upstream",),
    "sync-status-unsaved": (
        "The sync status can't be saved: %s",
        "The next sync's time can't be saved: %s",
    ),
    "sync-session-ended": (
        "No further session: %s",
        "The provider didn't answer QUIT: %s",
        "The provider didn't end the session as it should: %s",
        "After the log-in the provider failed: %s",
    ),
    "sync-listing-odd": ("The listing is odd: %s",),
    "deletes-frozen": (
        "Deleting upstream is frozen: %s",
        "%d messages, more than half of all, were deleted in mail programs within an hour:"
        " nothing is deleted at the provider until you say that this was meant",
    ),
    "deletes-thawed": ("Deleting upstream is no longer frozen",),
    "deletes-skipped": (
        "Nothing more is deleted upstream: %s",
        "The clock has jumped since the last poll, so nothing is deleted at the provider this time",
        "The provider no longer lists most of what it did: nothing is deleted",
        "Whether %d messages were deleted isn't known: the next listing tells",
        "The provider refused to delete %d messages",
    ),
    "copies-damaged": (
        "%d messages stay at the provider, for their copies here are damaged:"
        " `popbridge verify` names them",
    ),
    "upstream-weak": (
        "The way to the provider is weakly protected: %s",
        "The connection to %s is weakly protected: %s",
    ),
    "secret-readable": (
        "Every user of this machine can read the POP3 password in %s: chmod 600 it",
        "The key file %s may be read by others (mode %04o): chmod 600 it, for it opens every"
        " POP3 password.",
    ),
    "login-refused": ("A log-in from %s was refused",),
    "devices-ended": ("Account %d: %s; sessions ended: %d",),
    "devices-unwritten": ("When devices were last used can't be kept: %s",),
    "proxy-refused": (
        "A connection from %s was refused: %s",
        "A connection from %s was refused: it is no trusted proxy",
    ),
    "session-unwritten": (
        "What has changed can't be told: %s",
        "An upload failed: %s",
        "A stage is left for the next start to sweep: %s",
        "A staged message stays until the next start: %s",
    ),
    "listener-down": (
        "A listener is down: %s %s",
        "A listener couldn't be opened: %s %s %s",
    ),
    "listener-up": ("%s accepts connections again",),
    "listener-passed-over": ("This machine has no IPv6; {host} is passed over",),
    "reloaded": ("Reloaded: %s",),
    "reload-failed": ("Nothing was loaded again: %s %s",),
    "restart-needed": (
        "[log] format has changed: restart popbridge to use it",
        "[%s] has changed: restart popbridge to use it",
    ),
    "certificate-failed": (
        "%s %s The certificate served before goes on serving.",
        "The certificate can't be renewed: {why}",
        "{name!r} can't stand in a certificate",
    ),
    "authority-made": ("A new private authority is made: devices must trust {ca}",),
    "run-file-unwritten": ("run.json can't be written: %s",),
    "library-affected": (
        "SQLite %s can lose commits where two programs write; popbridge writes through one"
        " connection only. Let no other program open the store, or install SQLite 3.51.3.",
    ),
    "store-unmeasured": ("The store can't be measured: %s",),
    "store-delayed": (
        "Deleting what nobody needs has to wait: %s",
        "The store's log can't be shortened: %s",
        "%s can't be kept up to date: %s",
    ),
    "store-put-back": (
        "This store is a copy that was put back. Every mailbox has a new UIDVALIDITY,"
        " so clients read their mail anew, and nothing is deleted upstream until all"
        " that is there is here too.",
    ),
    "trace-unwritten": (
        "The trace %s can't be removed: %s",
        "The trace %s can't be written: %s",
    ),
    "worker-failed": (
        "No worker can be started, so the daemon does its work: %s",
        "No worker starts, so the daemon does its work: %s",
        "A worker ended (%s) with %d messages; they are taken in again",
    ),
    FAULT: (
        f"A command failed; {_FAULT}",
        f"A session failed; {_FAULT}",
        f"A task failed; {_FAULT}",
        f"A page failed; {_FAULT}",
        f"/readyz failed; {_FAULT}",
        f"An operation failed; {_FAULT}",
        f"The sync failed; {_FAULT}",
        "The writer failed",
        "Deleting what nobody needs failed",
        "A commit could not be announced",
        "Message %d can't be taken in",
    ),
}

_NAMES = {text: name for name, texts in EVENTS.items() for text in texts}


def event_name(text: str) -> str | None:
    """The name of what is logged with this text; None if it has none."""
    return _NAMES.get(text)
