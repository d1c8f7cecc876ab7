"""Cells of a column as numbers: what is missing, and what is no number, told apart with care. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catchment.massspec.quantities import rules
from catchment.massspec.quantities.layouts import Quantity
from catchment.schema.rules import Rule

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
MISSING = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "Filtered", "#N/A")
NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?$"
COMMA = r"^[+-]?[0-9]{1,3}(?:[.' ]?[0-9]{3})*,[0-9]+(?:[eE][+-]?[0-9]+)?$|^[+-]?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]+)?$"
INFINITE = r"(?i)^[+-]?inf(inity)?$|^[+-]?∞$"


@dataclass(frozen=True)
class Offence:
    """Cells that break one rule: which rows, and what stands in the first of them."""

    rule: Rule
    rows: npt.NDArray[np.int64]
    found: str


def numbers_of(column: Any, quantity: Quantity) -> tuple[Floats, list[Offence]]:
    """Return a column as numbers, NaN where nothing was measured, and the cells that are none (NaN as well)."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        values = column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False).copy()
        offences: list[Offence] = []
        infinite = np.isinf(values)
        words: Any = column
    else:
        words = pc.utf8_trim_whitespace(column.cast(pa.string()).fill_null(""))
        good = pc.match_substring_regex(words, NUMBER)
        missing = pc.is_in(words, value_set=pa.array(MISSING))
        values = (
            pc.if_else(good, words, None).cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False).copy()
        )
        wrong = flags_of(pc.invert(pc.or_(good, missing)))
        offences = []
        infinite = np.isinf(values)
        if wrong.any():
            comma, endless = (flags_of(pc.match_substring_regex(words, form)) & wrong for form in (COMMA, INFINITE))
            infinite |= endless
            offences += offence(rules.DECIMAL_COMMA, comma, words)
            offences += offence(rules.NOT_A_NUMBER, wrong & ~comma & ~endless, words)
    bad = infinite if quantity.scale == "log2" else infinite | (values < 0)
    offences += offence(rules.OUT_OF_RANGE, bad, words)
    values[bad] = np.nan
    if quantity.zero_is_missing:
        values[values == 0] = np.nan
    return values, offences


def flags_of(array: Any) -> Flags:
    """Return an Arrow array of truth values as numpy's."""
    return array.to_numpy(zero_copy_only=False).astype(bool)  # type: ignore[no-any-return]


def offence(rule: Rule, cells: Flags, words: Any) -> list[Offence]:
    """Return the offence of some cells; nothing where there is none."""
    rows = np.flatnonzero(cells)
    return [Offence(rule, rows, repr(words[int(rows[0])].as_py())[:60])] if rows.size else []
