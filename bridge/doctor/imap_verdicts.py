"""Verdicts on a listener as mail apps meet it, and on those that speak HTTP. Pure."""

from collections.abc import Callable

from bridge.doctor.facts import HttpFacts, ImapFacts
from bridge.doctor.finding import Finding, Missing, failed, ok, unchecked, warning
from bridge.doctor.words import is_local, place_of
from bridge.errors import (
    DevicePasswordError,
    ImapAnswerError,
    ListenerDownError,
    ServedCertificateError,
)

GREETING_SLOW_S = 2.0
STEPS = ("log-in", "ID", "LIST", "EXAMINE", "FETCH", "IDLE", "LOGOUT")
"""Of a conversation, in order."""

_NEEDED = frozenset({"IMAP4REV1", "IDLE", "UIDPLUS", "CONDSTORE"})
_NEEDED_FIRST = frozenset({"IMAP4REV1"})
"""Before a log-in little is told."""

_IN_THE_CLEAR = ("LOGINDISABLED", "STARTTLS")


def greeting(facts: ImapFacts) -> Finding:
    """Whether it answers, and how soon."""
    step = facts.greeting
    if step.trouble:
        return failed(
            ListenerDownError(
                f"A mail app can't connect to {facts.url}: {step.trouble}.",
                "Look at popbridge's log and at this machine's firewall, then restart popbridge.",
            )
        )
    if step.seconds > GREETING_SLOW_S:
        return warning(
            f"It greeted after {step.seconds:.1f} s only.",
            "See whether the machine is short of memory or its disk busy.",
        )
    return ok(f"It greeted within {step.seconds * 1000:.0f} ms.")


def protection(facts: ImapFacts) -> Finding:
    """Which TLS is spoken, and whether with the certificate that it should be."""
    found = facts.protection
    if isinstance(found, Missing):
        return unchecked(found.why)
    mine = facts.served.chain
    if mine and found.chain[0] != mine[0]:
        return failed(
            ServedCertificateError(
                f"It shows another certificate than {facts.served.path} has.",
                "The file is looked at every hour; `systemctl reload popbridge`, or a restart,"
                " takes it over at once.",
            )
        )
    if mine and len(found.chain) > 1 and found.chain[: len(mine)] != mine:
        return warning(
            f"It doesn't show all certificates that {facts.served.path} has.",
            "Restart popbridge.",
        )
    return ok(f"{found.version}, with the certificate that it should have.")


def trust(facts: ImapFacts) -> Finding:
    """Whether a client that trusts the right authority accepts the certificate."""
    found, served = facts.protection, facts.served
    if isinstance(found, Missing):
        return unchecked(found.why)
    if not found.distrust:
        whose = "popbridge's own authority" if served.private else "an authority known everywhere"
        return ok(f"Signed by {whose}.")
    if served.private:
        return failed(
            ServedCertificateError(
                f"Even who trusts popbridge's own authority refuses the certificate:"
                f" {found.distrust}.",
                "Restart popbridge, which makes a new one.",
            )
        )
    return warning(
        f"This machine doesn't trust the certificate: {found.distrust}. Mail apps will ask, or"
        " refuse it.",
        "Have the file of [tls] certificate hold the whole chain (fullchain.pem), or install your"
        " authority on the devices.",
    )


def capabilities(facts: ImapFacts) -> Finding:
    """Whether it offers what mail apps count on."""
    told = facts.capabilities
    if isinstance(told, Missing):
        return unchecked(told.why)
    logged_in = STEPS[0] in facts.talk and not facts.talk[STEPS[0]].trouble
    lacking = sorted((_NEEDED if logged_in else _NEEDED_FIRST) - told)
    if lacking:
        return failed(
            ImapAnswerError(f"It doesn't offer {', '.join(lacking)}.", ImapAnswerError.advice)
        )
    return ok(f"{len(told)} capabilities, IMAP4rev1 among them.")


def clear_text(facts: ImapFacts) -> Finding:
    """Whether passwords are taken without TLS from other machines."""
    if facts.url.startswith("imaps:"):
        return ok("Every connection is encrypted.")
    if is_local(place_of(facts.url)[0]):
        return ok("Without TLS, and only programs on this machine can connect.")
    told = facts.others
    if isinstance(told, Missing):
        return unchecked(told.why)
    if not told.issuperset(_IN_THE_CLEAR):
        return failed(
            ImapAnswerError(
                "It takes passwords from other machines without TLS.",
                "Listen on loopback only, and report this: it must never happen.",
            )
        )
    return ok("From other machines it takes passwords after STARTTLS only.")


def step(name: str) -> Callable[[ImapFacts], Finding]:
    """The verdict on one step of the conversation."""

    def judge(facts: ImapFacts) -> Finding:
        if facts.no_talk:
            return unchecked(facts.no_talk)
        found = facts.talk.get(name)
        if found is None:
            broke = next((each for each, one in facts.talk.items() if one.trouble), "connection")
            return unchecked(f"the {broke} failed")
        if not found.trouble:
            return ok(f"{found.told} ({found.seconds * 1000:.0f} ms)")
        if name == STEPS[0]:
            return failed(
                DevicePasswordError(
                    f"The log-in was refused: {found.trouble}.",
                    f"Look whether login and password are right. {DevicePasswordError.advice}",
                )
            )
        return failed(ImapAnswerError(f"{name} failed: {found.trouble}.", ImapAnswerError.advice))

    return judge


def answer(path: str, what: str) -> Callable[[HttpFacts], Finding]:
    """The verdict on what a path of a listener answered."""

    def judge(facts: HttpFacts) -> Finding:
        found = facts.answers[path]
        if found.trouble:
            return failed(
                ListenerDownError(
                    f"{facts.url}{path} doesn't answer as it should: {found.trouble}.",
                    ListenerDownError.advice,
                )
            )
        if "degraded" in found.told:
            return warning(f"{facts.url}{path} says {found.told}.", "Look at the log.")
        return ok(f"{what}{f': {found.told}' if found.told else '.'}")

    return judge


def exposure(facts: HttpFacts) -> Finding:
    """Whether the page can be read by others on its way."""
    outside = facts.outside
    if facts.url.startswith("https:"):
        return ok("It is encrypted.")
    if isinstance(outside, Missing):
        return unchecked(outside.why)
    if not outside:
        return ok("Only this machine can connect, so nothing needs to be encrypted.")
    return failed(
        ListenerDownError(
            f"The page can be opened from other machines without encryption, at {outside}.",
            "Write https:// in [web] listen, or listen on 127.0.0.1, and restart popbridge.",
        )
    )


def metrics_exposure(facts: HttpFacts) -> Finding:
    """Who can read the metrics, which name nobody."""
    outside = facts.outside
    if isinstance(outside, Missing):
        return unchecked(outside.why)
    if not outside:
        return ok("Only this machine can connect.")
    return warning(
        f"Anybody in the network can read the metrics, at {outside}. They name no one.",
        "If they should not, listen on 127.0.0.1 in [metrics] listen.",
    )
