from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import UsageError
from bridge.model.account import Security, Submission, Upstream
from bridge.model.policy import Policy
from bridge.url import (
    DEFAULT_PORTS,
    MAX_DURATION_S,
    MAX_SIZE,
    Listen,
    format_duration,
    format_policy,
    format_size,
    parse_duration,
    parse_listen,
    parse_policy,
    parse_pop3_url,
    parse_size,
    parse_smtp_url,
    pop3_url,
    read_policy,
    smtp_url,
)

USERS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).filter(
    lambda label: not label.startswith("xn--")
)
HOSTS = st.one_of(
    st.lists(LABELS, min_size=1, max_size=4).map(".".join),
    st.ip_addresses(v=4).map(str),
    st.integers(0, 2**128 - 1).map(IPv6Address).map(str),
)


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "security"),
    [
        ("pop3s://ann@pop.example.org", "pop.example.org", 995, "ann", Security.IMPLICIT),
        ("pop3://ann@pop.example.org", "pop.example.org", 110, "ann", Security.STLS),
        ("pop3+plain://ann@127.0.0.1", "127.0.0.1", 110, "ann", Security.PLAIN),
        ("pop3s://ann@pop.example.org:1995", "pop.example.org", 1995, "ann", Security.IMPLICIT),
        ("pop3s://ann@example.org@pop", "pop", 995, "ann@example.org", Security.IMPLICIT),
        ("pop3s://a%3Ab%40c%25@pop", "pop", 995, "a:b@c%", Security.IMPLICIT),
        ("pop3s://J%C3%B6rg@pop", "pop", 995, "Jörg", Security.IMPLICIT),
        ("pop3s://a+b@pop", "pop", 995, "a+b", Security.IMPLICIT),
        ("pop3s://dom\\ann/x@pop/", "pop", 995, "dom\\ann/x", Security.IMPLICIT),
        ("pop3s://ann@[::1]", "::1", 995, "ann", Security.IMPLICIT),
        ("pop3://ann@[2001:DB8:0:0::1]:8110", "2001:db8::1", 8110, "ann", Security.STLS),
        ("POP3S://ann@Pop.Example.ORG.", "pop.example.org", 995, "ann", Security.IMPLICIT),
        ("pop3s://ann@bücher.example", "xn--bcher-kva.example", 995, "ann", Security.IMPLICIT),
    ],
)
def test_a_pop3_url_names_an_upstream(
    url: str, host: str, port: int, user: str, security: Security
) -> None:
    assert parse_pop3_url(url) == Upstream(host=host, port=port, user=user, security=security)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "not the URL"),
        ("ann@pop.example.org", "not the URL"),
        ("imap://ann@pop.example.org", "not the URL"),
        ("pop3s:ann@pop", "not the URL"),
        ("pop3s://pop.example.org", "no user"),
        ("pop3s://@pop.example.org", "no user"),
        ("pop3s://ann@", "no host"),
        ("pop3s://ann@:995", "no host"),
        ("pop3s://ann@pop:", "not a port"),
        ("pop3s://ann@pop:0", "not a port"),
        ("pop3s://ann@pop:65536", "not a port"),
        ("pop3s://ann@pop:\uff19\uff19\uff15", "not a port"),
        ("pop3s://ann@pop:pop3", "not a port"),
        ("pop3s://ann@::1", "brackets"),
        ("pop3s://ann@[::1", "brackets"),
        ("pop3s://ann@[::1]995", "brackets"),
        ("pop3s://ann@[127.0.0.1]", "not a host"),
        ("pop3s://ann@pop/inbox", "not a host"),
        ("pop3s://ann@pop..example", "not a host"),
        ("pop3s://ann@-pop", "not a host"),
        ("pop3s://ann@po p", "not a host"),
        ("pop3s://ann@" + "a." * 130 + "a", "not a host"),
        ("pop3s://100%@pop", "%25"),
        ("pop3s://%zz@pop", "%25"),
        ("pop3s://%ff@pop", "UTF-8"),
        ("pop3s://ann%0d%0aDELE%201@pop", "control character"),
        ("pop3s://ann%00@pop", "control character"),
    ],
)
def test_other_text_is_refused_in_words(url: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pop3_url(url)
    assert says in str(caught.value)
    assert caught.value.text.endswith(".")
    assert caught.value.remedy.endswith(".")


@pytest.mark.parametrize(
    "url",
    [
        "pop3s://ann:hunter2@pop",
        "pop3s://ann:hunter2@pop:99999",
        "pop3s://ann@example.org:hunter2@pop",
        "pop3s://ann:hunter2",
        "ann:hunter2@pop",
        "ftp://ann:hunter2@pop",
        "pop3s://:hunter2@pop",
        "pop3s://ann:hun@ter2@pop",
    ],
)
def test_a_password_in_the_url_is_refused_and_never_repeated(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pop3_url(url)
    assert "hun" not in str(caught.value)
    assert "ter2" not in str(caught.value)


@given(user=USERS, host=HOSTS, port=st.integers(1, 65535), security=st.sampled_from(Security))
def test_an_upstream_survives_its_url(user: str, host: str, port: int, security: Security) -> None:
    upstream = Upstream(host=host, port=port, user=user, security=security)
    assert parse_pop3_url(pop3_url(upstream)) == upstream
    default = Upstream(host=host, port=DEFAULT_PORTS[security], user=user, security=security)
    assert parse_pop3_url(pop3_url(default)) == default


def test_the_url_of_an_address_stays_readable() -> None:
    upstream = parse_pop3_url("pop3s://ann%40example.org@pop:995")
    assert pop3_url(upstream) == "pop3s://ann@example.org@pop"


@given(st.text() | st.text().map("pop3s://".__add__) | st.text().map("pop3://a@".__add__))
def test_any_text_is_a_url_or_a_usage_error(text: str) -> None:
    try:
        upstream = parse_pop3_url(text)
    except UsageError:
        return
    assert parse_pop3_url(pop3_url(upstream)) == upstream


@pytest.mark.parametrize(
    ("text", "stored", "policy"),
    [
        ("keep", "keep", Policy()),
        (" keep ", "keep", Policy()),
        ("delete", "delete", Policy(delete=True)),
        ("mirror", "mirror", Policy(mirror=True)),
        ("delete-after=720h", "delete-after=30d", Policy(delete_after_s=30 * 86_400)),
        ("keep-newest=0500", "keep-newest=500", Policy(keep_newest=500)),
        ("keep-below=1GiB", "keep-below=1GiB", Policy(keep_below=2**30)),
        (
            "keep-below=40000kB, mirror ,delete-after=90m",
            "delete-after=90m,mirror,keep-below=40MB",
            Policy(delete_after_s=5400, mirror=True, keep_below=40_000_000),
        ),
    ],
)
def test_a_policy_is_stored_in_one_spelling(text: str, stored: str, policy: Policy) -> None:
    assert parse_policy(text) == stored
    assert read_policy(text) == read_policy(stored) == policy
    assert policy.deletes is (stored != "keep")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is not a policy"),
        ("Keep", "is not a policy"),
        ("burn", "is not a policy"),
        ("delete,", "is not a policy"),
        ("delete=1", "is not a policy"),
        ("delete-after", "is not a policy"),
        ("keep-newest=many", "is not a policy"),
        ("keep-newest=-1", "is not a policy"),
        ("delete-after=soon", "is not a duration"),
        ("keep-below=4 MB", "is not a size"),
        ("keep-newest=0", "would delete everything"),
        ("delete-after=0d", "would delete everything"),
        ("keep-below=0B", "would delete everything"),
        ("keep,delete", "can't be joined"),
        ("keep,keep", "can't be joined"),
        ("delete-after=1d,delete-after=2d", "two rules"),
    ],
)
def test_other_text_is_no_policy(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse_policy(text)


@given(
    st.builds(
        Policy,
        delete=st.booleans(),
        delete_after_s=st.none() | st.integers(1, 10**9),
        mirror=st.booleans(),
        keep_newest=st.none() | st.integers(1, 10**9 - 1),
        keep_below=st.none() | st.integers(1, 2**63 - 1),
    )
)
def test_every_policy_is_read_back(policy: Policy) -> None:
    assert read_policy(format_policy(policy)) == policy


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("1s", 1), ("5m", 300), ("60s", 60), ("2h", 7200), ("30d", 2592000)],
)
def test_a_duration_is_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("7B", 7),
        ("3kB", 3000),
        ("500MB", 500_000_000),
        ("2GB", 2 * 10**9),
        ("1KiB", 1024),
        ("64MiB", 64 * 2**20),
        ("1GiB", 2**30),
    ],
)
def test_a_size_is_octets(text: str, octets: int) -> None:
    assert parse_size(text) == octets


