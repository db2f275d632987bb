"""The control socket: a line of JSON asks for an operation, lines of JSON answer.

    {"operation": "sync", "arguments": {"logins": []}}
    {"progress": {...}}                     any number of them
    {"result": ...} or {"error": {"code", "text", "remedy", "exit"}}

Only the socket's owner can connect, and may do all there is.
"""

import json
import logging
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from twisted.internet import protocol
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

from bridge.admin.syncing import Report, error_form
from bridge.errors import BridgeError, StoreError, UsageError
from bridge.net.runfile import CONTROL

MAX_REQUEST_OCTETS = 1 << 20

MAX_SOCKET_PATH = 100
"""A UNIX socket's path must fit 108 octets."""

Perform = Callable[[str, Mapping[str, Any], Report], Awaitable[object]]

_log = logging.getLogger("popbridge.control")


class ControlConnection(protocol.Protocol):
    """One request, then the answer, then the end."""

    transport: Any

    def __init__(self, perform: Perform) -> None:
        self._perform = perform
        self._request = bytearray()
        self._asked = False

    def dataReceived(self, data: bytes) -> None:
        """Takes the request."""
        self._request += data
        if len(self._request) > MAX_REQUEST_OCTETS:
            self.transport.abortConnection()
        elif b"\n" in self._request and not self._asked:
            self._asked = True
            Deferred.fromCoroutine(self._answer(bytes(self._request))).addErrback(self._failed)

    async def _answer(self, line: bytes) -> None:
        try:
            operation, arguments = _read(line)
            result = await self._perform(operation, arguments, self._report)
        except BridgeError as error:
            self._write({"error": error_form(error)})
        else:
            self._write({"result": result})
        self.transport.loseConnection()

    def _report(self, progress: dict[str, object]) -> None:
        self._write({"progress": progress})

    def _write(self, value: dict[str, object]) -> None:
        self.transport.write(json.dumps(value).encode() + b"\n")

    def _failed(self, failure: Any) -> None:
        _log.error(
            "An operation failed; this is a fault of popbridge",
            exc_info=(failure.type, failure.value, failure.getTracebackObject()),
        )
        fault = BridgeError(
            "The daemon made a mistake; its log has the details.", "Please report it."
        )
        self._write({"error": error_form(fault)})
        self.transport.loseConnection()


class ControlFactory(protocol.Factory):
    """Makes a connection for each command."""

    noisy = False

    def __init__(self, perform: Perform) -> None:
        self._perform = perform

    def buildProtocol(self, addr: Any) -> ControlConnection:
        """A connection for a command."""
        return ControlConnection(self._perform)


@dataclass(frozen=True, slots=True)
class ControlSocket:
    """The socket, open; `folder` is one made for it outside of DATA."""

    path: str
    port: Any
    folder: Path | None

    async def close(self) -> None:
        """Takes the socket away."""
        stopping = self.port.stopListening()
        if stopping is not None:
            await stopping
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def open_control(
    reactor: Any, data: Path, perform: Perform, environ: Mapping[str, str]
) -> ControlSocket:
    """Listens in DATA, or in the runtime folder where DATA's path is too long for a socket.

    Whoever calls holds DATA's lock, so a socket that is there is what a killed daemon left.

    Raises:
        StoreError: it can't be made.
    """
    path, folder = data / CONTROL, None
    try:
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            runtime = environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
            parent = runtime or environ.get("XDG_RUNTIME_DIR") or None
            folder = Path(mkdtemp(prefix="popbridge-", dir=parent))
            path = folder / CONTROL
        path.unlink(missing_ok=True)
        port = reactor.listenUNIX(str(path), ControlFactory(perform), mode=0o600)
    except (OSError, CannotListenError) as wrong:
        cause: Any = getattr(wrong, "socketError", wrong)
        raise StoreError(
            f"The control socket {path} can't be made: {cause.strerror}.",
            "Check owner and mode of its folder, and that its disk can hold sockets.",
        ) from None
    return ControlSocket(str(path), port, folder)


def _read(line: bytes) -> tuple[str, dict[str, Any]]:
    """The operation and its arguments.

    Raises:
        UsageError: it is no request.
    """
    try:
        request = json.loads(line)
        return str(request["operation"]), dict(request["arguments"])
    except (ValueError, LookupError, TypeError):
        raise UsageError(
            "The control socket got what is no request.", "Use the command popbridge."
        ) from None
