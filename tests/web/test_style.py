"""What everybody can read: contrast as WCAG 2.2 §1.4.3 has it, in both schemes."""

import re
from pathlib import Path

import pytest

CSS = (Path(__file__).parents[2] / "bridge/web/static/page.css").read_text()
COLOURS = [
    dict(re.findall(r"--([\w-]+): (#\w+);", part)) for part in CSS.split("* {")[0].split("@media")
]
PAIRS = [
    *((ink, back) for ink in ("ink", "quiet", "accent", "bad") for back in ("page", "card")),
    *((tone, back) for tone in ("good", "warn", "bad", "busy", "idle")
      for back in ("card", f"{tone}-soft")),
    *((ink, back) for ink in ("ink", "quiet", "accent") for back in ("bad-soft", "good-soft")),
    ("accent", "busy-soft"), ("on-accent", "accent"),
]  # fmt: skip


def luminance(colour: str) -> float:
    digits = colour[1:]
    digits = "".join(2 * one for one in digits) if len(digits) == 3 else digits
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "back"), PAIRS)
def test_contrast(scheme: int, ink: str, back: str) -> None:
    colours = COLOURS[scheme]
    low, high = sorted(luminance(colours[one]) for one in (ink, back))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_focus_is_seen_and_nothing_comes_from_elsewhere() -> None:
    assert ":focus-visible" in CSS
    assert "url(" not in CSS and "@import" not in CSS
