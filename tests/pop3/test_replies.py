import pytest

from bridge.errors import ProtocolError, UsageError
from bridge.model.upstream import Listed
from bridge.pop3 import commands
from bridge.pop3.replies import (
    MAX_LOGIN_DELAY_S,
    ListingParser,
    parse_capabilities,
    parse_status,
    parse_timestamp,
)


def listed(sizes: list[bytes], uidls: list[bytes] | None = None) -> tuple[Listed, ...]:
    parser = ListingParser()
    if uidls is not None:
        parser.begin_uidls()
        for line in uidls:
            parser.uidl(line)
    for line in sizes:
        parser.size(line)
    return parser.listing().messages


def test_status_lines() -> None:
    assert parse_status(b"+OK").ok
    assert parse_status(b"+ok ready").ok
    locked = parse_status(b"-ERR [IN-USE] Mailbox is locked")
    assert (locked.ok, locked.code) == (False, "IN-USE")
    assert parse_status(b"-ERR [sys/temp] later").code == "SYS/TEMP"


@pytest.mark.parametrize("line", [b"", b"hello", b"+OKAY", b"* OK imap", b"."])
def test_anything_else_is_a_protocol_error(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_status(line)


@pytest.mark.parametrize(
    ("code", "asked", "says"),
    [
        (b"IN-USE", "IN-USE", True),
        (b"in-use/by=another~client", "IN-USE", True),
        (b"SYS/TEMP/disk", "SYS", True),
        (b"SYS", "SYS", True),
        (b"SYSTEM", "SYS", False),
        (b"SYS", "SYS/TEMP", False),
        (b"AUTH", "SYS", False),
    ],
)
def test_unknown_detail_of_a_code_is_ignored(code: bytes, asked: str, says: bool) -> None:
    assert parse_status(b"-ERR [" + code + b"] words").says(asked) is says


def test_a_bracket_later_in_the_text_is_no_code() -> None:
    assert parse_status(b"-ERR user [IN-USE]").code == ""
    assert parse_status(b"-ERR [two words] no").code == ""


def test_uidls_keep_their_octets_and_inner_spaces() -> None:
    uidls = [b"1 a b", b"2   c", b"3", b"4 \xff" + b"x" * 300]
    messages = listed([b"%d 9" % number for number in range(1, 5)], uidls)
    assert [each.uidl for each in messages] == [b"a b", b"c", None, b"\xff" + b"x" * 300]


@pytest.mark.parametrize("lines", [[b"x 1"], [b"1"], [b"1 2", b"1 3"], [b"1 -4"], [b""]])
def test_a_listing_with_one_bad_line_is_no_listing(lines: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        listed(lines)


@pytest.mark.parametrize("lines", [[b"1 a", b"1 b"], [b"one a"], [b""], [b" 1 a"]])
def test_a_uidl_listing_with_one_bad_line_is_none(lines: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        listed([b"1 3"], lines)


def test_list_and_uidl_must_name_the_same_messages() -> None:
    assert listed([b"2 20 and more", b"1 10"], [b"1 a", b"2 "]) == (
        Listed(1, b"a", 10),
        Listed(2, None, 20),
    )
    assert listed([b"1 10"]) == (Listed(1, None, 10),)
    assert listed([]) == listed([], []) == ()
    for uidls in ([b"1 a"], [b"1 a", b"3 c"], []):
        with pytest.raises(ProtocolError):
            listed([b"1 10", b"2 20"], uidls)


def test_capabilities() -> None:
    capabilities = parse_capabilities([b"TOP", b"sasl PLAIN login", b"", b"PIPELINING"])
    assert "PIPELINING" in capabilities and "STLS" not in capabilities
    assert capabilities.sasl() == ("PLAIN", "LOGIN")


@pytest.mark.parametrize(
    ("line", "delay_s"),
    [
        (b"LOGIN-DELAY 900", 900),
        (b"login-delay 60 USER", 60),
        (b"LOGIN-DELAY", 0),
        (b"LOGIN-DELAY soon", 0),
        ("LOGIN-DELAY ²".encode(), 0),
        (b"LOGIN-DELAY 999999", MAX_LOGIN_DELAY_S),
        (b"LOGIN-DELAY " + b"9" * 5000, MAX_LOGIN_DELAY_S),
    ],
)
def test_the_least_time_between_log_ins(line: bytes, delay_s: int) -> None:
    assert parse_capabilities([line]).login_delay_s() == delay_s


@pytest.mark.parametrize(
    ("greeting", "stamp"),
    [
        (b"ready <1.2@host> and more", b"<1.2@host>"),
        (b"<1.2@[10.0.0.1]>", b"<1.2@[10.0.0.1]>"),
        (b"<see http://example.org> <1.2@host>", b"<1.2@host>"),
        (b"<1.2@>", b"<1.2@>"),
        (b"<no-at-sign>", None),
        (b"<1.2@host", None),
        (b"", None),
    ],
)
def test_timestamps(greeting: bytes, stamp: bytes | None) -> None:
    assert parse_timestamp(greeting) == stamp


def test_apop_is_the_example_of_rfc_1939() -> None:
    stamp = parse_timestamp(b"POP3 server ready <1896.697170952@dbc.mtview.ca.us>")
    assert stamp == b"<1896.697170952@dbc.mtview.ca.us>"
    assert commands.apop(b"mrose", b"tanstaaf", stamp) == (
        b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n"
    )


@pytest.mark.parametrize("password", [b"a\r\nDELE 1", b"a\n", b"a\0"])
def test_no_argument_can_smuggle_a_command(password: bytes) -> None:
    with pytest.raises(UsageError):
        commands.line("PASS", password)
