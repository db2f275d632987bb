import re
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bridge.metrics import Metrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_has_every_metric_with_its_labels() -> None:
    made = Metrics("1.2.3", "3.51.3")
    made.account_added(7, datetime.now(UTC))
    found = {}
    for family in text_string_to_metric_families(made.exposition().decode()):
        if family.name.startswith("popbridge_"):
            total = "_total" if family.type == "counter" else ""
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            found[family.name.removeprefix("popbridge_") + total] = labels
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]*)\|", PAGE.read_text(), re.M)
    told = {name: set(re.findall(r"\w+", labels)) for name, labels in rows}
    assert told.keys() == found.keys()
    # A gauge of an account that isn't known yet has no sample to show its label.
    assert {name: told[name] for name, labels in found.items() if labels} == {
        name: labels for name, labels in found.items() if labels
    }
