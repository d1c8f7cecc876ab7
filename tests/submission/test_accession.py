"""An accession that was mistyped is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment.errors import BadInput
from catchment.submission.accession import accession, check_letter, number_of

numbers = st.integers(0, 99_999_999)


def test_accessions_are_what_they_have_always_been() -> None:
    assert [accession(number) for number in (0, 1, 4, 12_345_678, 99_999_999)] == [
        "CAT00000000A",
        "CAT00000001K",
        "CAT00000004P",
        "CAT12345678L",
        "CAT99999999F",
    ]


@given(numbers)
def test_an_accession_holds_its_number(number: int) -> None:
    assert number_of(accession(number)) == number
    assert number_of(accession(number) + ".v12") == number


@given(numbers, st.integers(0, 7), st.integers(1, 9))
def test_any_one_wrong_digit_is_noticed(number: int, place: int, step: int) -> None:
    right = f"{number:08d}"
    wrong = right[:place] + str((int(right[place]) + step) % 10) + right[place + 1 :]
    assert check_letter(wrong) != check_letter(right)
    with pytest.raises(BadInput, match=r"check letter [A-Z] does not fit; one of the digits may be mistyped"):
        number_of(f"CAT{wrong}{check_letter(right)}")


@given(numbers, st.integers(0, 6))
def test_two_neighbours_that_changed_places_are_noticed(number: int, place: int) -> None:
    right = f"{number:08d}"
    wrong = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    assert (check_letter(wrong) == check_letter(right)) is (wrong == right)


@pytest.mark.parametrize(
    "text", ["", "CAT", "CAT00000001", "cat00000001K", "CAT00000001K.v", "CAT00000001K\n", "x" * 99]
)
def test_what_is_no_accession_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match="not an accession; expected CAT, eight digits and a letter, such as CAT"):
        number_of(text)


@pytest.mark.parametrize("number", [-1, 100_000_000])
def test_a_number_without_an_accession_is_refused(number: int) -> None:
    with pytest.raises(BadInput, match="expected 0 to 99,999,999"):
        accession(number)
