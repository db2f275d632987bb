"""SASLprep (RFC 4013): one form for all the ways in which a name or password can be typed.

The tables of RFC 3454 are those of Unicode 3.2.
"""

import stringprep
import unicodedata

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def mapped(text: str) -> str:
    """The text mapped and normalized (RFC 4013 §2.1, §2.2), whatever is in it."""
    kept = "".join(
        " " if stringprep.in_table_c12(letter) else letter
        for letter in text
        if not stringprep.in_table_b1(letter)
    )
    return unicodedata.ucd_3_2_0.normalize("NFKC", kept)


def prepare(text: str) -> str:
    """The text prepared as a query: code points that Unicode 3.2 doesn't know are let pass.

    Raises:
        ValueError: a character of it is prohibited, or it mixes directions (RFC 4013 §2.3, §2.4).
    """
    prepared = mapped(text)
    if any(table(letter) for letter in prepared for table in _PROHIBITED):
        raise ValueError("a character that SASLprep prohibits")
    if any(map(stringprep.in_table_d1, prepared)):
        # RFC 3454 §6: what runs right to left does so from its first character to its last.
        ends = stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1])
        if not ends or any(map(stringprep.in_table_d2, prepared)):
            raise ValueError("text that runs in both directions")
    return prepared
