import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.query.fold import MAX_PIECE_CHARACTERS, fold
from bridge.query.subject import base_subject
from tests.effort import cheap


def whole(text: str) -> bytes:
    """RFC 5051 to the letter, in one go."""
    titles = [(letter.title() if len(letter.title()) == 1 else letter) for letter in text]
    return unicodedata.normalize("NFKD", "".join(titles)).encode()


# Odd forms among them: marks that decompose to marks, voiced marks of half width, ligatures.
LETTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(
    "aB \xdf\xe4\u0301\u0323\u0344\u0f73\u0f71\uff76\uff9e\ufb01\u01c6\uac00\u1e69\u212b"
)


@given(st.text(LETTERS, max_size=40), st.integers(0, 12))
def test_folding_is_whole_string_folding(text: str, times: int) -> None:
    assert fold(text) == whole(text)
    # No run of marks is longer than a piece: as it is in text that people write.
    for filling in ("\u4e00", "plain ASCII words between them " * 8):
        longer = (text + filling) * times
        assert fold(longer) == whole(longer)


@given(
    st.text(
        st.sampled_from("aB \xdf\xe4\xc4\u01c6\u017e\ufb01\u03b9\u0345\u1fb3\u0301"), max_size=30
    )
)
def test_few_letters_are_folded_as_many(text: str) -> None:
    assert fold(text) == whole(text)


def test_every_letter_is_folded_as_by_itself() -> None:
    planes = (*range(11, 0xD800), *range(0xE000, 0x2_0000), *range(0x2_F800, 0x2_FA20))
    letters = list(map(chr, planes))
    assert fold("\n".join(letters)) == b"\n".join(map(whole, letters))


def test_a_run_of_marks_takes_a_moment_and_finds_itself() -> None:
    marks = "e" + "\u0301\u0323" * 200_000
    found = cheap(2, lambda: fold(marks))
    assert fold(marks[: 2 * MAX_PIECE_CHARACTERS + 1]) in found


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("Re: Fwd: [x] hello (fwd) (FWD)", "hello"),
        ("[a] [b] RE [c] : fw: d", "d"),
        ("[a] [b]", "[b]"),
        ("[a]", "[a]"),
        ("[a] [b] c [d]", "c [d]"),
        ("[fwd: Re: [fwd: deep] (fwd)]", "deep"),
        ("[x] [fwd: in]", "in"),
        ("re:", ""),
        ("re : : a", ": a"),
        ("regards", "regards"),
        ("(fwd)", ""),
        ("  spaces\t\tin  between ", "spaces in between"),
        ("[[x] y", "[[x] y"),
    ],
)
def test_base_subjects(text: str, base: str) -> None:
    assert base_subject(text).text == base
