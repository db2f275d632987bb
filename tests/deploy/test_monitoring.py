"""Rules and dashboard, read by promtool and by a Prometheus that scrapes a daemon."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from tests.e2e.daemon import Daemon, add_account, configure, popbridge
from tests.e2e.ports import free_port
from tests.e2e.programs import installed
from tests.pop_server import PopServer

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "popbridge.rules.yml"
DASHBOARD = DEPLOY / "grafana-dashboard.json"
WAIT_S = 120
NAME = re.compile(r"\b(?:instance:)?(?:popbridge|process)_[a-z0-9_]+(?::[a-z0-9]+)?")


def promtool(*arguments: str) -> str:
    program = installed("promtool")
    done = subprocess.run(
        [program, *arguments], cwd=DEPLOY, capture_output=True, text=True, timeout=WAIT_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_right() -> None:
    assert "SUCCESS: 23 rules found" in promtool("check", "rules", RULES.name)
    promtool("check", "config", "prometheus.yml")


def test_the_rules_do_what_they_say() -> None:
    assert "SUCCESS" in promtool("test", "rules", "popbridge.rules.test.yml")


def alerts() -> list[str]:
    return re.findall(r"- alert: (\w+)", RULES.read_text())


def test_every_alert_has_its_runbook() -> None:
    headings = re.findall(r"^#+ (\w+)$", (ROOT / "docs" / "metrics.md").read_text(), re.M)
    linked = re.findall(r'runbook_url: "docs/metrics\.md#(\w+)"', RULES.read_text())
    assert linked == [alert.lower() for alert in alerts()]
    assert set(alerts()) <= set(headings)


def expressions() -> list[str]:
    found = json.loads(DASHBOARD.read_text())
    return [target["expr"] for panel in found["panels"] for target in panel.get("targets", ())]


def filled(expression: str) -> str:
    """As Grafana asks for it."""
    replaced = {"$job": "popbridge", "$instance": ".*", "$__rate_interval": "1m"}
    for variable, value in replaced.items():
        expression = expression.replace(variable, value)
    return expression


def test_the_dashboard_can_be_imported() -> None:
    found = json.loads(DASHBOARD.read_text())
    assert found["id"] is None and found["uid"] and found["schemaVersion"] >= 39
    assert found["__inputs"][0]["name"] == "DS_PROMETHEUS"
    assert [each["name"] for each in found["templating"]["list"]] == ["job", "instance"]
    ids = [panel["id"] for panel in found["panels"]]
    assert len(set(ids)) == len(ids)
    places = [tuple(panel["gridPos"].values()) for panel in found["panels"]]
    assert len(set(places)) == len(places)
    for panel in found["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${DS_PROMETHEUS}"


class Prometheus:
    """A real one, which scrapes and evaluates every tenth of a second."""

    def __init__(self, port: int) -> None:
        self._api = f"http://127.0.0.1:{port}/api/v1"

    def get(self, path: str) -> Any:
        with urlopen(self._api + path, timeout=WAIT_S) as answer:
            return json.load(answer)["data"]

    def names(self) -> set[str]:
        return set(self.get("/label/__name__/values"))

    def query(self, expression: str) -> list[Any]:
        found: list[Any] = self.get(f"/query?query={quote(expression)}")["result"]
        return found

    def firing(self) -> set[str]:
        found = self.get("/alerts")["alerts"]
        return {each["labels"]["alertname"] for each in found if each["state"] == "firing"}


def until(condition: Callable[[], bool]) -> None:
    """Waits for Prometheus, which nobody can wake."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def prometheus(folder: Path, target: str, rules: str) -> Iterator[Prometheus]:
    program, port = installed("prometheus"), free_port()
    folder.mkdir()
    (folder / "rules.yml").write_text(rules)
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 100ms, scrape_timeout: 100ms, evaluation_interval: 100ms}\n"
        "rule_files: [rules.yml]\nscrape_configs:\n"
        f"  - {{job_name: popbridge, static_configs: [{{targets: ['{target}']}}]}}\n"
    )
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [
                program, f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    made = Prometheus(port)

    def scraped() -> bool:
        assert running.poll() is None, (folder / "log").read_text()
        try:
            return bool(made.query('up{job="popbridge"} == 1'))
        except OSError:
            return False

    try:
        until(scraped)
        yield made
    finally:
        running.terminate()
        running.wait(WAIT_S)


def hasty(rules: str) -> str:
    """The rules with seconds where they have hours."""
    return re.sub(r"^(\s+for): \w+$", r"\1: 0s", rules, flags=re.M).replace("> 3600", "> 2")


@pytest.mark.e2e
def test_an_alert_fires_while_the_provider_is_down(tmp_path: Path) -> None:
    data = tmp_path / "data"
    configure(data, interval="1s")
    mail = [b"Subject: one\r\n\r\nbody\r\n"]
    port = free_port()
    add_account(data, port)
    daemon = Daemon(data)
    target = daemon.run["metrics"][0].removeprefix("http://")
    with prometheus(tmp_path / "prometheus", target, hasty(RULES.read_text())) as watching:
        with PopServer(mail, listens=port):
            assert popbridge(data, "sync").returncode == 0
            check_names(watching)
            until(lambda: "PopbridgeAccountStale" not in watching.firing())
        until(lambda: "PopbridgeAccountStale" in watching.firing())
        with PopServer(mail, listens=port):
            assert popbridge(data, "sync").returncode == 0
            until(lambda: "PopbridgeAccountStale" not in watching.firing())
    assert daemon.stop() == 0


def check_names(watching: Prometheus) -> None:
    """Everything that rules and dashboard name is there, and every question is understood."""
    until(lambda: bool(watching.query("instance:popbridge_accounts_stale:ratio")))
    asked = [filled(each) for each in expressions()]
    named = {name for text in (RULES.read_text(), *asked) for name in NAME.findall(text)}
    # A group of rules; and what is there only while something is wrong with popbridge itself.
    absent = {"popbridge_recorded", "popbridge_error_since_timestamp_seconds"}
    until(lambda: named - absent <= watching.names())
    for each in asked:
        watching.query(each)
