"""What a search asks of the store about messages that a view has."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from bridge.model.search import TEXT_FIELDS, Date, Header, ObjectId, Saved, Size, Text, Within
from bridge.query.evaluate import Mask, Stored
from bridge.query.texts import body_test, header_test, text_test, wanted_in_field
from bridge.session.mask import InView
from bridge.session.view import View
from bridge.store.tx import ReadTx


class InStore(InView):
    """The messages at some positions of a view, of which the store can be asked in one snapshot.

    A message that was purged since matches nothing that it is asked for.
    """

    def __init__(self, view: View, among: range, tx: ReadTx, now: datetime) -> None:
        super().__init__(view, among)
        self._mailbox_id = view.mailbox.id
        self._tx = tx
        self._now = now

    def stored(self, key: Stored, among: Mask) -> Mask:
        """As `Messages.stored`."""
        uids = self.uids_of(among)
        match key:
            case Size() | Date() | Saved() | Within() | ObjectId():
                found = self._tx.numbered(self._mailbox_id, uids, key, self._now)
            case Header():
                found = self._with_field(key, uids)
            case Text():
                found = self._with_text(key, uids)
            case _:
                assert_never(key)
        return self.among_uids(found)

    def _with_field(self, key: Header, uids: Sequence[int]) -> list[int]:
        wanted = wanted_in_field(key.value)
        found: list[int] = []
        if key.name in TEXT_FIELDS and b"\0" not in wanted:
            found, uids = self._tx.with_field(self._mailbox_id, uids, key.name, wanted)
        if uids:
            test = header_test(key)
            rows = self._tx.searched(self._mailbox_id, uids, frozenset({"header"}))
            found += [uid for uid, header in rows if test(header)]
        return found

    def _with_text(self, key: Text, uids: Sequence[int]) -> list[int]:
        if not key.header:
            in_body = body_test(key)
            bodies = self._tx.searched(self._mailbox_id, uids, frozenset({"text"}))
            return [uid for uid, text in bodies if in_body(text)]
        anywhere = text_test(key)
        rows = self._tx.searched(self._mailbox_id, uids, frozenset({"header", "text"}))
        return [uid for uid, header, text in rows if anywhere(header, text)]
