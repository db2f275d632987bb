"""What can be said of the container files without a container engine."""

import json
import re
import tomllib
from ipaddress import ip_address
from pathlib import Path

import pytest

from bridge.cli.main import popbridge
from bridge.config import load
from bridge.errors import ConfigError
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


def test_no_password_crosses_the_network_in_the_clear() -> None:
    """The page is http:// on the container's own loopback; whoever opens it must make it https://."""
    words = next(rest for word, rest in last_stage() if word == "ENV").split()
    environ = dict(word.split("=", 1) for word in words if word.startswith("POPBRIDGE_IMAP"))
    config = load(None, environ)
    for listen in (*config.web.listen, *config.imap.listen):
        on_loopback = all(ip_address(host).is_loopback for host in listen.hosts)
        assert on_loopback or listen.scheme in ("https", "imaps")
    assert "WEB_LISTEN" not in (ROOT / "deploy" / "compose.yml").read_text()
    with pytest.raises(ConfigError, match="https"):
        load(None, environ | {"POPBRIDGE_WEB_LISTEN": "http://*:8143"})


def test_what_builds_the_image_is_pinned_and_leaves_nothing() -> None:
    """What hadolint would say: versions named, lists of packages removed, no sudo, no ADD."""
    for word, rest in instructions():
        match word:
            case "FROM":
                tag = rest.split()[0].rpartition("/")[2].partition(":")[2]
                assert tag and tag != "latest"
            case "RUN":
                for command in re.split(r"&&|;", rest):
                    assert not re.match(r"\s*(sudo|cd|ssh|vim|kill|ps) ", command), command
                if "apt-get install" in rest:
                    assert "--no-install-recommends" in rest and "-y" in rest
                    assert rest.endswith("rm -rf /var/lib/apt/lists/*")
                if "pip install" in rest:
                    assert "--no-cache-dir" in rest
                if "curl" in rest and "apt-get" not in rest:
                    assert "-f" in rest and "sha3" in rest, "what is fetched is checked"
            case "WORKDIR":
                assert rest.startswith("/")
            case "ENTRYPOINT" | "CMD":
                assert isinstance(json.loads(rest), list), "else a shell takes the signals"
            case "USER":
                assert rest.partition(":")[0] != "0"
            case _:
                assert word not in ("ADD", "MAINTAINER")


@pytest.mark.parametrize("line", ["read_only: true", "cap_drop: [ALL]", '"127.0.0.1:1993:1993"'])
def test_the_compose_file_keeps_to_little(line: str) -> None:
    text = (ROOT / "deploy" / "compose.yml").read_text()
    assert line in text
    assert "\t" not in text
