"""Hypothesis on the targets of `make fuzz`: the same inputs at each run."""

from base64 import b64decode
from importlib import import_module
from random import Random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.imap.framing import Framer
from bridge.ingest.pipeline import Ingest
from bridge.pop3.multiline import BodyScanner
from tests.fuzz.driver import TARGETS
from tests.fuzz.mutation import generate, mutate

MODULES = {
    name: import_module(f"tests.fuzz.targets.{name}") for name in TARGETS if name != "slowness"
}
STEADY = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SEEDS = st.integers(0, 2**32 - 1)
each_target = pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)


@each_target
@STEADY
@given(seed=SEEDS)
def test_sentences_of_the_grammar(module: ModuleType, seed: int) -> None:
    module.target(generate(module, Random(seed)))


@each_target
@STEADY
@given(data=st.data())
def test_tokens_in_any_order(module: ModuleType, data: st.DataObject) -> None:
    pieces = st.sampled_from(module.TOKENS) | st.binary(max_size=3)
    control = data.draw(st.binary(min_size=4, max_size=4))
    module.target(control + b"".join(data.draw(st.lists(pieces, max_size=20))))


@each_target
def test_inputs_depend_on_their_seed_alone(module: ModuleType) -> None:
    for seed in range(20):
        octets = generate(module, Random(seed))
        assert octets == generate(module, Random(seed))
        assert mutate(module, octets, Random(seed)) == mutate(module, octets, Random(seed))


class _ForgetfulFramer(Framer):
    def feed(self, data: bytes) -> None:
        super().feed(data.removesuffix(b"\r"))


class _ForgetfulIngest(Ingest):
    def feed(self, chunk: bytes) -> None:
        super().feed(chunk.removesuffix(b"\r"))


class _ForgetfulScanner(BodyScanner):
    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        return super().feed(data.removesuffix(b"."))


def _decode_or_raise(value: bytes) -> str:
    return value.decode()


@pytest.mark.parametrize(
    ("name", "place", "attribute", "fault"),
    [
        ("imap", "tests.fuzz.targets.imap", "Framer", _ForgetfulFramer),
        ("mail", "tests.fuzz.targets.mail", "Ingest", _ForgetfulIngest),
        ("pop3", "tests.fuzz.targets.pop3", "BodyScanner", _ForgetfulScanner),
        ("sasl", "bridge.pop3.sasl", "decoded", b64decode),
        ("fields", "bridge.mime.words", "raw_text", _decode_or_raise),
        ("text", "tests.fuzz.targets.text", "charset_text", lambda octets, name: "\ud800"),
        ("names", "bridge.imap.mutf7", "decode", lambda octets: octets.decode("latin-1")),
        ("names", "bridge.model.numset.NumSet", "resolve", lambda self, largest: self.ranges),
        ("search", "bridge.query.evaluate", "_cost", lambda key: 1 // 0),
    ],
)
def test_a_planted_fault_is_found(
    name: str, place: str, attribute: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = MODULES[name]
    monkeypatch.setattr(f"{place}.{attribute}", fault)
    with pytest.raises((AssertionError, ValueError, ZeroDivisionError)):
        for seed in range(300):
            module.target(generate(module, Random(seed)))
