"""A backup's manifest: what is in it, and how to tell that it is whole."""

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "popbridge.db"
"""In a backup; in a data folder it is named as configured."""

_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z(?:-\d+)?")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a backup: its path in it, octets, and SHA-256 in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is said of a backup; `made` is aware UTC, `store` and `epoch` are the store's own."""

    version: str
    schema: str
    made: datetime
    store: int
    epoch: int
    uidvalidity: int
    accounts: int
    messages: int
    files: tuple[File, ...]


def folder_name(made: datetime, again: int = 0) -> str:
    """Of a backup made then; sorts as time does, and any file system takes it.

    `again` tells apart those of one second.
    """
    name = made.astimezone(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    return f"{name}-{again}" if again else name


def is_folder_name(name: str) -> bool:
    """Whether `folder_name` could have made it."""
    return _NAME.fullmatch(name) is not None


def write_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON."""
    form = {"format": FORMAT, **asdict(manifest), "made": manifest.made.isoformat()}
    return json.dumps(form, indent=1).encode() + b"\n"


def read_manifest(octets: bytes) -> Manifest:
    """What `write_manifest` wrote.

    Raises:
        ValueError: it is no manifest, is of a later format, or names a file outside its folder.
    """
    try:
        form = json.loads(octets)
        if form["format"] != FORMAT:
            raise ValueError("it is of another version's format")
        return Manifest(
            version=str(form["version"]),
            schema=str(form["schema"]),
            made=datetime.fromisoformat(form["made"]),
            store=int(form["store"]),
            epoch=int(form["epoch"]),
            uidvalidity=int(form["uidvalidity"]),
            accounts=int(form["accounts"]),
            messages=int(form["messages"]),
            files=tuple(_file(one) for one in form["files"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("it is no manifest of a backup") from error


def _file(form: dict[str, object]) -> File:
    name, size, digest = str(form["name"]), int(str(form["size"])), str(form["sha256"])
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise ValueError("it names a file outside of the backup")
    if not _DIGEST.fullmatch(digest) or size < 0:
        raise ValueError("it is no manifest of a backup")
    return File(name, size, digest)
