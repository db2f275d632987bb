"""What becomes of an announced literal, before any of it is invited (RFC 9051 §4.3; RFC 7888)."""

from bridge.imap.commands.append import append_target
from bridge.imap.commands.replace import replace_target
from bridge.imap.framing import LiteralRequested
from bridge.intake import INLINE_OCTETS
from bridge.model.ids import MailboxId, Uid
from bridge.session.commands.replace import replaced
from bridge.session.context import Context
from bridge.session.quota import require_room
from bridge.session.reply import Bad, Bye, No
from bridge.store.tx import ReadTx

LITERALS_OCTETS = 512 << 10
"""Of all literals of one command, the message of APPEND aside: no search needs more."""

MAX_LITERALS = 1000
"""Of one command; a client that needs more strings than this is none."""

DRAINED_OCTETS = 2 << 20
"""What an unknown client has under way and isn't wanted is read up to here, then it is cut."""


class Literals:
    """Counts the literals of a command and decides on each."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._count = 0
        self._octets = 0

    def start_over(self) -> None:
        """A new command begins."""
        self._count = self._octets = 0

    async def decide(self, event: LiteralRequested) -> None:
        """Accepts the literal, and invites it if the client waits.

        Raises:
            No, Bad: it isn't wanted; what has come of the command is forgotten.
            Bye: and too much of it is under way.
        """
        try:
            await self._accept(event)
        except (No, Bad) as refusal:
            self.start_over()
            self._context.connection.framer.reject()
            await self._context.drop_uploads()
            known = self._context.account is not None
            if not (event.sync or known) and event.size > DRAINED_OCTETS:
                raise Bye(refusal.text, "TOOBIG", limit=refusal.limit) from refusal
            raise
        if event.sync:
            self._context.write(b"+ Go on\r\n")

    async def _accept(self, event: LiteralRequested) -> None:
        context, limits = self._context, self._context.services.limits
        target, replacing = None, None
        if context.account is not None:
            target = append_target(event.prefix, context.mode)
            if target is None:
                replacing = replace_target(event.prefix, context.mode)
                target = None if replacing is None else replacing.append
        if target is None:
            self._count_in(event.size)
            context.connection.framer.accept_memory()
            return
        if event.size > limits.append_octets:
            text = f"A message has at most {limits.append_octets} octets"
            raise No(text, "TOOBIG", limit="append")
        if target.before and replacing is None:
            self._require_more(target.before)
        elif target.before:
            raise Bad("REPLACE takes one message")
        old = None
        if replacing is not None:
            if not context.offers("REPLACE"):
                raise Bad("REPLACE is not offered to this account")
            old = replaced(context, replacing.number, uid=replacing.uid)
        account, name = context.user.id, target.mailbox
        octets = context.uploads.octets + event.size

        def check(tx: ReadTx) -> None:
            if context.mailbox(tx, name) is None:
                raise No("There is no such mailbox", "TRYCREATE")
            freed = 0 if old is None else _size(tx, context.selected.mailbox.id, old)
            require_room(tx, account, octets - freed)

        # Where a message went just now there is a mailbox, and what is under way and stays in
        # memory is checked once more as it is stored: a client that brings message after message
        # would pay a look at the store for each of them, and be spared nothing by it.
        known = name == context.uploads.last_mailbox and octets <= INLINE_OCTETS
        if event.sync or not known:
            await context.services.database.read(check)
        context.connection.framer.accept_stream()
        context.uploads.begin(target.message.date, binary=event.binary)

    def _require_more(self, before: int) -> None:
        """Makes sure that one more message of the command can be taken.

        Raises:
            Bad: the account isn't offered MULTIAPPEND.
            No: those before it couldn't be kept, one of them gave the whole up, or it is too much.
        """
        if not self._context.offers("MULTIAPPEND"):
            raise Bad("MULTIAPPEND is not offered to this account")
        uploads = self._context.uploads
        if len(uploads.finished) != before:
            raise No("The message could not be kept: is the disk full?", "UNAVAILABLE")
        if not all(message.size for message, _ in uploads.finished):
            raise No("A message of no octets is none: nothing was added", "CANNOT")
        if uploads.full:
            raise No(
                "That is too much for one APPEND: send fewer messages", "LIMIT", limit="append"
            )

    def _count_in(self, octets: int) -> None:
        self._count += 1
        self._octets += octets
        if self._octets > LITERALS_OCTETS:
            text = f"The literals of a command have at most {LITERALS_OCTETS} octets"
            raise Bad(text, "TOOBIG", limit="literal")
        if self._count > MAX_LITERALS:
            text = f"A command has at most {MAX_LITERALS} literals"
            raise Bad(text, "LIMIT", limit="literal")


def _size(tx: ReadTx, mailbox_id: MailboxId, uid: Uid) -> int:
    sizes = tx.columns(mailbox_id, [uid], frozenset({"size"}), 0).columns["size"]
    return int(sizes[0]) if sizes else 0
