"""Asking before anything is deleted upstream."""

from collections.abc import Mapping
from typing import Any

import click

from bridge.cli.call import Ask
from bridge.cli.secret import confirmed, has_terminal
from bridge.errors import UsageError
from bridge.model.policy import describe, volume
from bridge.url import read_policy

MAX_REASONS = 5


async def policy_agreed(ask: Ask, login: str, policy: str, *, yes: bool) -> bool:
    """Whether LOGIN may have this policy, after showing what it would delete now.

    A policy that deletes nothing, or that it has already, is agreed to without a word.

    Raises:
        UsageError: nobody can be asked, and nobody has said yes.
        BridgeError: as the operation `account policy`.
    """
    found = await ask("account policy", {"login": login, "policy": policy})
    if not (found["deletes"] and found["changes"]):
        return True
    return _agreed(_preview(found), yes=yes)


def new_policy_agreed(policy: str, *, yes: bool) -> bool:
    """The same for an account that is to be added: nothing of it is held yet.

    Raises:
        UsageError: nobody can be asked, and nobody has said yes.
    """
    wished = read_policy(policy)
    if not wished.deletes:
        return True
    text = f"{describe(wished)}\nNothing is held yet, so nothing would go now."
    return _agreed(text, yes=yes)


async def thaw_agreed(ask: Ask, login: str, *, yes: bool) -> bool:
    """Whether deleting upstream may go on for LOGIN, after showing why it stopped and what goes.

    Raises:
        UsageError: nobody can be asked, and nobody has said yes.
        BridgeError: as the operations.
    """
    shown = await ask("account show", {"login": login})
    found = await ask("account policy", {"login": login, "policy": shown["policy"]})
    if found["frozen"] is None:
        return True
    cause = f"{found['frozen']['cause']} That was at {found['frozen']['since']}."
    return _agreed(f"{cause}\n{_preview(found)}", yes=yes, question="Go on deleting?")


def _agreed(text: str, *, yes: bool, question: str = "Delete this at the provider?") -> bool:
    if not yes and not has_terminal():
        raise UsageError(text.replace("\n", " "), "Say --yes to do it.")
    click.echo(text, err=True)
    return yes or confirmed(question)


def _preview(found: Mapping[str, Any]) -> str:
    return "\n".join([found["words"], *preview_lines(found)])


def preview_lines(found: Mapping[str, Any]) -> list[str]:
    """What would go now, a few of it as examples."""
    if not found["count"]:
        return ["Nothing would go now."]
    ends = "" if found["oldest"] is None else f", from {found['oldest']} to {found['newest']}"
    lines = [f"Now {found['count']} messages would go, {volume(found['octets'])}{ends}."]
    for reason, count in list(found["reasons"].items())[:MAX_REASONS]:
        lines.append(f"    {count}: each {reason}")
    for one in found["examples"]:
        subject = one["subject"] or "(no subject)"
        lines.append(f"    for example {one['date']} {volume(one['size'])} {subject}")
    return lines
