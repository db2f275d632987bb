"""What the scripted POP3 server does wrong on request."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What a session does wrong. Octets are counted before TLS, from the greeting on.

    A cut is a FIN with neither a reply nor a TLS close_notify before it: after a RST the client
    might not see the octets that were sent, and the count would mean nothing.
    Numbers are those that the client is told; verbs are upper case.
    """

    # The connection.
    cut_after_octets: int | None = None
    stall_after_octets: int | None = None
    """Nothing more is sent; the socket stays open until the server stops."""
    slice_octets: int | None = None
    """Sent in pieces of so many octets, with TCP_NODELAY."""
    lf_only: bool = False
    """Every line that is sent ends in LF alone."""
    slow_s: float = 0
    """Seconds before each answer; the server's stop ends the wait."""
    forgets_pipelined: bool = False
    """What arrives together with a command is thrown away."""
    before: Mapping[str, bytes] = field(default_factory=dict)
    """Verb to octets sent before its answer, such as an empty line."""
    behind: Mapping[str, bytes] = field(default_factory=dict)
    """Verb to octets sent behind its answer, such as a second reply."""
    cut_at: frozenset[str] = frozenset()
    """Verbs on which the connection is cut instead of an answer: CAPA with some servers."""
    stall_at: frozenset[str] = frozenset()
    """Verbs that never get an answer."""

    # Greeting and log-in.
    greeting: bytes | None = None
    """Sent in place of the greeting; CRLF is added if it doesn't end in LF."""
    no_capa: bool = False
    stls_injection: bool = False
    """Clear-text octets right behind the +OK of STLS."""
    apop: bool = False
    in_use: bool = False
    reject_login: bool = False
    rejection: bytes = b"[AUTH] wrong user name or password"
    """The words of a rejected log-in."""
    cut_at_rejection: bool = False
    """A rejected log-in cuts the connection instead of being answered."""
    login_delay_s: float = 0
    """Log-ins are refused with `too_often` sooner than this after one that was accepted."""
    too_often: bytes = b"[LOGIN-DELAY] too often"
    no_user: bool = False
    """USER is refused: the server has SASL only."""
    no_auth: bool = False
    """AUTH is an unknown command, whatever CAPA says."""
    continuation: bytes = b"+ "
    """An empty SASL challenge as it is sent: b"+", b"+OK" or b"+ go ahead" with some."""
    challenge: bytes | None = None
    """A line sent in place of every SASL challenge."""
    scram_iterations: int = 4096
    scram_forged: bool = False
    """SCRAM's last message carries a signature that isn't the server's."""
    scram_nonce: bytes | None = None
    """The whole nonce of SCRAM's first message, which should begin with the client's."""
    oauth_one_line: bool = False
    """A token is taken only on the line of AUTH itself."""
    oauth_error: bytes = b'{"status":"400","schemes":"Bearer","scope":"https://mail.example/"}'
    """The challenge that tells of a token that isn't right; b"": -ERR at once."""

    # Listings. More is in the server's `uidls`: blank and equal ones, too few and too many.
    no_uidl: bool = False
    refuse_uidl: bool = False
    """-ERR without a reason, though CAPA lists it."""
    listing_cut: bool = False
    """A cut in the middle of the UIDL listing."""
    listing_line: bytes = b""
    """A further line at the end of the UIDL listing."""
    missing_uidls: frozenset[int] = frozenset()
    """Numbers that UIDL doesn't list and LIST does."""
    hidden: frozenset[int] = frozenset()
    """Messages, counted from one among all, that this session doesn't have at all."""
    flaps: bool = False
    """`hidden` holds in every second session only, the first of them hides nothing."""
    newest: int | None = None
    """Only so many of the newest messages are there (a listing window)."""
    oldest: int | None = None
    """Only so many of the oldest messages are there."""
    size_factor: float = 1
    """LIST tells so many times the size."""
    stat: tuple[int, int] | None = None
    """What STAT answers, whatever is there."""
    no_stat: bool = False

    # Messages.
    refuse_retr: frozenset[int] = frozenset()
    retr_refusal: bytes = b"the message can't be read"
    empty_retr: frozenset[int] = frozenset()
    truncate_retr: Mapping[int, int] = field(default_factory=dict)
    """Message number to the octets of it that are sent, with a proper terminator."""
    cut_retr: Mapping[int, int] = field(default_factory=dict)
    """Message number to the octets of the answer that are sent before the connection is cut."""
    terminator: Mapping[int, bytes] = field(default_factory=dict)
    """Message number to what is sent in place of the last CRLF "." CRLF: b"" never ends,
    b"\\r\\n.\\r" lacks the LF, b".\\r\\n" is glued to the last line."""
    max_retr: int | None = None
    """RETRs that a session answers; those behind get `retr_cap`."""
    retr_cap: bytes = b"Download exceed. msg=10"
    bare_lf: bool = False
    """Lines of messages end in LF, except the last; sizes in LIST still count CRLF."""
    unstuffed: bool = False
    """Leading dots aren't doubled."""
    prepended: bytes = b""
    """Header lines before each message, such as b"X-UIDL: 7\\r\\n"."""
    blank_line: bool = False
    """A blank line is added to each message."""
    extra_after_retr: bytes = b""
    """Sent behind the terminator of each message."""
    no_top: bool = False
    top_octets: int | None = None
    """TOP ends after so many octets."""
    hides_retrieved: bool = False
    """What was retrieved is gone from the next session on, once QUIT is answered (Gmail)."""

    # Deleting.
    refuse_dele: frozenset[int] = frozenset()
    ignore_dele: bool = False
    """DELE is answered with +OK and QUIT too, but nothing goes."""
    renumbers: bool = False
    """After DELE the messages behind move down by one in the same session."""
    update_limit: int | None = None
    """QUIT removes only so many of the marked."""
    refuse_quit: bool = False
    """QUIT is answered with -ERR, after removing what it removes."""
    quit_applies_nothing: bool = False
    """QUIT removes nothing, whatever it answers."""
    mute_quit: bool = False
    """QUIT removes what is marked, then the connection is cut without an answer."""
