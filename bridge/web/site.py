"""The page over HTTP: who may ask, how much, how long, and what every answer carries."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from bridge.errors import BridgeError, Exit, UnknownLoginError
from bridge.web.access import Brake, Links, Session, Sessions, known_host, own_origin, same_token
from bridge.web.answers import Answer, Asked, Renderer, redirect
from bridge.web.pages import Pages
from bridge.web.request import QuietRequest

MAX_BODY_OCTETS = 64 * 1024
"""Forms are small."""

MAX_DROPPED_OCTETS = 1 << 20
"""Who sends more than this beyond what is taken is cut off."""

IDLE_S = 30
REQUEST_S = 30
"""Seconds in which a request must have arrived whole."""

MAX_CONNECTIONS = 100

HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src"
        " 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    # Not no-referrer, which would have browsers send forms with Origin: null.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)
_STATIC = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_log = Logger("popbridge.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Who may come in."""

    links: Links
    sessions: Sessions
    brake: Brake
    names: Callable[[], Collection[str]]
    """Host names of this machine, in lower case."""


class _Channel(HTTPChannel):
    site: Any

    def connectionMade(self) -> None:
        self.site.open += 1
        super().connectionMade()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.site.open -= 1
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class _Request(QuietRequest):
    """A request of bounded size that must arrive in time."""

    too_large = False
    cut = False

    def __init__(self, channel: Any, *more: Any, **named: Any) -> None:
        super().__init__(channel, *more, **named)  # type: ignore[no-untyped-call]
        self._taken = 0
        self._late = channel.site.reactor.callLater(REQUEST_S, self._cut)

    def gotLength(self, length: int | None) -> None:
        if length is not None and length > MAX_BODY_OCTETS:
            self.too_large, length = True, 0
        super().gotLength(length)  # type: ignore[no-untyped-call]

    def handleContentChunk(self, data: bytes) -> None:
        self._taken += len(data)
        if self._taken > MAX_BODY_OCTETS + MAX_DROPPED_OCTETS:
            self._cut()
        if self._taken > MAX_BODY_OCTETS:
            self.too_large = True
        kind = self.requestHeaders.getRawHeaders(b"content-type", [b""])[0]
        # No form here sends another kind, and what isn't kept isn't parsed.
        if not self.too_large and kind.startswith(b"application/x-www-form-urlencoded"):
            body: Any = self.content
            body.write(data)

    def process(self) -> None:
        self._settle()
        if not self.cut:
            super().process()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Any) -> None:
        self._settle()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def _settle(self) -> None:
        if self._late.active():
            self._late.cancel()

    def _cut(self) -> None:
        if self.channel is not None:
            self.cut = True
            channel: Any = self.channel
            channel.forceAbortClient()


class PageSite(Site):
    """What to serve on the listeners of [web]."""

    # Twisted would tell of each port that it opens.
    noisy = False
    open = 0

    def buildProtocol(self, addr: Any) -> Any:
        """A connection, while there aren't too many."""
        if self.open >= MAX_CONNECTIONS:
            return None
        return super().buildProtocol(addr)  # type: ignore[no-untyped-call]

    def log(self, request: object) -> None:
        """Nothing: what is asked for holds logins and links."""


