"""Which annotations GETMETADATA shows (RFC 5464 §4.2): a pure choice among those there are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bridge.model.annotation import Annotation

Held = Mapping[str, Annotation]
"""Annotations of one mailbox, or of the server, by their names in lower case."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Entries to be shown, None for one that has no value; the size of the longest left out."""

    values: tuple[tuple[str, bytes | None], ...]
    longest: int = 0


def chosen(
    held: Held, entries: Iterable[str], *, depth: int | None = 0, max_size: int | None = None
) -> Chosen:
    """What is to be shown of `entries`, as the client writes them, in their order.

    Args:
        held: what there is.
        entries: each once.
        depth: of what is below them; with 0 each entry is shown, if without a value.
        max_size: longer values are left out, octets; None for no limit.
    """
    found: dict[str, tuple[str, bytes | None]] = {}
    for entry in entries:
        own = held.get(entry.lower())
        if own is not None or depth == 0:
            found.setdefault(entry.lower(), (entry, None if own is None else own.value))
        if depth != 0:
            found = {
                **{name: (one.entry, one.value) for name, one in _below(held, entry, depth)},
                **found,
            }
    shown = [one for _, one in sorted(found.items())] if depth != 0 else list(found.values())
    sizes = [len(value) for _, value in shown if value is not None]
    if max_size is None or max(sizes, default=0) <= max_size:
        return Chosen(tuple(shown))
    kept = tuple(one for one in shown if one[1] is None or len(one[1]) <= max_size)
    return Chosen(kept, max(sizes))


def _below(held: Held, entry: str, depth: int | None) -> Iterable[tuple[str, Annotation]]:
    prefix = entry.lower() + "/"
    for name, one in held.items():
        if name.startswith(prefix) and (depth is None or name.count("/", len(prefix)) < depth):
            yield name, one
