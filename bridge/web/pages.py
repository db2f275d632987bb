"""The pages: each asks for operations and fills a template, each form does and then redirects."""

import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

from bridge.admin.times import time_form
from bridge.errors import BridgeError, UnknownLoginError, UsageError
from bridge.sync.activity import Activity
from bridge.web.access import Message
from bridge.web.answers import Answer, Asked, Renderer, redirect
from bridge.web.health_page import Health, banners, bundle, facts
from bridge.web.words import Row, row, summary

PER_PAGE = 100
"""Accounts on a page."""

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)

FRESH_S = 1.0
"""How old what is shown may be, or ten times what it took to find out: pages that refresh
themselves must not keep a store with thousands of accounts busy."""


class Perform(Protocol):
    """Performs an operation by name, as whoever comes over HTTP may."""

    def __call__(self, name: str, /, **arguments: Any) -> Awaitable[Any]:
        """What it returns."""
        ...


@dataclass(frozen=True, slots=True)
class Server:
    """A line of a mail app's settings."""

    host: str
    port: int
    security: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the pages are made of."""

    perform: Perform
    activity: Activity
    health: Callable[[], Awaitable[Health]]
    metrics: Callable[[], bytes]
    servers: Callable[[], Sequence[Server]]
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]


class Pages:
    """Answers what a browser that has signed in asks for."""

    def __init__(self, sources: Sources, renderer: Renderer) -> None:
        self._of = sources
        self._render = renderer
        self._known: list[Row] = []
        self._until = 0.0

    async def get(self, asked: Asked) -> Answer | None:
        """A page; None where there is none of that path."""
        match asked.path:
            case ():
                return await self._overview(asked)
            case ("accounts", login):
                return await self._account(asked, login)
            case ("health",):
                return await self._health(asked)
            case ("support.zip",):
                return await self._support()
            case _:
                return None

    async def post(self, asked: Asked) -> Answer | None:
        """Does what a form asks for; a failure is told on the page that it came from."""
        match asked.path:
            case ("sync",):
                self._of.spawn(self._sync([]))
                asked.session.message = Message("Every account is being checked now.")
                return redirect("/")
            case ("accounts", login, *action):
                await self._act(asked, login, "/".join(action))
                if action == ["sync"] and "back" not in asked.given:
                    return redirect("/")
                return redirect(f"/accounts/{quote(login, safe='@+')}")
            case _:
                return None

    async def _act(self, asked: Asked, login: str, action: str) -> None:
        try:
            asked.session.message = await self._done(asked, login, action)
        except UnknownLoginError:
            raise
        except BridgeError as error:
            asked.session.message = Message(f"{error.code}: {error.text}", error.remedy, bad=True)
        finally:
            self._until = 0.0

    async def _done(self, asked: Asked, login: str, action: str) -> Message:
        perform, given = self._of.perform, asked.given
        match action:
            case "sync":
                await perform("account describe", login=login)
                self._of.spawn(self._sync([login]))
                return Message(f"{login} is being checked now.")
            case "pause" | "resume":
                paused = action == "pause"
                await perform("account set", login=login, changes={"paused": paused})
                return Message("Paused: it isn't checked." if paused else "It is checked again.")
            case "password":
                return await self._password(login, given.get("password", ""))
            case "policy":
                changes = {"policy": given.get("policy", "")}
                await perform("account set", login=login, changes=changes)
                return Message("The policy holds from the next sync on.")
            case "thaw":
                await perform("account thaw", login=login)
                return Message("Deleting at the provider goes on.")
            case "devices/add":
                made = await perform("device add", login=login, name=given.get("name", ""))
                text = f"{made['name']} can log in now."
                return Message(text, device=made["name"], secret=made["password"])
            case "devices/revoke":
                name = given.get("name", "")
                await perform("device revoke", login=login, name=name)
                return Message(f"{name} can't log in any more, and its sessions have ended.")
            case _:
                raise UsageError("The page has no such form.", "Load it anew.")

    async def _password(self, login: str, password: str) -> Message:
        if not password:
            raise UsageError("The password is empty.", "Enter the one of the provider's mailbox.")
        changes = {"pop3_password": password}
        found = await self._of.perform("account set", login=login, changes=changes)
        self._of.spawn(self._sync([login]))
        return Message(f"The password works and is kept. {found['found'] or ''}".strip())

    async def _sync(self, logins: list[str]) -> None:
        try:
            await self._of.perform("sync", logins=logins)
        except BridgeError:
            pass  # The account's own row tells.
        finally:
            self._until = 0.0

    async def _rows(self) -> list[Row]:
        if self._of.monotonic() < self._until:
            return self._known
        began = self._of.monotonic()
        status = await self._of.perform("status")
        held = await self._of.perform("storage")
        activity, rows = self._of.activity, []
        for one in status["accounts"]:
            login = one["login"]
            ended, running = activity.ended(login), activity.running(login)
            rows.append(row(one, ended, running, held.get(login, {})))
        activity.forget([one.login for one in rows])
        ended_at = self._of.monotonic()
        self._known, self._until = rows, ended_at + max(FRESH_S, 10 * (ended_at - began))
        return rows

    async def _overview(self, asked: Asked) -> Answer:
        everyone = await self._rows()
        search = asked.given.get("search", "").strip().lower()
        rows = sorted((one for one in everyone if search in one.login), key=lambda one: one.order)
        pages = max(1, -(-len(rows) // PER_PAGE))
        wished = asked.given.get("page", "")
        page = min(max(1, int(wished)), pages) if _NUMBER.fullmatch(wished) else 1
        return self._render.page(
            "overview",
            asked,
            title="Accounts",
            rows=rows[(page - 1) * PER_PAGE : page * PER_PAGE],
            total=len(everyone),
            summary=summary(everyone),
            banners=banners(await self._of.health()),
            page=page,
            pages=pages,
            search=search,
        )

    async def _account(self, asked: Asked, login: str) -> Answer:
        perform = self._of.perform
        account = await perform("account show", login=login)
        login = account["login"]
        found = next((one for one in await self._rows() if one.login == login), None)
        if found is None:
            raise UnknownLoginError(f"There is no account {login!r}.", "It was removed just now.")
        now_policy = await perform("account policy", login=login, policy=found.policy)
        preview = now_policy if now_policy["deletes"] else None
        wished = asked.given.get("policy")
        if wished is not None and not asked.live:
            try:
                preview = await perform("account policy", login=login, policy=wished)
            except UsageError as error:
                asked.session.message = Message(error.text, error.remedy, bad=True)
        ended = [
            {"at": time_form(one.at), "result": one.result}
            for one in self._of.activity.ended(login)[::-1]
        ]
        return self._render.page(
            "account",
            asked,
            title=login,
            base=f"/accounts/{quote(login, safe='@+')}",
            account=account,
            row=found,
            ended=ended,
            doubtful=await perform("account doubtful", login=login),
            policy=now_policy,
            preview=preview,
            frozen=now_policy["frozen"],
            devices=await perform("device list", login=login),
            servers=self._of.servers(),
        )

    async def _health(self, asked: Asked) -> Answer:
        health, now = await self._of.health(), self._of.clock()
        return self._render.page(
            "health",
            asked,
            title="Health",
            banners=banners(health),
            facts=facts(health, now),
            listeners=health.listeners,
        )

    async def _support(self) -> Answer:
        status = await self._of.perform("status")
        made = bundle(
            await self._of.health(), status["accounts"], self._of.metrics(), self._of.clock()
        )
        attachment = 'attachment; filename="popbridge-support.zip"'
        return Answer(
            body=made,
            content_type="application/zip",
            headers=(("Content-Disposition", attachment),),
        )