class _Root(Resource):
    isLeaf = True

    def __init__(self, pages: Pages, renderer: Renderer, doors: Doors, *, secure: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._pages = pages
        self._render = renderer
        self._doors = doors
        self._secure = secure

    def render(self, request: Any) -> int:
        asked = Deferred.fromCoroutine(self._answer(request))
        # A form that was sent is carried out, whether or not its sender waits for it.
        request.notifyFinish().addErrback(lambda gone: None)
        asked.addErrback(self._fault)
        asked.addCallback(self._tell, request)
        return NOT_DONE_YET

    async def _answer(self, request: Any) -> Answer:
        host = _header(request, "host") or ""
        if not known_host(host, self._doors.names()):
            return self._render.error(
                421, "Not here", "popbridge isn't reached by this name.",
                "Use the address that popbridge status --link prints, or add the name to"
                " [web] names.",
            )  # fmt: skip
        if request.method not in (b"GET", b"HEAD", b"POST"):
            answer = self._render.error(405, "Not possible", "Only GET, HEAD and POST are.")
            return _with(answer, "Allow", "GET, HEAD, POST")
        if request.too_large:
            return self._render.error(413, "Too much", "That form is larger than any may be.")
        try:
            return await self._page(request, host, _path(request.path))
        except UnknownLoginError as error:
            return self._error(404, error)
        except BridgeError as error:
            unavailable = error.exit in (Exit.TEMPORARY, Exit.CANNOT_CREATE, Exit.UNAVAILABLE)
            return self._error(503 if unavailable else 400, error)

    async def _page(self, request: Any, host: str, path: tuple[str, ...]) -> Answer:
        posts = request.method == b"POST"
        if len(path) == 2 and path[0] == "static" and path[1] in _STATIC and not posts:
            return Answer(body=_static(path[1]), content_type=_STATIC[path[1]])
        origin, site = _header(request, "origin"), _header(request, "sec-fetch-site")
        if posts and not own_origin(origin, site, host, secure=self._secure):
            return self._render.error(
                403, "Not from here", "That form came from another site.", "Use this page's own."
            )
        given = _fields(request.args)
        if path == ("sign-in",):
            return self._sign_in(request, given, posts=posts)
        cookie = self._cookie(request, host)
        live = "live" in given and not posts
        session = self._doors.sessions.find(cookie, use=not live)
        if session is None:
            return self._sign_in_first(live=live)
        return await self._signed_in(request, path, given, session, cookie, live=live)

    async def _signed_in(
        self, request: Any, path: tuple[str, ...], given: dict[str, str], session: Session,
        cookie: str, *, live: bool,
    ) -> Answer:  # fmt: skip
        asked = Asked(path=path, given=given, session=session, live=live)
        if request.method == b"POST":
            if not same_token(session, given.get("csrf", "")):
                return self._render.error(
                    403,
                    "Out of date",
                    "That form is none of this session's.",
                    "Load the page anew.",
                )
            if path == ("sign-out",):
                self._doors.sessions.end(cookie)
                gone = f"{self._cookie_name(_header(request, 'host') or '')}=; Max-Age=0"
                return _with(redirect("/sign-in"), "Set-Cookie", self._attributes(gone))
            answer = await self._pages.post(asked)
        else:
            answer = await self._pages.get(asked)
        return answer or self._render.error(404, "Not found", "There is no such page.")

    def _sign_in_first(self, *, live: bool) -> Answer:
        if live:
            return Answer(code=401)
        return self._render.page("sign_in", code=401, title="Sign in", token_given="")

    def _sign_in(self, request: Any, given: dict[str, str], *, posts: bool) -> Answer:
        token = given.get("link", "")[:200]
        if not posts:
            # Not at once: programs that look at links before people do would use it up.
            return self._render.page("sign_in", title="Sign in", token_given=token)
        if not self._doors.links.use(token.rpartition("=")[2].strip()):
            if self._doors.brake.wrong(_peer(request)):
                answer = self._render.error(
                    429, "Too many tries", "Too many links were wrong.", "Wait a minute."
                )
                return _with(answer, "Retry-After", "60")
            return self._render.error(
                403, "That link is over", "It was used already, is too old, or is none.",
                "Ask for another: popbridge status --link",
            )  # fmt: skip
        cookie, _ = self._doors.sessions.begin()
        name = self._cookie_name(_header(request, "host") or "")
        return _with(redirect("/"), "Set-Cookie", self._attributes(f"{name}={cookie}"))

    def _cookie_name(self, host: str) -> str:
        # Browsers don't tell ports apart: another daemon of this machine has its own cookie.
        port = host.rpartition(":")[2]
        name = f"popbridge-{port if port.isdigit() else 0}"
        return f"__Host-{name}" if self._secure else name

    def _attributes(self, cookie: str) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{cookie}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def _cookie(self, request: Any, host: str) -> str:
        found = request.getCookie(self._cookie_name(host).encode())
        return "" if found is None else found.decode("latin-1")

    def _error(self, status: int, error: BridgeError) -> Answer:
        return self._render.error(status, "That didn't work", error.text, error.remedy, error.code)

    def _fault(self, failure: Failure) -> Answer:
        if not isinstance(failure.value, CancelledError):
            _log.failure("A page failed; this is a fault of popbridge", failure)
        return self._render.error(
            500, "A fault of popbridge", "The page couldn't be made; the log says why.",
            "Please report it.", BridgeError.code,
        )  # fmt: skip

    def _tell(self, answer: Answer, request: Any) -> None:
        if request.channel is None or request._disconnected:
            return
        request.setResponseCode(answer.code)
        for name, value in (*HEADERS, ("Cache-Control", "no-store"), *answer.headers):
            request.setHeader(name, value)
        request.setHeader("Content-Type", answer.content_type)
        request.setHeader("Content-Length", str(len(answer.body)))
        if request.method != b"HEAD":
            request.write(answer.body)
        request.finish()


def page_site(pages: Pages, renderer: Renderer, doors: Doors, *, secure: bool) -> PageSite:
    """What to serve on a listener of [web].

    Args:
        pages, renderer: what is shown.
        doors: who may come in.
        secure: whether the listener speaks TLS.
    """
    site: Any = PageSite(  # type: ignore[no-untyped-call]
        _Root(pages, renderer, doors, secure=secure), requestFactory=_Request, timeout=IDLE_S
    )
    site.protocol = _Channel
    made: PageSite = site
    return made


def _with(answer: Answer, name: str, value: str) -> Answer:
    return Answer(
        code=answer.code,
        body=answer.body,
        content_type=answer.content_type,
        headers=(*answer.headers, (name, value)),
    )


def _path(path: bytes) -> tuple[str, ...]:
    return tuple(unquote(part.decode("latin-1")) for part in path.split(b"/") if part)


def _fields(args: dict[bytes, list[bytes]]) -> dict[str, str]:
    return {
        name.decode("utf-8", "replace"): values[-1].decode("utf-8", "replace")
        for name, values in args.items()
    }


def _header(request: Any, name: str) -> str | None:
    values = request.requestHeaders.getRawHeaders(name)
    # Two of a header are as good as none: who asks twice means to confuse.
    return values[0] if values and len(values) == 1 else None


def _peer(request: Any) -> str:
    host = getattr(request.getClientAddress(), "host", "") or ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    return host if address.version == 4 else str(ip_network((address, 64), strict=False))


@cache
def _static(name: str) -> bytes:
    return (Path(__file__).parent / "static" / name).read_bytes()
