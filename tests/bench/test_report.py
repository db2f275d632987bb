"""What the table says of a figure."""

from tests.bench.compare import Timing
from tests.bench.figure import Figure, Unit, percentile
from tests.bench.parts import PARTS
from tests.bench.report import page


def test_a_bar_is_one_for_the_figure_or_for_the_ratio() -> None:
    own = Figure("memory", 1000, ours=24.0, peer=480.0, unit=Unit.KIB, bar=16.0)
    assert own.cells[2:] == ("24.0 KiB", "480.0 KiB", "0.05", "16 KiB", "missed 1.5 times")
    ratio = Figure("load", 10, ours=3.0, peer=2.0, unit=Unit.S, bar=2.0, relative=True)
    assert ratio.cells[4:] == ("1.50", "2 x", "met")


def test_without_bar_or_peer_nothing_is_judged() -> None:
    assert Figure("log-ins", 200, ours=1.0, peer=None, unit=Unit.S).cells[3:] == (
        "-",
        "-",
        "-",
        "no bar",
    )
    assert Timing("SORT", 2000, ours_s=0.1, peer_s=None, bar=1.0).verdict == "no peer"


def test_a_page_has_a_table_for_each_part() -> None:
    figure = Figure("work", 1, ours=1.0, peer=None, unit=Unit.MS)
    written = page({part: [figure] for part in PARTS}, "Measured today.")
    assert written.count("| work | 1 | 1.0 ms | - | - | - | no bar |") == len(PARTS)
    assert all(f"## {part.title}\n" in written for part in PARTS)


def test_percentiles() -> None:
    assert percentile([5.0, 1.0, 3.0], 0.99) == 5.0
    assert percentile([float(n) for n in range(100)], 0.95) == 95.0
