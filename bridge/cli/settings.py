"""Where the data are and what is configured, from options and environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge import config
from bridge.config import Config
from bridge.errors import ConfigError, StoreError

SYSTEM_DATA = Path("/var/lib/popbridge")


@dataclass(frozen=True, slots=True)
class Settings:
    """The data folder and the configuration."""

    data: Path
    config: Config
    config_file: Path


def load(data: Path | None, config_file: Path | None, environ: Mapping[str, str]) -> Settings:
    """What options and environment say; the folder may not exist yet.

    Raises:
        ConfigError: the configuration is wrong.
    """
    folder, path = locate(data, config_file, environ)
    named = config_file or _path(environ, "POPBRIDGE_CONFIG")
    if named is not None and not os.path.lexists(path):
        raise ConfigError(
            f"There is no configuration file {path}.", "Look at --config or POPBRIDGE_CONFIG."
        )
    return Settings(folder, config.load(path, environ), path)


def locate(
    data: Path | None, config_file: Path | None, environ: Mapping[str, str]
) -> tuple[Path, Path]:
    """The data folder and the configuration file, neither of which need be there.

    Raises:
        ConfigError: there is no home folder that one of them could be in.
    """
    folder = _expanded(data or find_data(environ)).absolute()
    named = config_file or _path(environ, "POPBRIDGE_CONFIG")
    return folder, _expanded(named or folder / "popbridge.toml")


def find_data(environ: Mapping[str, str]) -> Path:
    """The data folder when no option names one."""
    if (found := _path(environ, "POPBRIDGE_DATA")) is not None:
        return found
    # systemd.exec(5): several are joined by colons.
    if first := environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(first)
    if os.access(SYSTEM_DATA, os.R_OK | os.X_OK):
        return SYSTEM_DATA
    return (_path(environ, "XDG_DATA_HOME") or Path("~/.local/share")) / "popbridge"


def make_data(folder: Path) -> None:
    """Makes the data folder, open to its owner only.

    Raises:
        StoreError: it can't be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The data folder {folder} can't be made: {error.strerror}.",
            "Name another with --data, or look at the owner of the folder above it.",
        ) from error


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ConfigError(
            f"There is no home folder for {path}.", "Name the folder in full with --data."
        ) from None


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    value = environ.get(name)
    return Path(value) if value else None
