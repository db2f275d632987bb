"""IMAPClient, the library, on a connection of its own."""

import ssl
from pathlib import Path

from imapclient import IMAPClient

from tests.e2e.clients.port import Client, Login, Security
from tests.leftovers import end_behind_the_test

TIMEOUT_S = 120


class Library(Client):
    """One connection; UIDs throughout."""

    def __init__(self, login: Login, home: Path) -> None:
        self._login = login
        self._client = self._connect()

    def _connect(self) -> IMAPClient:
        login = self._login
        context = ssl.create_default_context(cafile=login.authority) if login.authority else None
        with_tls = login.security is Security.TLS
        client = IMAPClient(
            "127.0.0.1", login.port, ssl=with_tls,
            ssl_context=context if with_tls else None, timeout=TIMEOUT_S,
        )  # fmt: skip
        end_behind_the_test(client.shutdown)
        if login.security is Security.STARTTLS:
            client.starttls(context)
        client.login(login.user, login.password)
        client.select_folder("INBOX")
        return client

    def mailboxes(self) -> set[str]:
        return {name for _, _, name in self._client.list_folders()}

    def numbers(self) -> set[int]:
        return set(self._uids())

    def read(self, number: int) -> bytes:
        uid = self._uids()[number]
        octets: bytes = self._client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]
        return octets.replace(b"\r\n", b"\n")

    def flag(self, number: int) -> None:
        self._client.add_flags([self._uids()[number]], [b"\\Flagged"])

    def move(self, number: int, mailbox: str) -> None:
        self._client.move([self._uids()[number]], mailbox)

    def delete(self, number: int) -> None:
        uid = self._uids()[number]
        self._client.delete_messages([uid])
        self._client.uid_expunge([uid])

    def search(self, word: str) -> set[int]:
        found = self._client.search(["BODY", word])
        return {number for number, uid in self._uids().items() if uid in found}

    def append(self, octets: bytes, mailbox: str) -> None:
        self._client.append(mailbox, octets)

    def reconnect(self) -> None:
        self._client.shutdown()
        self._client = self._connect()

    def end(self) -> None:
        self._client.logout()

    def _uids(self) -> dict[int, int]:
        """The UID of each number."""
        answer = self._client.fetch(self._client.search(), ["ENVELOPE"])
        return {
            int(items[b"ENVELOPE"].subject.removeprefix(b"number ")): uid
            for uid, items in answer.items()
        }
