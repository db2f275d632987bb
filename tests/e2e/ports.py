"""Loopback ports for servers that must be told theirs."""

import socket


def free_port() -> int:
    """A port that nobody is given by chance, neither to listen on nor to connect from.

    A socket of ours stays bound to it, without listening, as long as this process lives: Linux then
    passes over the port wherever it chooses one, but lets a server bind it that asks for it by its
    number with SO_REUSEADDR, as servers do. Who connects before the server listens is refused.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port = int(held.getsockname()[1])
        held.detach()
    return port
