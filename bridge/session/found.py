"""What SEARCH or SORT has found, told and saved.

Told: RFC 3501 §7.2.5, 4731 §3, 5256 §4, 5267 §3. Saved: RFC 5182 §2.4, 9394 §3.2.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from bridge.imap.commands.esearch import Esearch
from bridge.imap.commands.search import Search
from bridge.imap.commands.sort import Sort
from bridge.imap.found import esearch, numbers_data, set_of
from bridge.imap.serialize import mailbox_name
from bridge.model.sort import Returns
from bridge.query.sort import runs
from bridge.session.context import Context
from bridge.session.view import View

FEW_MESSAGES = 4000
"""Written down in the reactor's thread: more take milliseconds, which are not its to lose."""

_SAVE_ALONE = Returns(frozenset({"SAVE"}))
"""It has no answer of its own (RFC 5182 §1)."""


@contextmanager
def saving(view: View, command: Search | Sort | Esearch) -> Iterator[None]:
    """Within it a search runs; if it fails that was to be saved, nothing is (RFC 5182 §2.1)."""
    try:
        yield
    except Exception:
        if command.returns is not None and command.returns.saves:
            view.save(())
        raise


async def tell(context: Context, command: Search | Sort, found: Sequence[int]) -> None:
    """Writes the response to a command that found messages at these positions, in that order."""
    work = partial(answer, context.selected, command, context.tag, found)
    few = len(found) <= FEW_MESSAGES
    context.write(work() if few else await context.services.database.read(lambda tx: work()))


def answer(view: View, command: Search | Sort, tag: bytes, found: Sequence[int]) -> bytes:
    """The response; what is to be saved is saved.

    Beside the reactor too: nobody else looks at a view while its session's command runs.
    """
    if command.returns is not None and command.returns.saves:
        view.save(saved(command.returns, found))
    return response(view, command, tag, found)


def response(view: View, command: Search | Sort, tag: bytes, found: Sequence[int]) -> bytes:
    """SEARCH, SORT or ESEARCH."""
    numbers: Sequence[int]
    if command.uid:
        numbers = view.uids_at(found)
    elif isinstance(found, range):
        numbers = range(found.start + 1, found.stop + 1)
    else:
        numbers = [place + 1 for place in found]
    if command.returns is None:
        name = b"SORT" if isinstance(command, Sort) else b"SEARCH"
        asked = command.modseq and found
        return numbers_data(name, numbers, max(map(view.modseq, found)) if asked else None)
    if command.returns == _SAVE_ALONE:
        return b""
    items = _items(command.returns, numbers)
    if command.modseq and found:
        told = _of_modseq(command.returns, found)
        items.append(b"MODSEQ %d" % max(map(view.modseq, told)))
    return esearch(tag, uid=command.uid, items=items)


def of_mailbox(
    view: View, command: Esearch, tag: bytes, found: Sequence[int], *, utf8: bool
) -> bytes:
    """ESEARCH for a mailbox, of which the response says which it is (RFC 7377 §2.1).

    Nothing for one in which nothing was found, whatever is asked for.
    """
    if not found or command.returns == _SAVE_ALONE:
        return b""
    items = _items(command.returns, view.uids_at(found))
    if command.modseq:
        told = _of_modseq(command.returns, found)
        items.append(b"MODSEQ %d" % max(map(view.modseq, told)))
    name = mailbox_name(view.mailbox.name, utf8=utf8)
    source = b" MAILBOX %b UIDVALIDITY %d" % (name, view.mailbox.uidvalidity)
    return esearch(tag, uid=True, items=items, source=source)


def _items(returns: Returns, numbers: Sequence[int]) -> list[bytes]:
    items = []
    if "COUNT" in returns.options:
        items.append(b"COUNT %d" % len(numbers))
    if numbers and "MIN" in returns.options:
        items.append(b"MIN %d" % numbers[0])
    if numbers and "MAX" in returns.options:
        items.append(b"MAX %d" % numbers[-1])
    if numbers and "ALL" in returns.options:
        items.append(b"ALL " + set_of(runs(numbers)))
    if (asked := returns.partial) is not None:
        part = numbers[asked.of(len(numbers))]
        shown = set_of(runs(part)) if part else b"NIL"
        items.append(b"PARTIAL (%d:%d %b)" % (asked.first, asked.last, shown))
    return items


def saved(returns: Returns, found: Sequence[int]) -> Sequence[int]:
    """Those that "$" stands for: all, unless nothing but some of them is asked for."""
    if returns.options & {"ALL", "COUNT"} or not (returns.options - {"SAVE"} or returns.partial):
        return found
    part = found[returns.partial.of(len(found))] if returns.partial is not None else ()
    ends = {"MIN": found[:1], "MAX": found[-1:]}
    return list({*part, *(one for name in ends if name in returns.options for one in ends[name])})


def _of_modseq(returns: Returns, found: Sequence[int]) -> Sequence[int]:
    """Those whose highest modseq is told: those that are, and with COUNT or ALL all of them."""
    if returns.options & {"ALL", "COUNT"}:
        return found
    told = list(found[returns.partial.of(len(found))]) if returns.partial is not None else []
    if "MIN" in returns.options:
        told.append(found[0])
    if "MAX" in returns.options:
        told.append(found[-1])
    return told or found
