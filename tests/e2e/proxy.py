"""A TCP proxy that calls when so many octets of a server's have passed."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class CountingProxy:
    """Forwards each connection to `port`; after `limit` octets from the server it calls `reached`.

    The call is made once, from a thread, and nothing further is forwarded on that connection,
    nor is it closed: what the client then has got is exact, and it doesn't know that it is over.
    """

    def __init__(self, port: int, own: int = 0) -> None:
        self._target = port
        self.limit: int | None = None
        self.reached: Callable[[], None] = lambda: None
        self._listener = socket.create_server(("127.0.0.1", own))
        self.port = int(self._listener.getsockname()[1])
        self._closing = False
        self._held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Accepts no more, and lets go of the connections that it held."""
        self._closing = True
        self._listener.close()
        for one in self._held:
            _close(one)

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            threading.Thread(target=self._down, args=(server, client), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(65536):
                server.sendall(data)
        except OSError:
            pass
        _close(server)
        _close(client)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        passed = 0
        limit, self.limit = self.limit, None
        try:
            while data := server.recv(65536):
                if limit is not None and passed + len(data) >= limit:
                    client.sendall(data[: limit - passed])
                    self._held += [client, server]
                    self.reached()
                    return
                client.sendall(data)
                passed += len(data)
        except OSError:
            pass
        _close(client)
        _close(server)


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
