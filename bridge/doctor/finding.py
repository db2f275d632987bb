"""What a check says. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from bridge.errors import BridgeError, Exit


class Verdict(Enum):
    """How a check ended, in the words that people read."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNCHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A verdict and why; `code` and `exit` of what failed, else "" and 0."""

    verdict: Verdict
    text: str
    remedy: str = ""
    code: str = ""
    exit: int = Exit.OK


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding in its place in the report."""

    group: str
    check: str
    finding: Finding

    def form(self) -> dict[str, object]:
        """As JSON shows it; code and remedy are None where there is none."""
        one = self.finding
        return {
            "group": self.group,
            "check": self.check,
            "verdict": one.verdict.value,
            "code": one.code or None,
            "text": one.text,
            "remedy": one.remedy or None,
        }


@dataclass(frozen=True, slots=True)
class Missing:
    """In place of a fact that there is none of: why, as the rest of "not checked: …"."""

    why: str


def ok(text: str) -> Finding:
    """All is well."""
    return Finding(verdict=Verdict.OK, text=text)


def warning(text: str, remedy: str) -> Finding:
    """It works, but somebody should know."""
    return Finding(verdict=Verdict.WARNING, text=text, remedy=remedy)


def failed(error: BridgeError) -> Finding:
    """It doesn't work; where the error says nothing of it, its kind says what to do."""
    remedy = error.remedy or type(error).advice
    return Finding(
        verdict=Verdict.FAILED, text=error.text, remedy=remedy, code=error.code, exit=error.exit
    )


def unchecked(why: str) -> Finding:
    """It wasn't looked at."""
    return Finding(verdict=Verdict.UNCHECKED, text=why)


def worst_exit(findings: Iterable[Finding]) -> int:
    """The exit code of the worst failure; 0 where nothing failed."""
    return max((int(one.exit) for one in findings if one.verdict is Verdict.FAILED), default=0)
