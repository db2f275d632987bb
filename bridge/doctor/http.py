"""Gathers what a monitor or a browser meets at a listener of [metrics] or [web]; blocks."""

import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from urllib.error import HTTPError
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, build_opener

from bridge.doctor.facts import HttpFacts, Step
from bridge.doctor.finding import Missing
from bridge.doctor.places import outside_addresses, reachable_host, trusting
from bridge.doctor.words import place_of

ANSWER_S = 10.0
HTTP_S = 40.0
"""For all that is asked of one listener."""

MAX_OCTETS = 1 << 20

METRICS_PATHS = ("/readyz", "/metrics")
PAGE_PATHS = ("/",)


def look_at_http(url: str, paths: Iterable[str]) -> HttpFacts:
    """What each path of a listener answers, and whether others reach it."""
    bound, port = place_of(url)
    host = reachable_host(bound)
    place = f"[{host}]" if ":" in host else host
    scheme = url.partition(":")[0]
    # The environment's proxy is no way to this machine; the certificate is judged elsewhere.
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=trusting(None)))
    answers = {path: _answer(opener, f"{scheme}://{place}:{port}{path}") for path in paths}
    return HttpFacts(url=url, answers=answers, outside=_outside(bound, port))


def _answer(opener: OpenerDirector, url: str) -> Step:
    began = time.monotonic()
    try:
        with opener.open(url, timeout=ANSWER_S) as answer:
            octets = answer.read(MAX_OCTETS)
    except HTTPError as refusal:
        with refusal:
            words = _words(refusal.read(MAX_OCTETS)) if refusal.code == 503 else ""
        if refusal.code in (401, 403, 404) and url.endswith("/"):
            return Step(seconds=time.monotonic() - began)
        return Step(trouble=f"it answers {refusal.code} {words}".rstrip())
    except OSError as error:
        reason = getattr(error, "reason", error)
        return Step(trouble=str(getattr(reason, "strerror", None) or reason))
    told = _words(octets) if url.endswith("/readyz") else ""
    return Step(seconds=time.monotonic() - began, told=told)


def _words(octets: bytes) -> str:
    return "; ".join(octets.decode("utf-8", "replace").splitlines()).rstrip(".")


def _outside(bound: str, port: int) -> str | Missing:
    """An address of this machine's at which it accepts connections from elsewhere; "" for none."""
    for address in outside_addresses(bound) or _any_address():
        with suppress(OSError), socket.create_connection((address, port), ANSWER_S):
            return f"{address} port {port}"
    return ""


def _any_address() -> tuple[str, ...]:
    return (*outside_addresses("0.0.0.0"), *outside_addresses("::"))
