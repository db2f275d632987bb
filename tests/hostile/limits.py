"""Every limit that a client may meet, where it stands, which tests meet it, and what counts it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """`text` stands in `file` of bridge/ once. `counted` is a label of `limits_reached_total` that
    one of the tests looks for, or else the metric that tells of it."""

    what: str
    file: str
    text: str
    counted: str
    tests: tuple[str, ...]


def _limit(what: str, file: str, text: str, counted: str, *tests: str) -> Limit:
    return Limit(what, f"bridge/{file}", text, counted, tuple(f"tests/{test}" for test in tests))


_SESSION = "session/test_limits.py::"
_NET = "net/test_imap.py::"
_STRANGERS = "hostile/test_strangers.py::"

LIMITS = (
    _limit(
        "a line before log-in: 40 KiB",
        "imap/framing.py",
        "PRE_LOGIN_LINE_OCTETS = 40 * 1024",
        "line",
        _SESSION + "test_an_endless_line_is_refused_without_being_kept",
        _NET + "test_lines_may_be_as_long_as_they_may",
    ),
    _limit(
        "a line after log-in: 64 KiB",
        "session/context.py",
        "COMMAND_LINE_OCTETS = 64 << 10",
        "line",
        _SESSION + "test_a_long_line_is_answered_by_its_tag",
        _SESSION + "test_an_endless_line_is_refused_without_being_kept",
        _NET + "test_lines_may_be_as_long_as_they_may",
    ),
    _limit(
        "literals of a command but APPEND's: 512 KiB",
        "session/literals.py",
        "LITERALS_OCTETS = 512 << 10",
        "literal",
        _SESSION + "test_literals_of_a_command_are_limited_together",
        _SESSION + "test_a_stranger_with_a_large_literal_is_cut",
    ),
    _limit(
        "literals of a command: 1000",
        "session/literals.py",
        "MAX_LITERALS = 1000",
        "literal",
        _SESSION + "test_literals_of_a_command_are_limited_together",
    ),
    _limit(
        "an APPEND: 64 MiB, as APPENDLIMIT says",
        "config.py",
        "append_octets: Annotated[",
        "append",
        _SESSION + "test_a_message_is_as_large_as_is_said",
    ),
    _limit(
        "what an account keeps: its quota",
        "session/quota.py",
        'limit="quota"',
        "quota",
        "session/test_quota.py::test_append_over_the_quota_is_refused_before_it_is_sent",
    ),
    _limit(
        "nesting: 100",
        "imap/grammar.py",
        "MAX_NESTING = 100",
        "nesting",
        _SESSION + "test_searches_nest_so_deep",
    ),
    _limit(
        "search keys: 5000",
        "imap/commands/search.py",
        "MAX_KEYS = 5000",
        "other",
        _SESSION + "test_searches_nest_so_deep",
    ),
    _limit(
        "items of a FETCH: 200",
        "imap/commands/fetch.py",
        "MAX_ITEMS = 200",
        "other",
        _SESSION + "test_lists_are_so_long",
    ),
    _limit(
        "flags of a command: 500",
        "imap/grammar.py",
        "MAX_FLAGS = 500",
        "other",
        _SESSION + "test_lists_are_so_long",
    ),
    _limit(
        "fields of an ID: 30",
        "imap/commands/id.py",
        "MAX_ID_FIELDS = 30",
        "other",
        _SESSION + "test_lists_are_so_long",
    ),
    _limit(
        "criteria of a SORT: 100",
        "imap/commands/sort.py",
        "MAX_CRITERIA = 100",
        "other",
        _STRANGERS + "test_other_lists_are_so_long",
    ),
    _limit(
        "patterns of a LIST: 100",
        "imap/commands/list.py",
        "MAX_PATTERNS = 100",
        "other",
        "session/test_list.py::test_there_is_a_limit_of_patterns",
        _STRANGERS + "test_other_lists_are_so_long",
    ),
    _limit(
        "sources of an ESEARCH: 100",
        "imap/commands/esearch.py",
        "MAX_SOURCES = 100",
        "other",
        _STRANGERS + "test_other_lists_are_so_long",
    ),
    _limit(
        "entries of a GETMETADATA or SETMETADATA: 200",
        "imap/commands/metadata.py",
        "MAX_ENTRIES = 200",
        "other",
        _STRANGERS + "test_other_lists_are_so_long",
    ),
    _limit(
        "an annotation's name: 1000 octets",
        "imap/commands/metadata.py",
        "MAX_ENTRY_OCTETS = 1000",
        "other",
        _STRANGERS + "test_other_lists_are_so_long",
    ),
    _limit(
        "an annotation's value: 64 KiB",
        "session/commands/metadata.py",
        "MAX_VALUE_OCTETS = 64 << 10",
        "other",
        "session/test_metadata.py::test_a_value_has_its_limit",
    ),
    _limit(
        "groups of a NOTIFY: 100",
        "imap/commands/notify.py",
        "MAX_GROUPS = 100",
        "other",
        "session/test_notify.py::test_groups_and_names_have_their_limits",
        _STRANGERS + "test_other_lists_are_so_long",
    ),
    _limit(
        "mailboxes that NOTIFY watches: 2000",
        "session/news.py",
        "MAX_WATCHED = 2000",
        "other",
        "session/test_notify.py::test_too_many_mailboxes_are_refused_and_what_was_before_stays",
    ),
    _limit(
        "mailboxes of an account: 10,000",
        "session/commands/create.py",
        "MAX_MAILBOXES = 10_000",
        "other",
        _SESSION + "test_an_account_has_so_many_mailboxes",
    ),
    _limit(
        "bad commands before log-in: 3",
        "config.py",
        "bad_commands_before_login: Annotated[",
        "bad_commands",
        _SESSION + "test_three_bad_commands_before_login_end_the_session",
        _SESSION + "test_success_between_does_not_help_a_stranger",
    ),
    _limit(
        "bad commands after log-in: 20 in a row",
        "config.py",
        "bad_commands: Annotated[",
        "bad_commands",
        _SESSION + "test_mistakes_are_counted_in_a_row_after_login",
    ),
    _limit(
        "time to log in: a minute, the TLS handshake within it",
        "config.py",
        "login_s: Annotated[",
        "login_time",
        _NET + "test_a_client_has_a_minute_to_log_in_however_it_trickles",
        _SESSION + "test_who_is_silent_is_counted",
        _STRANGERS + "test_a_handshake_that_never_ends",
    ),
    _limit(
        "silence: half an hour, also of one that reads nothing or sends half a message",
        "config.py",
        "idle_s: Annotated[",
        "idle_time",
        _NET + "test_an_idle_client_has_half_an_hour",
        _STRANGERS + "test_who_never_reads_is_cut_and_counted",
        _STRANGERS + "test_an_append_that_stalls_leaves_nothing",
    ),
    _limit(
        "connections of an account: 50",
        "config.py",
        "connections_per_account: Annotated[",
        "connections",
        _SESSION + "test_an_account_has_so_many_connections",
    ),
    _limit(
        "connections before log-in: 1000 in all",
        "config.py",
        "connections_before_login: Annotated[",
        "connections",
        _SESSION + "test_strangers_are_few_at_a_time",
    ),
    _limit(
        "connections before log-in: a quarter of these for one address",
        "session/port.py",
        "STRANGERS_PARTS = 4",
        "connections",
        _SESSION + "test_one_address_cannot_keep_everybody_else_out",
    ),
    _limit(
        "log-ins that fail: slowed by address",
        "admin/authentication.py",
        "MAX_DELAY_S = 15.0",
        "auth_attempts_total",
        "admin/test_authentication.py::test_failures_of_an_address_are_answered_later_and_later",
        "admin/test_authentication.py::test_the_owner_is_never_locked_out",
        "admin/test_authentication.py::test_failures_do_not_pile_up",
    ),
    _limit(
        "what compressed commands may grow to",
        "net/deflate.py",
        "RATIO = 200",
        "other",
        "net/test_compress.py::test_many_bombs_end_the_session",
        "net/test_compress.py::test_a_bomb_waits_outside_memory",
    ),
    _limit(
        "a PROXY header: three seconds",
        "net/proxy.py",
        "HEADER_S = 3.0",
        "other",
        "net/test_proxy.py::test_a_header_that_doesnt_come_is_not_waited_for_long",
        "net/test_proxy.py::test_what_is_no_header_ends_the_connection",
    ),
    _limit(
        "what is read ahead of commands",
        "net/imap.py",
        "READ_AHEAD_OCTETS = 64 << 10",
        "imap_sessions",
        _NET + "test_a_client_that_sends_and_never_reads_is_made_to_wait",
    ),
    _limit(
        "what is queued for a client",
        "net/imap.py",
        "QUEUED_OCTETS = 64 << 10",
        "imap_sessions",
        _NET + "test_a_slow_reader_costs_no_memory",
        "hostile/test_crowd.py::test_who_never_reads_costs_no_memory",
    ),
    _limit(
        "files that a process has open",
        "app/process.py",
        "OPEN_FILES = 65_536",
        "process_open_fds",
        "hostile/test_crowd.py::test_strangers_leave_files_for_owners",
    ),
    _limit(
        "a POP3 message: 1 GiB",
        "config.py",
        "pop_message_octets: Annotated[",
        "upstream_doubtful_messages",
        "sync/test_identity.py::test_too_large_messages_are_noted_once",
        "sync/test_evidence.py::test_too_large_is_fetched_once_the_limit_is_raised",
    ),
    _limit(
        "depth and parts of a message: 100 and 10,000",
        "mime/scanner.py",
        "MAX_PARTS = 10_000",
        "messages_fetched_total",
        "mime/test_scanner.py::test_depth_and_parts_are_bounded",
    ),
)
