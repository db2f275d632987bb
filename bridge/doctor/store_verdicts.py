"""Verdicts on the store and whoever has it, and on the listeners together. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bridge.doctor.facts import Listeners, StoreFacts
from bridge.doctor.finding import Finding, Missing, failed, ok, unchecked, warning
from bridge.doctor.words import ago, count, day, is_local, listed, place_of
from bridge.errors import StoreLockedError

BACKUP_OLD = timedelta(days=30)
CLOCK_SLACK = timedelta(minutes=5)
"""Machines are set right by less all the time."""

_DAEMON = "in use by popbridge run "
_UNHEARD = (
    "It starts or stops just now, or its control socket can't be opened: try again in a minute, as"
    " the user that it runs as."
)
_BACKUP = "`popbridge backup DIR` makes one, to another disk best; docs/backup.md."


def daemon(facts: StoreFacts) -> Finding:
    """Who holds the store."""
    if facts.error is not None:
        if isinstance(facts.error, StoreLockedError) and not facts.running:
            if _DAEMON in facts.error.text:
                return failed(StoreLockedError(facts.error.text, _UNHEARD))
            return warning(facts.error.text, "Wait until it has ended, then try again.")
        return failed(facts.error)
    if isinstance(facts.answer, Missing):
        return unchecked(facts.answer.why)
    if facts.running:
        pid, version = facts.answer.get("pid"), facts.answer["version"]
        return ok(f"popbridge {version} runs (process {pid}) and answers.")
    return warning(
        "popbridge isn't running, so no mail is fetched and mail apps can't connect.",
        "Start it: `popbridge run`, or `popbridge service install` to have it always run.",
    )


def library(facts: StoreFacts) -> Finding:
    """Whether the SQLite that is used can lose commits."""
    if isinstance(facts.answer, Missing):
        return unchecked(facts.answer.why)
    if facts.answer["sqlite_advice"]:
        told, _, remedy = str(facts.answer["sqlite_advice"]).partition(" popbridge never does ")
        return warning(told, f"popbridge never does {remedy}")
    return ok(f"SQLite {facts.answer['sqlite']} has no fault that concerns popbridge.")


def clock(facts: StoreFacts) -> Finding:
    """Whether the clock goes on from where the store was last written."""
    if isinstance(facts.answer, Missing):
        return unchecked(facts.answer.why)
    newest = max(_moments(facts), default=None)
    if newest is None:
        return ok(
            f"It says {facts.now:%Y-%m-%d %H:%M} UTC; the store can't tell yet if that is so."
        )
    if newest > facts.now + CLOCK_SLACK:
        return warning(
            f"The clock says {facts.now:%Y-%m-%d %H:%M} UTC, but the store was used on"
            f" {newest:%Y-%m-%d %H:%M} UTC already: one of the two times is wrong.",
            "Set the clock of this machine (timedatectl shows it). Certificates and delete-after"
            " go by it.",
        )
    return ok(f"It says {facts.now:%Y-%m-%d %H:%M} UTC, which fits what the store has.")


def _moments(facts: StoreFacts) -> Iterator[datetime]:
    assert not isinstance(facts.answer, Missing)
    for one in facts.answer["accounts"]:
        for name in ("last_attempt", "last_success"):
            if one[name]:
                yield datetime.fromisoformat(one[name])
    if facts.answer["last_backup_s"]:
        yield datetime.fromtimestamp(facts.answer["last_backup_s"], UTC)


def backup(facts: StoreFacts) -> Finding:
    """How old the last backup is."""
    if isinstance(facts.answer, Missing):
        return unchecked(facts.answer.why)
    seconds = facts.answer["last_backup_s"]
    if not seconds:
        if not facts.answer["accounts"]:
            return ok("There is nothing to back up yet.")
        return warning("No backup was ever made.", _BACKUP)
    made = datetime.fromtimestamp(seconds, UTC)
    if facts.now - made > BACKUP_OLD:
        return warning(f"The last backup is of {day(made)}, {ago(made, facts.now)}.", _BACKUP)
    return ok(f"The last one was made {ago(made, facts.now)}.")


def accounts(facts: StoreFacts) -> Finding:
    """How many accounts there are."""
    if isinstance(facts.answer, Missing):
        return unchecked(facts.answer.why)
    number = len(facts.answer["accounts"])
    if not number:
        return warning("There is no account yet.", "popbridge account add LOGIN --pop3 URL")
    return ok(f"There {'is' if number == 1 else 'are'} {count(number, 'account')}.")


def devices(facts: Listeners) -> Finding:
    """Whether anybody but this machine can read mail."""
    if facts.unknown:
        return unchecked(facts.unknown)
    if not facts.imap and not facts.proxied:
        return warning(
            "There is no IMAP listener, so no mail app can connect.",
            "Name one under [imap] listen in popbridge.toml.",
        )
    if facts.proxied and all(is_local(place_of(url)[0]) for url in facts.imap):
        return ok(f"Others come through the proxy at {listed(facts.proxied)}.")
    if all(is_local(place_of(url)[0]) for url in facts.imap):
        return warning(
            "Mail apps can connect from this machine only: every IMAP listener is on loopback"
            f" ({listed(facts.imap)}). Phones and other computers can't.",
            'If they should: [imap] listen = ["imap://127.0.0.1:1143", "imaps://*:1993"] in'
            " popbridge.toml, then restart popbridge.",
        )
    others = [url for url in facts.imap if not is_local(place_of(url)[0])]
    return ok(f"Other devices can connect: {listed(others)}.")
