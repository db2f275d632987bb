"""The state of one session, and what commands do with it."""

import logging
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import TypeVar

from bridge.errors import StoreError, StoreFullError
from bridge.imap.capability import capabilities, with_dependents
from bridge.imap.framing import CommandLine, LineTooLong, LiteralRequested
from bridge.imap.mode import REV1
from bridge.model.about import ACCOUNT
from bridge.model.account import Account
from bridge.model.ids import ModSeq
from bridge.model.mailbox import Mailbox, normal_form
from bridge.model.origin import origin
from bridge.session.annotations import AnnotationNews
from bridge.session.decoded import Reading
from bridge.session.interest import ALL, NONE, Interest
from bridge.session.news import News, Overflow
from bridge.session.port import Expired, LoggedIn, Services, Woken
from bridge.session.progress import Progress
from bridge.session.refresh import highest_modseq_line, refresh, tell_expunges
from bridge.session.reply import Bad, Bye, No
from bridge.session.trace import Trace, TracedConnection
from bridge.session.uploads import Uploads
from bridge.session.view import View
from bridge.store.tx import ReadTx, WriteTx

COMMAND_LINE_OCTETS = 64 << 10
"""Of a command's text after log-in; literals have their own limits."""

_log = logging.getLogger("popbridge.imap")
T = TypeVar("T")


class State(Enum):
    """RFC 9051 §3."""

    NOT_AUTHENTICATED = auto()
    AUTHENTICATED = auto()
    SELECTED = auto()