@pytest.mark.parametrize(
    "text",
    ["", "5", "m", "5 m", "-5m", "1.5h", "5M", "5mb", "\u0665m", "5m\n", "99999999d", "9" * 5000],
)
def test_other_text_is_no_duration_and_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration"):
        parse_duration(text)
    with pytest.raises(UsageError, match="is not a size"):
        parse_size(text)


@given(st.integers(0, MAX_DURATION_S))
def test_a_duration_survives_its_text(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(0, MAX_SIZE) | st.integers(0, 2**23).map(lambda mebi: mebi * 2**20))
def test_a_size_survives_its_text(octets: int) -> None:
    assert parse_size(format_size(octets)) == octets


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("imaps://*:1993", Listen("imaps", ("0.0.0.0", "::"), 1993)),
        ("imap://127.0.0.1:1143", Listen("imap", ("127.0.0.1",), 1143)),
        ("imap://[::1]:0", Listen("imap", ("::1",), 0)),
        ("imap://[::]", Listen("imap", ("::",), 143)),
        ("imaps://Mail.example.org", Listen("imaps", ("mail.example.org",), 993)),
        ("http://localhost:8143/", Listen("http", ("localhost",), 8143)),
    ],
)
def test_a_listener_is_scheme_hosts_and_port(text: str, listen: Listen) -> None:
    assert parse_listen(text) == listen
    assert parse_listen(str(listen)) == listen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*:1993",
        "pop3://*:110",
        "imap://",
        "imap://:143",
        "imap://*:",
        "imap://*:65536",
        "imap://*:-1",
        "imap://::1:143",
        "imap://[::1:143",
        "imap://[localhost]:143",
        "imap://ann@localhost:143",
        "http://localhost:80/page",
        "imap://local host:143",
    ],
)
def test_other_text_is_no_listener(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_listen(text)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtps://alice@smtp.example", ("smtp.example", 465, "alice", True)),
        ("smtp://alice@smtp.example", ("smtp.example", 587, "alice", False)),
        ("SMTPS://a@b.example@smtp.example:2465/", ("smtp.example", 2465, "a@b.example", True)),
        ("smtp://a%3Ab@[::1]:25", ("::1", 25, "a:b", False)),
    ],
)
def test_servers_to_send_by(url: str, expected: tuple[str, int, str, bool]) -> None:
    host, port, user, implicit = expected
    found = parse_smtp_url(url)
    assert found == Submission(host=host, port=port, user=user, implicit_tls=implicit)
    assert parse_smtp_url(smtp_url(found)) == found


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("smtp.example", "not the URL of a server to send by"),
        ("pop3s://a@b", "smtps://user@host"),
        ("smtps://smtp.example", "names no user"),
        ("smtps://a@", "The SMTP URL names no host"),
        ("smtps://a@host:0", "not a port"),
        ("smtps://a%zz@host", "user name of the SMTP URL"),
        ("smtps://a:hunter2@host", "may not carry a password"),
    ],
)
def test_servers_that_cannot_be_sent_by(url: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse_smtp_url(url)
    assert "hunter2" not in str(caught.value)
