from bridge.bus import Bus
from bridge.model.change import Change
from bridge.model.ids import AccountId, MailboxId, ModSeq


def change(mailbox: int, modseq: int) -> Change:
    return Change(AccountId(1), MailboxId(mailbox), ModSeq(modseq))


def test_a_commit_wakes_each_subscriber_of_its_mailboxes_once() -> None:
    bus, heard = Bus(), list[tuple[str, int]]()
    bus.subscribe(MailboxId(1), lambda modseq: heard.append(("a", modseq)))
    bus.subscribe(MailboxId(1), lambda modseq: heard.append(("b", modseq)))
    bus.subscribe(MailboxId(2), lambda modseq: heard.append(("c", modseq)))
    bus.publish([change(1, 5), change(1, 7), change(1, 6), change(3, 1)])
    assert heard == [("a", 7), ("b", 7)]


def test_an_ended_subscription_hears_nothing_even_in_the_same_turn() -> None:
    bus, heard = Bus(), list[int]()
    end = bus.subscribe(MailboxId(1), heard.append)
    bus.publish([change(1, 2)])
    end()
    end()
    bus.publish([change(1, 3)])
    assert heard == [2]
