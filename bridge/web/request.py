"""What the requests of all pages have in common."""

from twisted.web.server import Request


class QuietRequest(Request):
    """A request whose answer hides what serves it."""

    def setHeader(self, name: str | bytes, value: str | bytes) -> None:
        """As `Request.setHeader`."""
        own = name.lower() in ("server", b"server")
        # Twisted names itself and its version.
        super().setHeader(name, b"popbridge" if own else value)  # type: ignore[no-untyped-call]
