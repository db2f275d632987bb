"""Which names LIST shows (RFC 5258 §3.3, §3.5): a pure choice among those that are meant."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bridge.model.mailbox import superiors

Matches = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Listed:
    """A name to be shown.

    `meets` says whether it meets the criteria itself, `childinfo` whether a name below it does and
    the client wants to hear of that.
    """

    name: str
    meets: bool
    childinfo: bool


def listed(selected: Iterable[str], matches: Matches, *, recursive: bool) -> Iterator[Listed]:
    """The names to be shown, sorted.

    Args:
        selected: the names that meet the criteria.
        matches: whether a name matches a pattern.
        recursive: RECURSIVEMATCH: names above those that meet the criteria are shown too, unless
            all that they would tell of is shown itself (RFC 5258 §3.5).
    """
    meeting = set(selected)
    shown = {name for name in meeting if matches(name)}
    above: set[str] = set()
    hidden: set[str] = set()
    if recursive:
        for name in meeting:
            above.update(superiors(name))
            if name not in shown:
                hidden.update(superiors(name))
    for name in sorted(shown | {name for name in hidden if name not in shown and matches(name)}):
        yield Listed(name, meets=name in meeting, childinfo=name in above)
