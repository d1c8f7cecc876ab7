from __future__ import annotations

import base64
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_mzml import INTENSITY, MZ, admitted, array, converted, run, spectrum, written

from catchment.massspec import numpress
from catchment.massspec.arrays import Encoding, decode, encoding_of
from catchment.massspec.faults import Broken
from catchment.massspec.tables import read_spectra

VALUES = [100.25, 200.5, 200.75, 350.125, 90.5]
# what the authors' own library (pynumpress 0.1.5) makes of these values, at 10,000 and 1,000 as factors
LINEAR = bytes.fromhex("40c3880000000000044c0f0008981e00b0cdb02231c61a07791c")
POSITIVE = bytes.fromhex("64669c69c5e516b5")
LOGGED = bytes.fromhex("408f4000000000000a12ba14bb14e516a411")
TERMS = {
    "MS:1002312": "MS-Numpress linear prediction compression",
    "MS:1002313": "MS-Numpress positive integer compression",
    "MS:1002314": "MS-Numpress short logged float compression",
    "MS:1002746": "MS-Numpress linear prediction compression followed by zlib compression",
    "MS:1002747": "MS-Numpress positive integer compression followed by zlib compression",
    "MS:1002748": "MS-Numpress short logged float compression followed by zlib compression",
}


def test_each_code_gives_the_numbers_that_were_written() -> None:
    assert numpress.linear(LINEAR).tolist() == VALUES
    assert numpress.positive_integers(POSITIVE).tolist() == [100, 201, 201, 350, 91]
    np.testing.assert_allclose(numpress.short_logged(LOGGED), VALUES, rtol=6e-4)


@pytest.mark.parametrize(("length", "values"), [(8, []), (12, VALUES[:1]), (16, VALUES[:2])])
def test_a_linear_prediction_of_fewer_than_three_numbers_has_no_half_bytes(length: int, values: list[float]) -> None:
    assert numpress.linear(LINEAR[:length]).tolist() == values


def half_bytes(numbers: list[int]) -> bytes:
    """Write 32-bit numbers as the method's authors describe it, a half byte at a time."""
    halves: list[int] = []
    for number in numbers:
        own = [(number >> 4 * place) & 0xF for place in range(8)]
        filler = 0xF if number < 0 else 0
        left_out = next((n for n in range(8) if own[7 - n] != filler), 8)
        left_out = min(left_out, 7) if number < 0 else left_out  # the head 0 would stand for 16
        base = 8 if number < 0 and left_out else 0
        halves += [base + left_out, *own[: 8 - left_out]]
    halves += [0] * (len(halves) % 2)
    return bytes(high << 4 | low for high, low in zip(halves[::2], halves[1::2], strict=True))


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=50))
def test_half_bytes_give_back_every_32_bit_number(numbers: list[int]) -> None:
    assert numpress.half_byte_numbers(half_bytes(numbers)).tolist() == numbers


@given(st.binary(max_size=200))
def test_any_bytes_are_numbers_or_refused(data: bytes) -> None:
    for decoder in numpress.DECODERS.values():
        try:
            assert decoder(data).dtype == np.float64
        except Broken as broken:
            assert broken.rule.code == "MZ-005"


@pytest.mark.parametrize("cut", range(1, len(LINEAR) - 1))
def test_a_code_that_was_cut_never_gives_all_numbers(cut: int) -> None:
    with pytest.raises(Broken):
        decode(base64.b64encode(LINEAR[:cut]).decode(), encoding_of(("MS:1002312",)), len(VALUES), None)


@pytest.mark.parametrize(
    ("data", "encoding", "length", "code", "found"),
    [
        (LINEAR, "MS:1002312", 6, "MZ-006", "5 values"),
        (LINEAR * 9, "MS:1002312", 5, "MZ-006", "234 bytes"),
        (b"\0" * 8 + LINEAR[8:], "MS:1002312", 5, "MZ-005", "factor"),
        (LOGGED[:-1], "MS:1002314", 5, "MZ-005", "within a number"),
        (zlib.compress(bytes(10_000_000)), "MS:1002747", 5, "MZ-018", "inflates to"),
        (POSITIVE, "MS:1002747", 5, "MZ-005", "header"),
    ],
)
def test_damaged_numpress_names_its_rule(data: bytes, encoding: str, length: int, code: str, found: str) -> None:
    with pytest.raises(Broken, match=found) as caught:
        decode(base64.b64encode(data).decode(), encoding_of((encoding,)), length, None)
    assert caught.value.rule.code == code


def test_zlib_around_numpress_is_taken_off_whichever_term_says_so() -> None:
    assert encoding_of(("MS:1000521", "MS:1002746")) == Encoding(np.dtype("<f8"), True, "MS:1002312")
    assert encoding_of(("MS:1000523", "MS:1002312", "MS:1000574")) == Encoding(np.dtype("<f8"), True, "MS:1002312")
    with pytest.raises(Broken, match=r"MS:1002312 and MS:1002314 at once"):
        encoding_of(("MS:1002312", "MS:1002314"))


@pytest.mark.parametrize("inside_zlib", [False, True])
def test_a_run_in_numpress_is_kept_and_its_numbers_are_read(tmp_path: Path, inside_zlib: bool) -> None:
    def one(data: bytes, kind: str, accession: str) -> str:
        term = f'<cvParam cvRef="MS" accession="{accession}" name="{TERMS[accession]}"/>'
        text = base64.b64encode(zlib.compress(data) if inside_zlib else data).decode()
        return array(text, kind, term)

    mz, counts = ("MS:1002746", "MS:1002747") if inside_zlib else ("MS:1002312", "MS:1002313")
    body = f'<binaryDataArrayList count="2">{one(LINEAR, MZ, mz)}{one(POSITIVE, INTENSITY, counts)}'
    asset = written(tmp_path, run(spectrum(0), spectrum(1, length=5, body=f"{body}</binaryDataArrayList>")))
    assert "error" not in admitted(asset)[2].values()
    product, path = converted(asset, tmp_path / "out")
    table = read_spectra(path.with_name(product.side_cars["spectra"]))
    assert table["tic"].tolist() == [8.0, 943.0]
    assert table["mz_max"].tolist() == [300.0, 350.125]
