"""THREAD (RFC 5256 §3; REFS: draft-ietf-morg-inthread)."""

from array import array
from collections.abc import Sequence
from functools import partial
from typing import assert_never

from bridge.imap.commands.thread import Thread
from bridge.imap.found import thread_data
from bridge.model.sort import ThreadAlgorithm
from bridge.query.thread import Threads, by_references, by_refs, by_subject
from bridge.session.commands.search import matching
from bridge.session.commands.sort import READ_MESSAGES, load
from bridge.session.context import Context
from bridge.session.keys import Keys
from bridge.session.reply import Ok
from bridge.session.view import View
from bridge.store.keys import ANCESTRY
from bridge.store.tx import ReadTx

_COLUMNS = {
    ThreadAlgorithm.ORDEREDSUBJECT: ("sent_s", "subject"),
    ThreadAlgorithm.REFERENCES: ("sent_s", "subject", "reply"),
    ThreadAlgorithm.REFS: ("sent_s", "arrived_s"),
}


async def thread(context: Context, command: Thread) -> Ok:
    """Finds messages as SEARCH does and tells their threads."""
    if command.modseq:
        await context.sync(expunge=False, always=True)
    view = context.selected
    found = await matching(context, view, command.key)
    await load(context, view, _COLUMNS[command.algorithm])
    if command.algorithm is not ThreadAlgorithm.ORDEREDSUBJECT:
        await _link(context, view, found)
    work = partial(_response, context.services.keys, view, command, found)
    context.write(await context.services.database.read(work))
    return Ok("Done")


async def _link(context: Context, view: View, found: Sequence[int]) -> None:
    """Has references read, so many messages at a time, where many aren't known yet."""
    keys, mailbox_id, uids = context.services.keys, view.mailbox.id, _uids(view, found)

    def read(tx: ReadTx, some: "array[int]") -> None:
        with keys.linked(tx, mailbox_id, some):
            pass

    known = keys.known(mailbox_id, uids, (ANCESTRY,))
    for end in range(known + READ_MESSAGES, len(uids), READ_MESSAGES):
        await context.services.database.read(partial(read, some=uids[:end]))


def _uids(view: View, found: Sequence[int]) -> "array[int]":
    return array("I", [view.uids[place] for place in found])


def _response(keys: Keys, view: View, command: Thread, found: Sequence[int], tx: ReadTx) -> bytes:
    threads = _threads(keys, view, command.algorithm, found, tx)
    numbers = [view.uids[place] if command.uid else place + 1 for place in found]
    return thread_data(threads.roots, threads.children, numbers)


def _threads(
    keys: Keys, view: View, algorithm: ThreadAlgorithm, found: Sequence[int], tx: ReadTx
) -> Threads:
    every = keys.columns(tx, view.mailbox.id, view.uids, _COLUMNS[algorithm])
    sent, *rest = [[column[place] for place in found] for column in every]
    if algorithm is ThreadAlgorithm.ORDEREDSUBJECT:
        return by_subject(sent, *rest)
    with keys.linked(tx, view.mailbox.id, _uids(view, found)) as linked:
        match algorithm:
            case ThreadAlgorithm.REFERENCES:
                return by_references(linked, sent, *rest)
            case ThreadAlgorithm.REFS:
                return by_refs(linked, sent, *rest)
            case _:
                assert_never(algorithm)
