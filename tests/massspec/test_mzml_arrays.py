from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from catchment.massspec.arrays import TYPES, Encoding, decode, encoding_of
from catchment.massspec.faults import Broken

F8 = np.dtype("<f8")


def text_of(data: bytes, *, compressed: bool) -> str:
    return base64.b64encode(zlib.compress(data) if compressed else data).decode()


@given(
    values=st.sampled_from(sorted(TYPES.values(), key=str)).flatmap(
        lambda dtype: hnp.arrays(dtype, st.integers(0, 300))
    ),
    compressed=st.booleans(),
)
def test_decode_returns_the_encoded_values_bit_by_bit(values: np.ndarray, compressed: bool) -> None:
    found = decode(
        text_of(values.tobytes(), compressed=compressed), Encoding(values.dtype, compressed), len(values), None
    )
    assert found.dtype == values.dtype
    assert found.tobytes() == values.tobytes()


def test_white_space_in_base64_counts_for_nothing() -> None:
    text = text_of(np.array([1.0, 2.0]).tobytes(), compressed=False)
    assert decode(f"\n {text[:5]}\r\n{text[5:]} ", Encoding(F8, False), 2, None).tolist() == [1.0, 2.0]


def test_empty_text_is_an_empty_array_even_where_it_says_zlib() -> None:
    assert decode("", Encoding(F8, True), 0, None).tolist() == []


DATA = np.arange(64, dtype="<f8").tobytes()
GOOD = text_of(DATA, compressed=True)


@pytest.mark.parametrize(
    ("text", "compressed", "length", "code", "found"),
    [
        (GOOD[:-5] + "*" + GOOD[-4:], True, 64, "MZ-004", "base64"),
        (GOOD[:-1], True, 64, "MZ-004", "padding"),
        ("äöü", False, 1, "MZ-004", "ASCII"),
        (base64.b64encode(zlib.compress(DATA)[:-20]).decode(), True, 64, "MZ-005", "ends after"),
        (base64.b64encode(b"not zlib").decode(), True, 1, "MZ-005", "header"),
        (GOOD, True, 65, "MZ-006", "64 values of 8 bytes"),
        (GOOD, True, 63, "MZ-006", "64 values of 8 bytes"),
        (text_of(DATA[:-1], compressed=False), False, 64, "MZ-006", "63.875 values"),
        ("", False, 3, "MZ-006", "0 values"),
        (GOOD, True, 10**12, "MZ-018", "declared"),
    ],
)
def test_damaged_array_names_its_rule(text: str, compressed: bool, length: int, code: str, found: str) -> None:
    with pytest.raises(Broken, match=found) as caught:
        decode(text, Encoding(F8, compressed), length, 1_000_000)
    assert caught.value.rule.code == code


def test_zlib_bomb_is_not_inflated_to_its_end() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(300_000_000), 9)).decode()
    with pytest.raises(Broken, match="inflates to") as caught:
        decode(bomb, Encoding(F8, True), 4, 1_000_000)
    assert caught.value.rule.code == "MZ-018"
    assert caught.value.rule.unsafe


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        (("MS:1000523", "MS:1003088"), "MS:1003088"),
        (("MS:1000523", "MS:1003780"), "MS:1003780"),
        (("MS:1000574",), "0 types"),
        (("MS:1000521", "MS:1000523"), "2 types"),
    ],
)
def test_encoding_that_cannot_be_read_is_named(terms: tuple[str, ...], found: str) -> None:
    with pytest.raises(Broken, match=found) as caught:
        encoding_of(terms)
    assert caught.value.rule.code == "MZ-007"


def test_type_of_reads_precision_and_compression() -> None:
    assert encoding_of(("MS:1000521", "MS:1000574")) == (np.dtype("<f4"), True, "")
    assert encoding_of(("MS:1000523",)) == (np.dtype("<f8"), False, "")
    assert encoding_of(("MS:1001479", "MS:1000576")) == (None, False, "")
