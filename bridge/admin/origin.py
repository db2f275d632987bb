"""Who asks for an operation, and what only the owner of the data folder may ask for.

Who names a file or a command has popbridge read or run it, with the rights that popbridge has.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from bridge.errors import UsageError

_OPERATIONS = frozenset({"account apply", "backup", "export", "import"})
_ARGUMENTS = frozenset({"secret_source", "tls"})


class Origin(Enum):
    """Where an operation was asked for."""

    OWNER = "owner"
    """In this process, or on the control socket, which its owner alone can open."""
    HTTP = "http"
    """By a page or an API, whoever has logged in there."""


def check_origin(origin: Origin, name: str, arguments: Mapping[str, Any]) -> None:
    """Returns if the operation may be asked for from there.

    Raises:
        UsageError: it names files or commands, and not the owner asks.
    """
    if origin is not Origin.OWNER and (name in _OPERATIONS or _names(arguments)):
        raise UsageError(
            "What names files or commands of this machine can't be asked for over HTTP.",
            "Use the command popbridge on the machine that it runs on.",
        )


def _names(arguments: Mapping[str, Any]) -> bool:
    return any(
        key in _ARGUMENTS or (isinstance(value, Mapping) and _names(value))
        for key, value in arguments.items()
    )
