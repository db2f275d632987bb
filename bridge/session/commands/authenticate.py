"""AUTHENTICATE."""

from collections.abc import Callable
from typing import TypeVar

from bridge import crypto
from bridge.imap.commands.authenticate import Authenticate, decode_response, split_plain
from bridge.imap.framing import CommandLine
from bridge.imap.grammar import SyntaxFault
from bridge.imap.scram import auth_message, read_final, read_first, server_final, server_first
from bridge.imap.serialize import base64_line
from bridge.session.commands.login import admit, enter, require_privacy
from bridge.session.context import Context
from bridge.session.reply import Bad, No, Ok

T = TypeVar("T")


async def authenticate(context: Context, command: Authenticate) -> Ok:
    """Logs in by SASL PLAIN or SCRAM-SHA-256, with or without an initial response (RFC 4959)."""
    mechanism = {"PLAIN": _plain, "SCRAM-SHA-256": _scram}.get(command.mechanism)
    if mechanism is None:
        raise No("Only SCRAM-SHA-256 and PLAIN are offered", "CANNOT")
    require_privacy(context)
    response = command.initial
    if response is None:
        response = await _ask(context, b"")
    return await mechanism(context, response)


async def _plain(context: Context, response: bytes) -> Ok:
    plain = _read(lambda: split_plain(response))
    _require_oneself(plain.authorize.lower(), plain.user.lower())
    return await enter(context, plain.user, plain.password)


async def _scram(context: Context, response: bytes) -> Ok:
    """RFC 5802 §5, RFC 7677; a failure ends it without the server's last message, as it may."""
    authenticator, peer = context.services.authenticator, context.connection.peer
    since = context.services.presence.revocations
    first = _read(lambda: read_first(response))
    if first.wants_binding:
        # Nothing is told to be offered that could be bound to.
        raise No("Channel binding is not offered", "AUTHENTICATIONFAILED")
    _require_oneself(first.authorize.lower(), first.user.lower())
    nonce = first.nonce + crypto.scram_nonce()
    known = await authenticator.challenge(first.user)
    challenge = server_first(nonce, known.salt, known.iterations)
    answer = await _ask(context, challenge)
    final = _read(lambda: read_final(answer))
    if final.nonce != nonce or final.binding != first.header:
        raise No("The answer belongs to another exchange", "AUTHENTICATIONFAILED")
    proved = await authenticator.prove(
        first.user, auth_message(first, challenge, final), final.proof, peer
    )
    if proved is None:
        return admit(context, None, since)
    # IMAP has no place for it in the OK: it goes as one more challenge (RFC 4422 §5).
    if await _ask(context, server_final(proved.signature)):
        raise Bad("Nothing was left to say")
    return admit(context, proved.who, since)


def _require_oneself(authorize: T, user: T) -> None:
    if authorize and authorize != user:
        raise No("Acting for another login is not offered", "AUTHORIZATIONFAILED")


async def _ask(context: Context, challenge: bytes) -> bytes:
    """The client's response, decoded.

    Raises:
        Bad: the client gave up, or sent no response.
    """
    context.write(b"+ ", base64_line(challenge))
    answer = await context.read_line()
    text = answer.pieces[0] if isinstance(answer, CommandLine) else b""
    if not isinstance(text, bytes) or text == b"*":
        raise Bad("Authentication was given up")
    return _read(lambda: decode_response(text))


def _read(parse: Callable[[], T]) -> T:
    try:
        return parse()
    except SyntaxFault as fault:
        raise Bad(fault.text) from fault
