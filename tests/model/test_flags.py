from bridge.model.flags import SEEN, FlagOp, apply, canonical
from bridge.model.mailbox import canonical_name


def test_keywords_compare_without_case_and_keep_their_first_spelling() -> None:
    old = frozenset({SEEN, "Work"})
    assert apply(FlagOp.ADD, old, frozenset({"WORK", "\\seen"})) == old
    assert apply(FlagOp.REMOVE, old, frozenset({"work"})) == {SEEN}
    assert apply(FlagOp.SET, old, frozenset({"work"})) == {"Work"}


def test_system_flags_have_one_spelling() -> None:
    assert canonical("\\SEEN") == SEEN


def test_inbox_is_upper_case_as_the_first_component_only() -> None:
    assert canonical_name("inbox") == "INBOX"
    assert canonical_name("Inbox/Sub/") == "INBOX/Sub"
    assert canonical_name("a/inbox") == "a/inbox"
