"""What is asked of the page, what it answers, and how an answer is rendered."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bridge.web.access import Session
from bridge.web.words import ago, size

_TICKS = re.compile(r"`([^`]+)`")
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request whose Host, Origin and size were found right."""

    path: tuple[str, ...]
    given: Mapping[str, str]
    """Of the form, and of the address behind "?"."""
    session: Session
    live: bool = False
    """Only the part that changes by itself is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back."""

    code: int = 200
    body: bytes = b""
    content_type: str = HTML
    headers: tuple[tuple[str, str], ...] = field(default=())


class Renderer:
    """Makes pages of templates; whatever is put into one is escaped.

    Args:
        clock: aware UTC; times are told as of now.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._environment = Environment(
            loader=PackageLoader("bridge.web", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {
            "ago": lambda at: ago(at, clock()),
            "size": size,
            "ticks": _ticks,
            "quoted": lambda text: quote(text, safe="@+"),
        }

    def page(
        self, template: str, asked: Asked | None = None, *, code: int = 200, **values: Any
    ) -> Answer:
        """A whole page, or the live part of it."""
        session = None if asked is None else asked.session
        found = self._environment.get_template(f"{template}.html")
        values = {"session": session, "here": template, "message": None, **values}
        values["token"] = lambda: _token(session)
        if asked is not None and asked.live:
            context = found.new_context(values)
            text = "".join(found.blocks["live"](context))
        else:
            if session is not None:
                values["message"], session.message = session.message, None
            text = found.render(values)
        return Answer(code=code, body=text.encode("utf-8", "replace"))

    def error(self, status: int, title: str, text: str, remedy: str = "", code: str = "") -> Answer:
        """A page that says what went wrong, and what to do."""
        values = {"title": title, "text": text, "remedy": remedy, "code": code}
        blank = {"session": None, "here": "", "message": None, "token": str}
        made = self._environment.get_template("error.html").render({**blank, **values})
        return Answer(code=status, body=made.encode("utf-8", "replace"))


def redirect(where: str) -> Answer:
    """See another page (after a form, so that a reload sends nothing twice)."""
    return Answer(code=303, headers=(("Location", where),))


def _ticks(text: str) -> Markup:
    """The text, escaped, with what stands between backticks shown as code."""
    return Markup(_TICKS.sub(r"<code>\1</code>", escape(text)))


def _token(session: Session | None) -> Markup:
    csrf = "" if session is None else session.csrf
    return Markup(f'<input type="hidden" name="csrf" value="{escape(csrf)}">')
