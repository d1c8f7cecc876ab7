"""Accessions: `CAT`, eight digits and a check letter; never reused, and a mistyped one is noticed."""

from __future__ import annotations

import re

from catchment.errors import BadInput
from catchment.schema.records import ACCESSION_PATTERN

# 23 letters, a prime: with these weights any one wrong digit and any swap of two neighbours changes the letter
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def accession(number: int) -> str:
    """Return the accession of a number between 0 and 99,999,999."""
    if not 0 <= number < 100_000_000:
        raise BadInput(f"accession number {number}: expected 0 to 99,999,999; every accession of this inbox is used up")
    digits = f"{number:08d}"
    return f"CAT{digits}{check_letter(digits)}"


def check_letter(digits: str) -> str:
    """Return the letter that goes with eight digits."""
    return LETTERS[sum(weight * int(digit) for weight, digit in enumerate(digits, start=2)) % len(LETTERS)]


def number_of(text: str) -> int:
    """Return the number inside an accession (of any revision).

    Raises
    ------
    BadInput
        Where it has not the form of one, or its check letter does not fit its digits.
    """
    if not re.fullmatch(ACCESSION_PATTERN, text):
        raise BadInput(f"{text}: not an accession; expected CAT, eight digits and a letter, such as {accession(17)}")
    digits, letter = text[3:11], text[11]
    if letter != check_letter(digits):
        raise BadInput(f"{text}: check letter {letter} does not fit; one of the digits may be mistyped")
    return int(digits)
