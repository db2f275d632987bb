"""What is told of changes, when, and how often."""

import re

from tests.imap_harness import Server, append

MESSAGE = b"Subject: 1\r\n\r\nx\r\n"


def test_r18_no_foreign_rows_in_the_middle_of_an_answer(server: Server) -> None:
    client, other = server.client(), server.client()
    for _ in range(3):
        append(client, MESSAGE)
    for command, count in (("FETCH 1:3 (UID)", 3), ("SEARCH ALL", 1), ("STORE 1:3 FLAGS (a)", 3)):
        other.do("NOOP")
        other.do("STORE 3 +FLAGS (\\Deleted)")
        other.do("EXPUNGE")
        append(other, MESSAGE)
        told = client.do(command)
        assert not any(line.endswith(b" EXPUNGE") for line in told)
        kind = b"SEARCH" if command.startswith("SEARCH") else b"FETCH"
        own = [at for at, line in enumerate(told) if kind in line and b"UID 4" not in line]
        assert own[-1] - own[0] < count, told
        told = client.do("NOOP")
        assert any(line.endswith(b"EXPUNGE") for line in told)
        assert client.do("FETCH 1:* (UID)")[-1] == b"t OK Done"


def test_r23_two_that_come_at_once_are_both_told(server: Server) -> None:
    client, other = server.client(), server.client()
    client.send(b"i IDLE\r\n")
    client.take()
    other.send(
        b"a APPEND INBOX {%d+}\r\n%b\r\nb APPEND INBOX {%d+}\r\n%b\r\n"
        % (len(MESSAGE), MESSAGE, len(MESSAGE), MESSAGE)
    )
    assert client.take().split(b"\r\n")[-3] == b"* 2 EXISTS"
    client.send(b"DONE\r\n")
    client.take()
    append(other, MESSAGE)
    told = client.do("UID FETCH 3:* (UID)")
    if b"* 3 FETCH (UID 3)" not in told:
        assert b"* 3 EXISTS" in told + client.do("NOOP")
    assert client.do("UID FETCH 3:* (UID)")[0] == b"* 3 FETCH (UID 3)"


def test_r23_a_lost_hint_only_delays(server: Server) -> None:
    client, other = server.client(), server.client()
    server.services.bus.publish = lambda changes: None  # type: ignore[method-assign]
    client.send(b"i IDLE\r\n")
    client.take()
    append(other, MESSAGE)
    client.send(b"DONE\r\n")
    client.take()
    told = client.do("NOOP") + client.do("FETCH 1:* (UID)")
    assert b"* 1 FETCH (UID 1)" in told


def test_r30_a_flag_is_there_once_however_it_is_spelt(server: Server) -> None:
    client = server.client()
    append(client, MESSAGE, flags="(\\Seen \\SEEN Work work)")
    client.do("STORE 1 +FLAGS (\\seen \\sEEN WORK)")
    client.do("SELECT INBOX")
    row = client.do("FETCH 1 (FLAGS)")[0]
    flags = re.findall(rb"[\\\w$]+", row.split(b"FLAGS (")[1])
    assert sorted(flag.lower() for flag in flags) == [b"\\seen", b"work"], row
    for command in ("SEARCH ALL", "UID SEARCH OR SEEN KEYWORD WORK"):
        assert client.do(command)[0] == b"* SEARCH 1"


def test_r35_exists_comes_only_when_it_grows(server: Server) -> None:
    client, other = server.client(), server.client()
    for _ in range(3):
        append(client, MESSAGE)
    other.do("NOOP")
    other.do("STORE 1:2 +FLAGS (\\Deleted)")
    other.do("EXPUNGE")
    told = client.do("NOOP")
    assert sum(line.endswith(b"EXPUNGE") for line in told) == 2
    assert not any(line.endswith(b"EXISTS") for line in told)
    assert client.do("NOOP") == [b"t OK Done"]
    append(other, MESSAGE)
    assert b"* 2 EXISTS" in client.do("NOOP")


def test_r38_what_was_expunged_elsewhere_is_readable_by_number(server: Server) -> None:
    client, other = server.client(), server.client()
    for _ in range(2):
        append(client, MESSAGE)
    other.do("NOOP")
    other.do("STORE 1 +FLAGS.SILENT (\\Deleted)")
    other.do("EXPUNGE")
    told = client.do("FETCH 1 (UID RFC822.SIZE BODYSTRUCTURE)")
    assert told[0].startswith(b"* 1 FETCH (UID 1 RFC822.SIZE 17 BODYSTRUCTURE (")
    client.send(b"f FETCH 1 BODY.PEEK[]\r\n")
    assert client.take() == b"* 1 FETCH (BODY[] {17}\r\n%b)\r\nf OK Done\r\n" % MESSAGE
    assert client.do("NOOP")[0] == b"* 1 EXPUNGE"
