"""The guards of the promises (docs/promises.md): what stands in the code, what a mutation puts in
its place, and which tests fail then. `tests/mutations.py` tries them; a test sees that each text
still stands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guard:
    """`text` stands in `file` once; with `instead` in its place each of `tests` fails."""

    promise: int
    what: str
    file: str
    text: str
    instead: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """What is printed."""
        return f"promise {self.promise}: {self.what}"


def _guard(promise: int, what: str, file: str, text: str, instead: str, *tests: str) -> Guard:
    return Guard(promise, what, f"bridge/{file}", text, instead, tuple(f"tests/{t}" for t in tests))


GUARDS = (
    # 1. Durable before acknowledged.
    _guard(
        1,
        "a session waits until what it retrieved is durable",
        "sync/poll.py",
        "        await sink.settle()\n        if failure is not None and",
        "        if failure is not None and",
        "sync/test_runner.py::test_promise_1_no_quit_while_a_retrieved_message_is_not_durable",
    ),
    _guard(
        1,
        "a session that failed is left without QUIT",
        "sync/poll.py",
        "            session.abort()\n            raise\n",
        "            await _quit(session)\n            raise\n",
        "sync/test_full_disk.py::test_promise_1_a_small_message_does_not_overtake_one_that_did_not_fit",
    ),
    _guard(
        1,
        "a write that failed ends the session",
        "sync/sink.py",
        "        if self._error is not None:\n            raise self._error\n",
        "        pass\n",
        "sync/test_full_disk.py"
        "::test_promise_1_a_small_message_does_not_overtake_one_that_did_not_fit",
    ),
    _guard(
        1,
        "no message is written before the one ahead of it is durable",
        "sync/sink.py",
        "        if not self._writing:\n",
        "        if True:\n",
        "sync/test_full_disk.py::test_promise_1_a_small_message_does_not_overtake_one_that_did_not_fit",
    ),
    _guard(
        1,
        "every commit is synced",
        "store/sqlite.py",
        '"synchronous=FULL"',
        '"synchronous=NORMAL"',
        "store/test_opening.py::test_the_rules_for_sqlite",
    ),
    # 2. One transaction makes a message exist.
    _guard(
        2,
        "its ledger row comes with the message",
        "sync/entries.py",
        "    rows = tx.ledger_add_all(account_id, list(new))\n",
        "    rows = range(len(list(new)))\n",
        "sync/test_crash.py"
        "::test_promise_2_after_any_commit_a_message_is_there_with_its_ledger_row_or_not_at_all",
    ),
    _guard(
        2,
        "a work that fails is rolled back",
        "store/engine.py",
        "            self._transactions.rollback()\n",
        "            self._transactions.commit()\n",
        "promises/test_promises.py::test_promise_2_a_message_that_fails_halfway_is_not_there",
    ),
    _guard(
        2,
        "a work that fails among others is rolled back to its savepoint",
        "store/engine.py",
        "            self._transactions.undo()\n",
        "            self._transactions.release()\n",
        "store/test_groups.py::test_a_statement_that_is_refused_fails_its_work_alone",
    ),
    _guard(
        2,
        "nobody sees a stage before a message seals it",
        "store/blobs.py",
        "        return self.insert(_ADD_BLOB, sealed=False, dropped=False)\n",
        "        return self.insert(_ADD_BLOB, sealed=True, dropped=False)\n",
        "promises/test_promises.py::test_promise_2_after_any_commit_the_whole_store_verifies",
    ),
    _guard(
        2,
        "start-up sweeps the stages of a process that died",
        "store/engine.py",
        "    tx.sweep_stages()\n",
        "",
        "store/test_store.py::test_a_stage_of_a_dead_process_is_swept_and_mail_stays",
    ),
    # 3. Complete or nothing.
    _guard(
        3,
        "CRLF.CRLF ends a message and nothing else",
        "pop3/multiline.py",
        "        at = octets.find(_END)\n"
        "        return None if at < 0 else (at + 2, at + len(_END))\n",
        '        at = octets.find(b"\\n.\\r\\n")\n'
        "        return None if at < 0 else (at + 1, at + 4)\n",
        "promises/test_promises.py::test_promise_3_a_dot_between_lf_and_crlf_is_text",
    ),
    _guard(
        3,
        "the status line's CRLF counts",
        "pop3/multiline.py",
        '        self._held = b"\\r\\n"\n        self._first = True\n',
        '        self._held = b""\n        self._first = False\n',
        "pop3/test_multiline.py::test_promise_6_any_message_in_any_chunks_comes_back_byte_for_byte",
    ),
    _guard(
        3,
        "a message that began and didn't end doesn't count",
        "sync/poll.py",
        "                if sink.unfinished:\n",
        "                if False:\n",
        "sync/test_runner.py"
        "::test_promise_3_a_retrieval_that_ends_within_a_message_keeps_nothing_of_it",
    ),
    _guard(
        3,
        "what is empty, headerless or short is suspect",
        "ingest/pipeline.py",
        "            suspect=self._suspect(root),\n",
        "            suspect=None,\n",
        "sync/test_suspects.py::test_promise_3_a_suspect_is_shown_and_confirmed_by_a_later_session",
    ),
    _guard(
        3,
        "the same octets at once prove nothing",
        "sync/entries.py",
        "    if step.at_once:\n",
        "    if False:\n",
        "sync/test_suspects.py::test_promise_3_a_suspect_is_shown_and_confirmed_by_a_later_session",
    ),
    _guard(
        3,
        "a suspect that is never confirmed is odd in the end",
        "sync/entries.py",
        "    state = LedgerState.ODD if rechecks >= LOOKS else LedgerState.SUSPECT\n",
        "    state = LedgerState.SUSPECT\n",
        "sync/test_suspects.py"
        "::test_promise_3_one_that_differs_each_time_is_looked_at_on_time_and_then_odd",
    ),
    _guard(
        3,
        "the old copy goes only if no client touched it",
        "store/ledger.py",
        "        untouched = expunged is None and modseq == created\n",
        "        untouched = expunged is None\n",
        "sync/test_suspects.py"
        "::test_promise_3_a_copy_that_a_client_touched_stays_as_the_client_left_it",
    ),
    # 4. A listing is evidence, not truth.
    _guard(
        4,
        "LIST and UIDL that differ are no listing",
        "pop3/replies.py",
        "        if self._uidls is not None and self._uidls.keys() != self._messages.keys():\n",
        "        if False:\n",
        "promises/test_promises.py::test_promise_4_a_partial_listing_is_none",
    ),
    _guard(
        4,
        "octets that are held under a UIDL that went are that message",
        "sync/record.py",
        "        row = None if held else self._find(arrived.message)\n",
        "        row = None\n",
        "sync/test_identity.py::test_promise_4_when_every_uidl_changes_nothing_comes_twice",
        "sync/test_identity.py"
        "::test_promise_4_what_was_expunged_here_stays_expunged_under_a_new_uidl",
    ),
    _guard(
        4,
        "a row is one message's only",
        "sync/record.py",
        "                row = waiting.popleft()\n                if row.id not in self._taken:\n",
        "                row = waiting[0]\n                if True:\n",
        "sync/test_evidence.py::test_promise_4_an_equal_message_without_uidl_is_one_more",
    ),
    _guard(
        4,
        "hashes of what was expunged count",
        "sync/record.py",
        "        if row.full_hash:\n            self._by_hash",
        "        if row.full_hash and row.expunged_at is None:\n            self._by_hash",
        "sync/test_identity.py"
        "::test_promise_4_what_was_expunged_here_stays_expunged_under_a_new_uidl",
    ),
    _guard(
        4,
        "an empty listing takes no message for gone",
        "sync/matching.py",
        "        told = matching.listing.messages or row.dele_at is not None\n",
        "        told = True\n",
        "sync/test_evidence.py"
        "::test_promise_4_an_empty_listing_says_nothing_and_a_whole_one_after_it_brings_nothing",
    ),
    _guard(
        4,
        "deletes freeze where more than half vanish at once",
        "sync/freeze.py",
        "    if known < LEAST or 2 * gone <= known:\n",
        "    if True:\n",
        "sync/test_evidence.py"
        "::test_promise_4_when_all_uidls_change_deletes_freeze_until_all_is_matched",
    ),
    # 5. Delete only what is proven held.
    _guard(
        5,
        "the stored octets are hashed and compared",
        "sync/proof.py",
        "            if digest != row.full_hash:\n",
        "            if False:\n",
        "sync/test_deleting.py::test_what_is_stored_is_read_back_and_compared",
    ),
    _guard(
        5,
        "all slices of a message are read back",
        "sync/proof.py",
        "        full = size == SLICE_OCTETS\n",
        "        full = False\n",
        "sync/test_deleting.py::test_a_message_of_several_slices_is_compared_whole",
    ),
    _guard(
        5,
        "neither suspect nor odd is deleted",
        "sync/retention.py",
        "    stored = row.state is LedgerState.STORED and row.message_id is not None\n",
        "    stored = row.message_id is not None\n",
        "promises/test_promises.py::test_promise_5_what_is_in_doubt_is_held_by_two_guards",
    ),
    _guard(
        5,
        "a listing names neither suspect nor odd ones",
        "sync/identity.py",
        "        if row.state is not LedgerState.STORED or not row.full_hash:\n",
        "        if not row.full_hash:\n",
        "promises/test_promises.py::test_promise_5_what_is_in_doubt_is_held_by_two_guards",
    ),
    _guard(
        5,
        "the UIDL is unique in the listing",
        "sync/identity.py",
        "            if listed.uidl is not None and times[listed.uidl] == 1\n",
        "            if listed.uidl is not None\n",
        "promises/test_promises.py::test_promise_5_two_of_one_uidl_both_stay",
    ),
    _guard(
        5,
        "due by the listing of the session that deletes",
        "sync/deleting.py",
        "            (one.row, one.listed) for one in found.due"
        " if good.get(one.row.id) == one.row.full_hash\n",
        "            (one.row, one.listed) for one in found.due\n",
        "promises/test_promises.py::test_promise_5_only_what_was_read_back_goes",
    ),
    _guard(
        5,
        "nothing is deleted while deleting is frozen",
        "sync/retention.py",
        "    return not (profile.frozen_since or profile.bare_lf or profile.uidls_unstable)\n",
        "    return True\n",
        "sync/test_deleting.py::test_frozen_never_deletes",
        "sync/test_retention.py::test_nothing_is_due_while_deleting_is_frozen",
    ),
    _guard(
        5,
        "a provider of bare line feeds is never deleted from",
        "sync/deleting.py",
        "        if session.bare_lf:\n            return []\n",
        "",
        "sync/test_deleting.py::test_bare_lf_never_deletes",
    ),
    _guard(
        5,
        "what deletes is a session of its own",
        "sync/deleting.py",
        "        if not session.login_delay_s:\n            return 0\n",
        "",
        "sync/test_deleting.py::test_without_login_delay_an_idle_poll_deletes_nothing",
    ),
    _guard(
        5,
        "what was recognised by its header alone is not deleted",
        "sync/retention.py",
        "    return stored and row.proven and row.stored_at",
        "    return stored and row.stored_at",
        "sync/test_retention.py::test_what_was_recognised_by_its_header_alone_is_not_due",
    ),
    # 6. Octets are sacred.
    _guard(
        6,
        "a stuffed dot is one only after CRLF",
        "pop3/multiline.py",
        '        return octets.replace(b"\\r\\n..", b"\\r\\n.")\n',
        '        return octets.replace(b"\\n..", b"\\n.")\n',
        "pop3/test_multiline.py::test_promise_6_any_message_in_any_chunks_comes_back_byte_for_byte",
    ),
    _guard(
        6,
        "the CRLF before the final dot belongs to the message",
        "pop3/multiline.py",
        "(at + 2, at + len(_END))",
        "(at, at + len(_END))",
        "pop3/test_multiline.py::test_promise_6_any_message_in_any_chunks_comes_back_byte_for_byte",
    ),
    _guard(
        6,
        "bare LF is a line end only where there was no CRLF before",
        "net/pop3_session.py",
        "BareLfScanner() if ",
        "BareLfScanner() if True or ",
        "net/test_pop3.py::test_promise_6_octets_in_any_slices",
    ),
    _guard(
        6,
        "NUL goes out as 0x80",
        "session/render.py",
        'octets.replace(b"\\0", b"\\x80") if b"\\0" in octets else octets',
        "octets",
        "promises/test_promises.py::test_promise_6_a_message_goes_out_as_it_came_but_for_nul",
    ),
    _guard(
        6,
        "a UID is never given twice",
        "store/mailboxes.py",
        '        uidnext=_M.uidnext + bindparam("placed"),\n',
        '        uidnext=_M.messages + 1 + bindparam("placed"),\n',
        "promises/test_promises.py::test_promise_6_no_uid_is_given_twice",
    ),
    _guard(
        6,
        "no two mailboxes have one UIDVALIDITY",
        "store/mailboxes.py",
        '            uidvalidity=self.next_count("uidvalidity"),\n',
        "            uidvalidity=1_700_000_000,\n",
        "promises/test_promises.py::test_promise_6_no_uidvalidity_is_given_twice",
    ),
    # 7. Poison stays alone.
    _guard(
        7,
        "what can't be retrieved is given up in the end",
        "sync/entries.py",
        '    last = attempts >= POISON_AFTER and row.uidl != b""\n',
        "    last = False\n",
        "sync/test_runner.py"
        "::test_promise_7_poison_is_given_up_after_four_attempts_and_delays_nobody",
    ),
    _guard(
        7,
        "what failed before comes last and alone",
        "sync/plan.py",
        "key=lambda item: (item.alone, item.recheck, item.listed.number)",
        "key=lambda item: item.listed.number",
        "promises/test_promises.py::test_promise_7_what_failed_before_comes_last",
    ),
    _guard(
        7,
        "a message that our parser fails on is set apart",
        "sync/sink.py",
        "        except Exception as fault:\n            waiting.outcome = fault\n",
        "        except ZeroDivisionError as fault:\n            waiting.outcome = fault\n",
        "sync/test_runner.py::test_promise_7_a_message_that_breaks_our_parser_delays_nobody",
    ),
    _guard(
        7,
        "so is one that it fails on before the end",
        "sync/sink.py",
        "        except Exception as fault:\n            await self._unreadable(listed, fault)\n\n",
        "        except ZeroDivisionError as fault:\n"
        "            await self._unreadable(listed, fault)\n\n",
        "promises/test_promises.py::test_promise_7_octets_that_break_our_parser_delay_nobody",
    ),
    _guard(
        7,
        "the message at which a server dies before it answers is found out",
        "sync/sink.py",
        "        elif self._awaited and (self._arrived == 0 or self._awaited[0].alone):\n",
        "        elif False:\n",
        "sync/test_runner.py"
        "::test_promise_7_a_message_that_kills_the_server_before_it_answers_is_found_out",
    ),
    _guard(
        7,
        "one account's poll keeps no other from its own",
        "sync/service.py",
        "        self._queue = PollQueue(connections, per_host)\n",
        "        self._queue = PollQueue(1, 1)\n",
        "sync/test_service.py::test_promise_7_one_hanging_account_delays_no_other",
    ),
    # 8. IMAP serves while the provider is down, and reads while the disk is full.
    _guard(
        8,
        "SELECT works without claiming what is recent",
        "session/refresh.py",
        "    except (StoreFullError, StoreError):\n        # Reading goes on",
        "    except ZeroDivisionError:\n        # Reading goes on",
        "promises/test_promises.py::test_promise_8_new_mail_is_selected_while_the_disk_is_full",
    ),
    _guard(
        8,
        "FETCH works without setting \\Seen",
        "session/commands/fetch.py",
        "    except (StoreFullError, StoreError):\n        return set()\n",
        "    except ZeroDivisionError:\n        return set()\n",
        "session/test_limits.py::test_promise_8_reading_goes_on_while_the_disk_is_full",
    ),
    _guard(
        8,
        "what must write gets NO [UNAVAILABLE]",
        "session/session.py",
        "            raise No(str(error), error.imap) from error\n",
        "            raise No(str(error)) from error\n",
        "session/test_limits.py::test_promise_8_reading_goes_on_while_the_disk_is_full",
    ),
    _guard(
        8,
        "a store opens on a full disk",
        "store/engine.py",
        "        with suppress(StoreFullError):\n            store.write(_sweep)\n",
        "        store.write(_sweep)\n",
        "promises/test_promises.py::test_promise_8_a_store_opens_though_nothing_can_be_swept",
    ),
    # 9. The hint may be lost, the change may not.
    _guard(
        9,
        "NOOP pulls without a hint",
        "session/dispatch.py",
        "    Noop: Rule(ANY, noop, always_refresh=True),\n",
        "    Noop: Rule(ANY, noop),\n",
        "session/test_limits.py::test_promise_9_a_lost_hint_only_delays",
    ),
    _guard(
        9,
        "a pull is of all since the session's own modseq",
        "session/refresh.py",
        "        found = tx.delta(mailbox, since)\n",
        "        found = tx.delta(mailbox, mailbox.highest_modseq)\n",
        "session/test_limits.py::test_promise_9_a_lost_hint_only_delays",
    ),
    _guard(
        9,
        "a commit that can't be announced stands",
        "store/engine.py",
        "            except Exception:\n                # It is committed",
        "            except ZeroDivisionError:\n                # It is committed",
        "store/test_groups.py::test_a_commit_that_cannot_be_announced_stands",
    ),
    # 10. One process writes a store.
    _guard(
        10,
        "the lock is one process's",
        "net/lock.py",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_SH | fcntl.LOCK_NB",
        "net/test_lock.py::test_promise_10_the_second_is_told_who_holds_it",
    ),
    _guard(
        10,
        "who comes second is told who holds it",
        "net/lock.py",
        "is in use by {holder or 'another process'}",
        "is in use by {'another process'}",
        "net/test_lock.py::test_promise_10_the_second_is_told_who_holds_it",
    ),
    _guard(
        10,
        "the store is opened under the lock",
        "app/core.py",
        '        self.lock = DataLock.acquire(data / "lock", holder)\n',
        '        self.lock = DataLock.acquire(data / f"lock-{holder}", holder)\n',
        "promises/test_promises.py::test_promise_10_the_store_is_opened_under_the_lock",
    ),
)
