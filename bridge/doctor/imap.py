"""Gathers what a mail app meets at a listener, with IMAPClient; blocks. It changes nothing.

It connects as a client does: no other code of popbridge's is between it and the socket.
"""

import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from email.parser import BytesHeaderParser
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError

from bridge.doctor.facts import ImapFacts, Protection, Served, Step
from bridge.doctor.finding import Missing
from bridge.doctor.imap_verdicts import STEPS
from bridge.doctor.places import outside_addresses, reachable_host, trusting
from bridge.doctor.words import count, is_everywhere, is_local, place_of

ANSWER_S = 15.0
"""For each answer; mail apps give up after half a minute or so."""

TALK_S = 120.0
"""For all that is said to one listener."""

NO_PASSWORD = "no password was given: `popbridge doctor LOGIN --password-file F` logs in"
_TROUBLE = (IMAPClientError, OSError, EOFError, ValueError, LookupError)
"""imaplib's errors are IMAPClientError, those of TLS and time-outs OSError."""

_QUOTED = re.compile(r"b'(.*)'|b\"(.*)\"")
_CODE = re.compile(r"\[[A-Z]+\] ")


def look_at_imap(url: str, served: Served, user: str | None, password: str | None) -> ImapFacts:
    """What a mail app meets there, up to logging out.

    Args:
        url: as run.json has it.
        served: the certificate that is expected.
        user, password: log in with these; None: don't.
    """
    began = time.monotonic()
    try:
        client, seconds, protection = _connected(url, served)
    except _TROUBLE as error:
        waited = time.monotonic() - began
        return _unreached(url, served, Step(seconds=waited, trouble=_said(error)))
    try:
        talk = {}
        if user is not None and password is not None:
            talk = _talk(client, user, password)
        capabilities: frozenset[str] | Missing
        try:
            capabilities = _capabilities(client)
        except _TROUBLE as error:
            capabilities = Missing(_said(error))
        if not talk:
            _talked(client, "LOGOUT")
    finally:
        with suppress(*_TROUBLE):
            client.shutdown()
    return ImapFacts(
        url=url,
        served=served,
        greeting=Step(seconds=seconds),
        protection=protection,
        capabilities=capabilities,
        others=_others(url),
        talk=talk,
        no_talk="" if talk else NO_PASSWORD,
    )


def _unreached(url: str, served: Served, greeting: Step) -> ImapFacts:
    none = Missing("no mail app can connect")
    return ImapFacts(
        url=url,
        served=served,
        greeting=greeting,
        protection=none,
        capabilities=none,
        others=none,
        talk={},
        no_talk=none.why,
    )


def _connected(url: str, served: Served) -> tuple[Any, float, Protection | Missing]:
    """A client behind its greeting and TLS, the seconds until the greeting, and what TLS showed."""
    try:
        return _opened(url, trusting(served), "")
    except ssl.SSLCertVerificationError as refusal:
        return _opened(url, trusting(None), refusal.verify_message.rstrip("."))


def _opened(
    url: str, context: ssl.SSLContext, distrust: str
) -> tuple[Any, float, Protection | Missing]:
    bound, port = place_of(url)
    host, implicit = reachable_host(bound), url.startswith("imaps:")
    began = time.monotonic()
    timeout: Any = SocketTimeout(ANSWER_S, ANSWER_S)
    client: Any = IMAPClient(host, port, ssl=implicit, ssl_context=context, timeout=timeout)
    seconds = time.monotonic() - began
    try:
        if not implicit:
            if not client.has_capability("STARTTLS"):
                return client, seconds, Missing("it offers no STARTTLS")
            client.starttls(context)
        return client, seconds, _protection(client.socket(), distrust)
    except BaseException:
        with suppress(*_TROUBLE):
            client.shutdown()
        raise


def _protection(connection: Any, distrust: str) -> Protection:
    own = connection.getpeercert(binary_form=True)
    # Python tells the whole chain from 3.13 on.
    whole = getattr(connection, "get_unverified_chain", lambda: [own])()
    return Protection(version=connection.version(), chain=tuple(whole), distrust=distrust)