class Context:
    """What the handlers of commands are given."""

    def __init__(self, services: Services, connection: TracedConnection) -> None:
        self.services = services
        self.connection = connection
        self.origin = origin(connection.peer)
        self.account: Account | None = None
        self.view: View | None = None
        self.mode = REV1
        """What the client has enabled of that which changes the grammar."""
        self.closed_unsaid = False
        """Whether the mailbox that was selected has gone without a word: the client deleted it."""
        self.condstore = False
        """Whether the client is CONDSTORE-aware: it wants modseqs with what it isn't asking for."""
        self.qresync = False
        self._held_back = False
        self.idling = False
        self.tag = b""
        """Of the command that is running."""
        self.progress: Progress = Progress()
        """Of that command."""
        self.after_answer: Callable[[], None] | None = None
        """What begins behind the tagged answer: TLS, compression."""
        self.compressed = False
        self.reading: Reading | None = None
        """Where the last FETCH BINARY of a slice ended."""
        self.uploads = Uploads(services)
        self._hinted = False
        self._unsubscribe = _nothing
        self.annotations: AnnotationNews | None = None
        """Made where the client wants to hear what others annotate: by ENABLE, or by NOTIFY."""
        self.interest = ALL
        self.news: News | None = None
        """Made by NOTIFY SET: the client is told things at any time."""
        self._made: set[int] = set()
        """UIDs that the client has itself added to the selected mailbox, and not heard of yet."""
        self._metadata_enabled = False
        self._began_s = services.monotonic()

    def enter(self, who: LoggedIn) -> None:
        """The session is theirs from now on; it is traced if the account is."""
        self.account = who.account
        ACCOUNT.set(who.account.id)
        self.services.presence.enter(self, who.device)
        write = self.services.trace(who.account, self.connection.peer)
        if write is not None:
            self.connection.trace = Trace(write)

    def dismiss(self, text: str, code: str) -> None:
        """As `Guest.dismiss`."""
        self.connection.dismissal = Bye(text, code)
        self.connection.wake()

    def leave_if_dismissed(self) -> None:
        """Called between two answers.

        Raises:
            Bye: the session was dismissed.
        """
        if self.connection.dismissal is not None:
            raise self.connection.dismissal

    @property
    def user(self) -> Account:
        """The account, in states that have one."""
        assert self.account is not None
        return self.account

    @property
    def selected(self) -> View:
        """The view, in the state that has one."""
        assert self.view is not None
        return self.view

    def mailbox(self, tx: ReadTx, name: str) -> Mailbox | None:
        """The mailbox that the client means, or None.

        Where names are Net-Unicode it has the normal form of what the client wrote (RFC 9051 §5.1);
        but one that was made in modified UTF-7, which keeps what is written, is found exactly.
        """
        found = tx.mailbox(self.user.id, name)
        if found is None and self.mode.utf8 and not name.isascii():
            found = tx.mailbox(self.user.id, normal_form(name))
        return found

    def writable(self) -> View:
        """The view of a mailbox that was selected, not examined.

        Raises:
            No: it was opened read-only.
        """
        if self.selected.read_only:
            raise No("The mailbox is open read-only: SELECT it to change it")
        return self.selected

    def write(self, *octets: bytes) -> None:
        """Queues octets for the client."""
        self.connection.write(b"".join(octets))

    def progress_line(self) -> bytes:
        """How far the command is that is running."""
        return self.progress.line(self.tag)

    @property
    def state(self) -> State:
        """The state of RFC 9051 §3."""
        if self.account is None:
            return State.NOT_AUTHENTICATED
        return State.AUTHENTICATED if self.view is None else State.SELECTED

    @property
    def login_allowed(self) -> bool:
        """Whether a password may be sent on this connection."""
        return self.connection.secure or self.connection.loopback

    def capability(self) -> bytes:
        """The capabilities in this state."""
        return capabilities(
            authenticated=self.account is not None,
            secure=self.connection.secure,
            login_allowed=self.login_allowed,
            append_octets=self.services.limits.append_octets,
            withheld=self.withheld,
        )

    @property
    def withheld(self) -> frozenset[str]:
        """The capabilities that this account is not offered."""
        return with_dependents(frozenset() if self.account is None else self.account.withheld)

    def offers(self, name: str) -> bool:
        """Whether the capability of that name is not withheld."""
        return name not in self.withheld

    async def read_line(self) -> CommandLine | Woken:
        """The next line of a client that was asked for one: AUTHENTICATE, IDLE.

        Raises:
            Closed: the client has gone.
            Bye: it took too long.
            Bad: it sent something else.
        """
        while True:
            event = self.connection.framer.next_event()
            match event:
                case CommandLine():
                    return event
                case None:
                    if await self.more() is not None:
                        return Woken()
                case LiteralRequested():
                    self.connection.framer.reject()
                    raise Bad("A line was expected, not a literal")
                case LineTooLong():
                    raise Bad("The line is too long", "LIMIT", limit="line")
                case _:
                    raise Bad("A line was expected")

    async def more(self) -> Woken | None:
        """Waits for octets from the client (None) or a wake.

        Raises:
            Closed: the client has gone.
            Bye: it took too long.
        """
        limits = self.services.limits
        if self.account is None:
            # From the start, not since the last octet: else one a minute would hold a connection.
            timeout_s = self._began_s + limits.login_s - self.services.monotonic()
        else:
            timeout_s = limits.idle_s
        while True:
            listens = self.idling or self.news is not None
            pause_s = min(timeout_s, limits.still_here_s or timeout_s) if listens else timeout_s
            found = await self.connection.more(max(0.0, pause_s))
            self.leave_if_dismissed()
            if not isinstance(found, Expired):
                return found
            timeout_s -= pause_s
            if timeout_s <= 0:
                break
            # Routers forget connections on which nothing passes, and a phone that lost its
            # network would wait for news that can't come.
            self.write(b"* OK Still here\r\n")
        if self.account is None:
            raise Bye("You took too long to log in", limit="login_time")
        raise Bye("Nothing came from you for too long", limit="idle_time")

    def in_step(self, *, expunge: bool) -> bool:
        """Whether `sync` would find nothing to tell, however it is asked: so it is mostly."""
        view = self.selected
        newest = self.services.database.newest(view.mailbox.id)
        if newest > view.mailbox.highest_modseq or self._hinted or self._held_back:
            return False
        return not (self.condstore and view.ahead) and not (expunge and len(view.vanished))

    async def sync(self, *, expunge: bool, always: bool) -> None:
        """Tells the client what has changed in the selected mailbox.

        Args:
            expunge: whether EXPUNGE may be sent now.
            always: see for oneself, since hints may be lost.
        """
        assert self.view is not None
        if not self.interest.messages:
            return
        mailbox, last_uid = self.view.mailbox, self.view.last_uid
        # A client takes a modseq that it is told as a sign that it knows all before it.
        ahead = self.condstore and self.view.ahead
        behind = self.services.database.newest(mailbox.id) > mailbox.highest_modseq
        wanted = always or self._hinted
        self._hinted = False
        if ahead or (behind and wanted):
            pulled = refresh(
                self.services,
                self.view,
                expunge=expunge,
                modseqs=self.condstore,
                by_uid=self.by_uid,
                flags=self.interest.flags,
            )
            self.connection.write(await pulled)
            await self._show_arrivals(last_uid)
        elif expunge and len(self.view.vanished):
            told = tell_expunges(self.services, self.view, by_uid=self.by_uid)
            self.connection.write(await told)
        if self._held_back and not len(self.view.vanished):
            self._held_back = False
            self.write(highest_modseq_line(self.view))

    async def _show_arrivals(self, last_uid: int) -> None:
        """Shows what has come behind `last_uid`, but for what the client has added itself."""
        show, view = self.interest.show, self.view
        if show is None or view is None or view.last_uid <= last_uid:
            return
        places = range(bisect_right(view.uids, last_uid), view.count)
        own, self._made = self._made, {uid for uid in self._made if uid > view.last_uid}
        await show([at for at in places if view.uids[at] not in own])

    def made(self, uidvalidity: int, uids: Sequence[int]) -> None:
        """Notes that the client has itself added messages to a mailbox."""
        if self.view is not None and self.view.mailbox.uidvalidity == uidvalidity:
            self._made.update(uids if self.interest.show is not None else ())

    async def tell_expunged(self, uids: Sequence[int]) -> None:
        """Tells what the client has expunged itself, and what others did if it hears of that."""
        if self.interest.messages:
            await self.sync(expunge=True, always=True)
            return
        view = self.selected
        view.expunged(uids)
        self.write(await tell_expunges(self.services, view, by_uid=self.by_uid))

    async def change(self, work: Callable[[WriteTx], T]) -> T:
        """What `work` returns, once it is durable.

        What it does to mailboxes other than the selected one isn't told to the client that asked
        for it (RFC 5465 §5).
        """
        if self.news is None:
            return await self.services.database.write(work)
        return await self.news.change(work)

    def hear_nothing(self) -> None:
        """NOTIFY NONE, or what counts as that."""
        self._end_news()
        self.interest = NONE

    async def listen(self, news: News, interest: Interest) -> None:
        """The client is told at any time what is new: in the selected mailbox, and elsewhere."""
        self._end_news()
        self.news, self.interest = news, interest
        if news.hears_annotations_of_any and not self._metadata_enabled:
            await self.hear_annotations(news.hears_annotations)

    def _end_news(self) -> None:
        if self.news is not None:
            self.news.close()
            self.news = None
        if self.annotations is not None and not self._metadata_enabled:
            self.annotations.close()
            self.annotations = None

    async def tell(self) -> None:
        """Tells what is new between two commands, for which NOTIFY has asked.

        Not while a command has come in part: a client that sends one may not be reading.
        """
        if self.news is None or self.connection.framer.within:
            return
        try:
            if self.view is not None and (self._hinted or self.interest.at_once):
                await self.sync(expunge=self.interest.at_once, always=False)
                self.hold_back()
            await self.tell_annotations(always=False)
            await self.tell_news(always=False)
        except (StoreFullError, StoreError) as error:
            _log.warning("What has changed can't be told: %s", error)
        await self.connection.drain()

    async def tell_news(self, *, always: bool) -> None:
        """Tells what has become of mailboxes that aren't selected; `always` sees for itself."""
        if self.news is None:
            return
        try:
            self.write(
                await self.news.pull(always=always, aware=self.condstore, utf8=self.mode.utf8)
            )
        except Overflow:
            self.hear_nothing()
            text = b"There are too many mailboxes to tell of them all"
            self.write(b"* OK [NOTIFICATIONOVERFLOW] ", text, b"\r\n")
            self.services.observer.limit_reached("other")

    def hold_back(self) -> None:
        """A command ends while EXPUNGEs wait, or what others did isn't told at all (NOTIFY).

        The client must ask for it when it comes back. It takes the highest modseq that it was
        shown for what it knows all before, unless told another (RFC 7162 §3.2, §6).
        """
        view = self.view
        if self.condstore and view is not None and (len(view.vanished) or view.ahead):
            self._held_back = True
            self.write(highest_modseq_line(view))

    async def enable_condstore(self) -> None:
        """Makes the client CONDSTORE-aware, and tells it from where on it will hear all modseqs.

        What it believes is brought up to date before: after a silent STORE it may not know what
        others had done to the message, and FETCH MODSEQ would say that it does.
        """
        if self.condstore:
            return
        if self.view is not None:
            await self.sync(expunge=False, always=True)
            self.write(highest_modseq_line(self.view))
        self.condstore = True

    async def enable_qresync(self) -> None:
        """Makes the client CONDSTORE-aware, and VANISHED stand where EXPUNGE did."""
        await self.enable_condstore()
        self.qresync = True

    async def enable_utf8(self) -> None:
        """Mailbox names are UTF-8 from here on, and quoted strings may be (RFC 6855)."""
        self.mode = replace(self.mode, accepts_utf8=True)

    async def enable_rev2(self) -> None:
        """IMAP4rev2 is spoken from here on (RFC 9051 Appendix E)."""
        self.mode = replace(self.mode, rev2=True)
        if self.view is not None:
            self.view.forget_recent()

    async def enable_uid_only(self) -> None:
        """No message numbers from here on (RFC 9586)."""
        self.mode = replace(self.mode, uid_only=True)
        if self.view is not None:
            self.view.uid_only = True

    @property
    def by_uid(self) -> bool:
        """Whether the client hears of what is expunged by VANISHED."""
        return self.qresync or self.mode.uid_only

    async def enable_metadata(self) -> None:
        """From here on the client hears which annotations others change (RFC 5464 §4.1)."""
        self._metadata_enabled = True
        await self.hear_annotations(lambda mailbox: True)

    async def hear_annotations(self, hears: Callable[[str], bool]) -> None:
        """The client hears what others annotate, of the mailboxes that `hears` is true for."""
        if self.annotations is None:
            account = self.user.id
            newest = await self.services.database.read(lambda tx: tx.newest_annotation(account))
            self.annotations = AnnotationNews(self.services, account, newest, self.wake)
        self.annotations.hears = hears

    async def tell_annotations(self, *, always: bool) -> None:
        """Tells which annotations others have changed; `always` sees for itself."""
        if self.annotations is not None:
            self.write(await self.annotations.pull(always=always, utf8=self.mode.utf8))

    def wake(self) -> None:
        """There may be something to tell, to a client that listens."""
        if self.idling or self.news is not None:
            self.connection.wake()

    def select(self, view: View) -> None:
        """Makes `view` the selected mailbox."""
        self.deselect()
        self.view = view
        self._unsubscribe = self.services.bus.subscribe(view.mailbox.id, self._wake)
        if self.news is not None:
            self.news.selected = view.mailbox.id

    def deselect(self) -> None:
        """Leaves the selected mailbox, if there is one."""
        self._unsubscribe()
        self._unsubscribe = _nothing
        if self.view is not None and self.news is not None:
            self.news.left(self.view)
        self.view = None
        self._made.clear()
        self._hinted = self._held_back = False

    def looked(self) -> None:
        """The client wants to know what is new."""
        if self.account is not None:
            self.services.looked(self.account.id)

    def _wake(self, modseq: ModSeq) -> None:
        # The hint that the mailbox was deleted bears the modseq that it had last.
        if self.view is not None and modseq >= self.view.mailbox.highest_modseq:
            self._hinted = True
            self.wake()

    async def drop_uploads(self) -> None:
        """Forgets the messages of an APPEND that didn't add them."""
        try:
            await self.uploads.drop()
        except (StoreFullError, StoreError) as error:
            _log.warning("A stage is left for the next start to sweep: %s", error)


def _nothing() -> None:
    """Stands for a subscription that isn't there."""
