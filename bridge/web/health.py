"""What a monitor asks for: /metrics, /livez and /readyz, in plain text."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from bridge.metrics import CONTENT_TYPE, Metrics
from bridge.web.request import QuietRequest

Ready = Callable[[], Coroutine[Any, Any, list[str]]]
"""What keeps the daemon from serving, in words; empty when all is well."""

Degraded = Callable[[], list[str]]
"""What goes wrong, in words, though the mail is served."""

TIMEOUT_S = 30
"""A monitor that is silent for so long is gone."""

_TEXT = b"text/plain; charset=utf-8"
_log = Logger("popbridge.health")


class _Request(QuietRequest):
    """A request whose body is dropped."""

    def handleContentChunk(self, data: bytes) -> None:
        # Nothing here reads a body; Twisted would keep one of any size in a file.
        pass


class _Site(Site):
    # Twisted would tell of each port that it opens.
    noisy = False

    def log(self, request: object) -> None:
        # A line for every probe would drown what matters.
        pass


class _Health(Resource):
    isLeaf = True

    def __init__(self, metrics: Metrics, ready: Ready, degraded: Degraded) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._degraded = degraded
        self._metrics = metrics
        self._ready = ready
        self._pages: dict[bytes, Callable[[Any], int | bytes]] = {
            b"/metrics": self._on_metrics,
            b"/livez": lambda request: _answer(request, 200, b"ok\n"),
            b"/readyz": self._on_ready,
        }

    def render(self, request: Any) -> int | bytes:
        page = self._pages.get(request.path)
        if page is None:
            return _answer(request, 404, b"There are /metrics, /livez and /readyz here.\n")
        if request.method not in (b"GET", b"HEAD"):
            request.setHeader(b"Allow", b"GET, HEAD")
            return _answer(request, 405, b"Only GET and HEAD are possible.\n")
        return page(request)

    def _on_metrics(self, request: Any) -> bytes:
        return _answer(request, 200, self._metrics.exposition(), CONTENT_TYPE.encode())

    def _on_ready(self, request: Any) -> int:
        asked = Deferred.fromCoroutine(self._asked())
        # Where the answer is never to come, the client's going away ends the wait.
        request.notifyFinish().addErrback(lambda gone: asked.cancel())
        told = (request,)
        asked.addCallbacks(
            lambda found: _tell(found[0], found[1], request), _tell_fault, errbackArgs=told
        )
        return NOT_DONE_YET

    async def _asked(self) -> tuple[list[str], list[str]]:
        return await self._ready(), self._degraded()


def site(metrics: Metrics, ready: Ready, degraded: Degraded = list) -> Site:
    """What to serve on the listeners of [metrics].

    Args:
        metrics: of this process.
        ready: asked at each /readyz. What a provider does must not count: the mail is served
            while it is down, and a restart would not help.
        degraded: what goes wrong though the mail is served; told by /readyz, which stays 200.
    """
    return _Site(  # type: ignore[no-untyped-call]
        _Health(metrics, ready, degraded), requestFactory=_Request, timeout=TIMEOUT_S
    )


def _tell(reasons: list[str], degraded: list[str], request: Any) -> None:
    if request.channel is None:  # The client is gone.
        return
    lines = [*(reasons or ["ready"]), *(f"degraded: {each}" for each in degraded)]
    body = "".join(f"{line}\n" for line in lines)
    request.write(_answer(request, 503 if reasons else 200, body.encode()))
    request.finish()


def _tell_fault(failure: Failure, request: Any) -> None:
    if not isinstance(failure.value, CancelledError):
        _log.failure("/readyz failed; this is a fault of popbridge", failure)
    _tell(["The check itself failed; the log says why."], [], request)


def _answer(request: Any, code: int, body: bytes, content_type: bytes = _TEXT) -> bytes:
    request.setResponseCode(code)
    request.setHeader(b"Content-Type", content_type)
    request.setHeader(b"Content-Length", str(len(body)).encode())
    request.setHeader(b"Cache-Control", b"no-store")
    return body