def _capabilities(client: Any) -> frozenset[str]:
    return frozenset(word.decode("ascii", "replace").upper() for word in client.capabilities())


def _others(url: str) -> frozenset[str] | Missing:
    """What a connection that doesn't come from loopback is offered without TLS."""
    bound, port = place_of(url)
    if not url.startswith("imap:") or is_local(bound):
        return Missing("it isn't for other machines")
    places = outside_addresses(bound) if is_everywhere(bound) else (bound,)
    if not places:
        return Missing("this machine has no address but loopback now")
    try:
        timeout: Any = SocketTimeout(ANSWER_S, ANSWER_S)
        client: Any = IMAPClient(places[0], port, ssl=False, timeout=timeout)
        try:
            told = _capabilities(client)
            client.logout()
            return told
        finally:
            with suppress(*_TROUBLE):
                client.shutdown()
    except _TROUBLE as error:
        return Missing(f"{places[0]} doesn't answer: {_said(error)}")


def _talk(client: Any, user: str, password: str) -> dict[str, Step]:
    """What each step told, up to the first that failed."""
    found: dict[str, Step] = {}
    for name in STEPS:
        found[name] = _talked(client, name, user, password)
        if found[name].trouble:
            break
    return found


def _talked(client: Any, name: str, user: str = "", password: str = "") -> Step:
    began = time.monotonic()
    try:
        told = _log_in(client, user, password) if name == STEPS[0] else _SAY[name](client)
    except _TROUBLE as error:
        return Step(seconds=time.monotonic() - began, trouble=_said(error))
    return Step(seconds=time.monotonic() - began, told=told)


def _log_in(client: Any, user: str, password: str) -> str:
    client.login(user, password)
    return f"Logged in as {user}"


def _identify(client: Any) -> str:
    told = client.id_({"name": "popbridge doctor"})[0]
    words = [bytes(word).decode("ascii", "replace") for word in told]
    pairs = dict(zip(words[::2], words[1::2], strict=True))
    return f"It is {pairs.get('name', 'a server')} {pairs.get('version', '')}".rstrip()


def _list(client: Any) -> str:
    return f"It has {count(len(client.list_folders()), 'folder')}"


def _examine(client: Any) -> str:
    # EXAMINE: with SELECT the newest messages would be \\Recent for nobody else any more.
    found = client.select_folder("INBOX", readonly=True)
    return f"INBOX has {count(int(found[b'EXISTS']), 'message')}"


def _fetch(client: Any) -> str:
    exists = int(client.select_folder("INBOX", readonly=True)[b"EXISTS"])
    if not exists:
        return "There is no message to fetch yet"
    client.use_uid = False
    header = client.fetch(exists, ["BODY.PEEK[HEADER]"])[exists][b"BODY[HEADER]"]
    date = BytesHeaderParser().parsebytes(header).get("Date", "none")
    return f"The newest message has a header of {count(len(header), 'octet')}, Date: {date}"


def _idle(client: Any) -> str:
    client.idle()
    client.idle_done()
    return "It waits for new mail, and comes back from it"


def _log_out(client: Any) -> str:
    client.logout()
    return "It said goodbye"


_SAY: dict[str, Callable[[Any], str]] = {
    "ID": _identify,
    "LIST": _list,
    "EXAMINE": _examine,
    "FETCH": _fetch,
    "IDLE": _idle,
    "LOGOUT": _log_out,
}


def _said(error: BaseException) -> str:
    """What went wrong, as text for people: Python's bytes in it become what they stand for."""
    if isinstance(error, TimeoutError):
        return f"it doesn't answer within {ANSWER_S:g} seconds"
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or 'no reason given'})"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    words = _QUOTED.sub(lambda found: found[1] or found[2] or "", str(text))
    return _CODE.sub("", words).strip().rstrip(".")
