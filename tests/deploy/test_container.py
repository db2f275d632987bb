"""What can be said of the container files without a container engine."""

import re
import tomllib
from pathlib import Path

import pytest

from bridge.cli.main import popbridge
from bridge.config import load
from bridge.store.sqlite import has_wal_reset_bug

ROOT = Path(__file__).parents[2]
INSTRUCTIONS = (
    "FROM ARG RUN WORKDIR COPY LABEL ENV VOLUME USER EXPOSE HEALTHCHECK STOPSIGNAL ENTRYPOINT CMD"
)


def instructions() -> list[tuple[str, str]]:
    """As an engine reads the file: comments and line ends taken out."""
    text = re.sub(r"^#.*\n", "", (ROOT / "deploy" / "Containerfile").read_text(), flags=re.M)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    found = [tuple(line.split(None, 1)) for line in lines if line.strip()]
    assert all(word in INSTRUCTIONS.split() for word, *_ in found)
    return [(word, " ".join(rest.split())) for word, rest in found]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(n for n, (word, _) in enumerate(found) if word == "FROM")
    return found[start:]


def test_it_runs_as_nobody_of_note_and_is_checked() -> None:
    found = dict(last_stage())
    assert re.fullmatch(r"[1-9][0-9]+:[1-9][0-9]+", found["USER"])
    assert found["VOLUME"] == "/data"
    assert found["HEALTHCHECK"].endswith('CMD ["popbridge", "healthcheck"]')
    assert "healthcheck" in popbridge.list_commands(None)  # type: ignore[arg-type]
    assert (found["ENTRYPOINT"], found["CMD"]) == ('["popbridge"]', '["run"]')
    assert sum(word == "FROM" for word, _ in instructions()) == 2


def test_the_build_fails_with_a_sqlite_that_can_lose_commits() -> None:
    assert any("assert not sqlite.has_wal_reset_bug" in rest for _, rest in last_stage())
    version = next(rest for _, rest in instructions() if rest.startswith("SQLITE_VERSION="))
    digits = version.partition("=")[2]
    built = int(digits[0]), int(digits[1:3]), int(digits[3:5])
    assert not has_wal_reset_bug(built)


def test_what_is_copied_is_there_and_enough_to_build() -> None:
    copied = [rest.split()[:-1] for word, rest in instructions() if word == "COPY"]
    names = {name for each in copied if not each[0].startswith("--") for name in each}
    assert all((ROOT / name).exists() for name in names)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {project["readme"], *project["license-files"]} <= names


def test_its_environment_is_a_configuration() -> None:
    words = next(rest for word, rest in last_stage() if word == "ENV").split()
    environ = dict(word.split("=", 1) for word in words)
    config = load(
        None, {name: value for name, value in environ.items() if name != "POPBRIDGE_DATA"}
    )
    ports = {str(each.port) for each in config.imap.listen if each.scheme == "imaps"}
    exposed = next(rest for word, rest in last_stage() if word == "EXPOSE").split()
    assert ports <= set(exposed)


@pytest.mark.parametrize("line", ["read_only: true", "cap_drop: [ALL]", '"127.0.0.1:1993:1993"'])
def test_the_compose_file_keeps_to_little(line: str) -> None:
    text = (ROOT / "deploy" / "compose.yml").read_text()
    assert line in text
    assert "\t" not in text
