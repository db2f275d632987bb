import pytest

from bridge.errors import ProtocolError, UsageError
from bridge.model.upstream import Listed
from bridge.pop3 import commands
from bridge.pop3.replies import (
    merge,
    parse_capabilities,
    parse_sizes,
    parse_status,
    parse_timestamp,
    parse_uidls,
)


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


def test_uidls_keep_their_octets_and_inner_spaces() -> None:
    assert parse_uidls([b"1 a b", b"2   c", b"3", b"4 \xff" + b"x" * 300]) == {
        1: b"a b",
        2: b"c",
        3: b"",
        4: b"\xff" + b"x" * 300,
    }


@pytest.mark.parametrize("lines", [[b"x 1"], [b"1"], [b"1 2", b"1 3"], [b"1 -4"], [b""]])
def test_a_listing_with_one_bad_line_is_no_listing(lines: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        parse_sizes(lines)


def test_list_and_uidl_must_name_the_same_messages() -> None:
    assert merge({2: 20, 1: 10}, {1: b"a", 2: b""}).messages == (
        Listed(1, b"a", 10),
        Listed(2, None, 20),
    )
    assert merge({1: 10}, None).messages == (Listed(1, None, 10),)
    with pytest.raises(ProtocolError):
        merge({1: 10, 2: 20}, {1: b"a"})


def test_capabilities() -> None:
    capabilities = parse_capabilities([b"TOP", b"sasl PLAIN login", b"", b"PIPELINING"])
    assert "PIPELINING" in capabilities and "STLS" not in capabilities
    assert capabilities.sasl() == ("PLAIN", "LOGIN")


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
    with pytest.raises(UsageError):
        commands.plain_response(b"u", password)
