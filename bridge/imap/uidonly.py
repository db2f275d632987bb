"""Which commands have message numbers in them, or are answered with some (RFC 9586 §3)."""

from bridge.imap.commands.copy import Copy
from bridge.imap.commands.esearch import Esearch
from bridge.imap.commands.fetch import Fetch
from bridge.imap.commands.replace import Replace
from bridge.imap.commands.search import Search
from bridge.imap.commands.select import Select
from bridge.imap.commands.sort import Sort
from bridge.imap.commands.store import Store
from bridge.imap.commands.thread import Thread
from bridge.model.search import has_numbers


def needs_numbers(command: object) -> bool:
    """Whether the command can't do without message numbers."""
    match command:
        case Fetch() | Store() | Copy() | Replace():
            return not command.uid
        case Search() | Sort() | Thread():
            return not command.uid or has_numbers(command.key)
        case Esearch():
            return has_numbers(command.key)
        case Select():
            return command.resync is not None and command.resync.sample is not None
        case _:
            return False
