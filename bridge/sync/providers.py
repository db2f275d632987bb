"""Known providers: how each differs from what POP3 promises. Only what is proven stands here.

Each entry names its evidence: a page of the provider's, an entry of Mozilla's ISPDB
(github.com/thunderbird/autoconfig), a program's source or an issue in its tracker.
"""

from dataclasses import dataclass
from enum import Enum

GMAIL_RECENT = "recent:"


class Login(Enum):
    """What logs in where the password of the provider's web page does not."""

    PASSWORD = "the password"
    APP_PASSWORD = "an app password"
    APP_PASSWORD_OR_TOKEN = "an app password or an OAuth token"
    TOKEN = "an OAuth token"


class Deleting(Enum):
    """What becomes of a message whose DELE the provider carried out."""

    GONE = "it is deleted"
    SETTING = "what the mailbox's POP settings say"
    TRASH = "it is moved to the trash"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderHints:
    """How a provider differs; the defaults are POP3's own promises."""

    name: str = ""
    """"" for a provider that isn't known."""
    min_interval_s: int = 0
    """Least seconds between log-ins."""
    login: Login = Login.PASSWORD
    must_enable: bool = False
    """Whether POP access is off until its owner switches it on."""
    user_prefix: str = ""
    """What before the user name lists more than is listed without it."""
    deleting: Deleting = Deleting.GONE
    quit_hides: bool = False
    """Whether QUIT hides what was retrieved from later sessions."""
    window_messages: int | None = None
    """About how many messages a listing shows at most."""
    window_days: int | None = None
    """How many days back a listing goes unless its owner changes that."""
    pipelining: bool = True
    """Whether PIPELINING may be believed where CAPA names it."""
    sizes: bool = True
    """Whether LIST tells the octets that RETR sends."""
    all_mail: bool = False
    """Whether listings hold sent mail and other folders too."""
    help: str = ""
    """What to do where the password is refused; one or two sentences."""


_ONE_MINUTE = 60

_GMAIL = ProviderHints(
    name="Gmail",
    # Google help 6089246: normal and recent mode, about 250 conversations, sent mail is listed,
    # OAuth alone for Workspace since March 2025. Gmail API, PopSettings: disposition. limilabs.com,
    # gmail-pop3-behavior: no DELE in recent mode, POP must be enabled. ISPDB googlemail.com.
    login=Login.APP_PASSWORD_OR_TOKEN,
    must_enable=True,
    user_prefix=GMAIL_RECENT,
    deleting=Deleting.SETTING,
    quit_hides=True,
    window_messages=250,
    all_mail=True,
    help=(
        "Gmail takes no ordinary password over POP: make an app password (that needs 2-step"
        " verification) or use --oauth-token-command, which Workspace accounts must. POP has to"
        " be switched on in Gmail's settings, Forwarding and POP/IMAP."
    ),
)

_MICROSOFT = ProviderHints(
    name="Outlook.com and Microsoft 365",
    # ISPDB hotmail.com, office365.com: OAuth2 alone, DELE deletes from the inbox itself.
    # email-oauth2-proxy #160: POP isn't enabled for the mailbox. fetchmail FAQ S2 and getmail's
    # documentation: Exchange lists sizes that aren't those it sends.
    login=Login.TOKEN,
    must_enable=True,
    sizes=False,
    help=(
        "Microsoft takes no passwords over POP any more: use --oauth-token-command. POP has to be"
        " switched on in the settings of Outlook on the web, Forwarding and IMAP."
    ),
)


def _app_password(name: str, at: str) -> ProviderHints:
    """A provider whose ISPDB entry has OAuth2 and passwords, and whose passwords are made."""
    return ProviderHints(
        name=name,
        login=Login.APP_PASSWORD_OR_TOKEN,
        help=f"{name} takes no ordinary password over POP: make an app password {at}.",
    )


_BY_HOST: dict[str, ProviderHints] = {
    "pop.gmail.com": _GMAIL,
    "pop.googlemail.com": _GMAIL,
    "outlook.office365.com": _MICROSOFT,
    # ISPDB yahoo.com, aol.com, att.net: OAuth2 and password; neither takes new OAuth clients.
    "mail.yahoo.com": _app_password("Yahoo", "in its account security settings"),
    "pop.aol.com": _app_password("AOL", "in its account security settings"),
    "inbound.att.net": _app_password("AT&T", "(it calls it a secure mail key)"),
    # ISPDB messagingengine.com; Fastmail's help: passwords for programs are app passwords.
    "fastmail.com": _app_password("Fastmail", "in its settings, for POP"),
    # ISPDB web.de: <checkInterval minutes="15">, "otherwise fails at auth"; <enable>.
    "web.de": ProviderHints(
        name="WEB.DE",
        min_interval_s=15 * _ONE_MINUTE,
        must_enable=True,
        help=(
            "WEB.DE refuses a right password to those who log in more often than every 15 minutes:"
            " wait that long. POP3 has to be switched on in its e-mail settings."
        ),
    ),
    # ISPDB gmx.net: <enable>.
    "gmx.net": ProviderHints(
        name="GMX",
        must_enable=True,
        help="POP3 has to be switched on in GMX's e-mail settings.",
    ),
    # help.ovh.co.uk/EmailPopTooOften: who logs in within 60 seconds is cut off.
    "ovh.net": ProviderHints(
        name="OVH",
        min_interval_s=_ONE_MINUTE,
        help="OVH cuts off who logs in more often than once a minute: wait that long.",
    ),
    # zmail #62: the web settings show the last 30 days to POP unless that is changed.
    "pop.qq.com": ProviderHints(
        name="QQ Mail",
        must_enable=True,
        login=Login.APP_PASSWORD,
        window_days=30,
        help=(
            "QQ Mail takes no ordinary password over POP: switch POP3 on in its settings, which"
            " shows an authorization code, and use that. There too it can show more than the last"
            " 30 days."
        ),
    ),
    # ISPDB inbox.lv: <enable>, a password of its own; help.inbox.la 10755: switched off after two
    # months without use.
    **dict.fromkeys(
        ("mail.inbox.lv", "mail.inbox.eu", "mail.inbox.lt", "mail.inbox.la"),
        ProviderHints(
            name="Inbox.lv",
            must_enable=True,
            login=Login.APP_PASSWORD,
            help=(
                "Inbox.lv takes a password made for mail programs, and switches POP3 off after two"
                " months without use: switch it on in the mailbox's settings."
            ),
        ),
    ),
}

_BY_IMPLEMENTATION: dict[str, ProviderHints] = {
    # WildDuck's lib/pop3 and issues: 250 newest messages, DELE moves to Trash (#937), the last
    # dot wasn't flushed before the next answer began (#950, mended in January 2026).
    "WildDuck": ProviderHints(
        name="WildDuck",
        deleting=Deleting.TRASH,
        window_messages=250,
        pipelining=False,
    ),
}

_UNKNOWN = ProviderHints()


def hints(host: str, implementation: str = "") -> ProviderHints:
    """What is known of a provider, by its host or the text of IMPLEMENTATION (RFC 2449 §6.9).

    Args:
        host: of the POP3 server, without brackets.
        implementation: what CAPA told; "" where it didn't.

    Returns:
        hints whose `name` is "" where nothing is known.
    """
    labels = host.lower().rstrip(".").split(".")
    for start in range(len(labels) - 1):
        found = _BY_HOST.get(".".join(labels[start:]))
        if found is not None:
            return found
    for word, known in _BY_IMPLEMENTATION.items():
        if implementation.lower().startswith(word.lower()):
            return known
    return _UNKNOWN
