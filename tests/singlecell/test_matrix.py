"""Blocks of counts: faults with their places, canonical form, sums. Pure; scipy is the independent witness."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from catchment.singlecell.arrays import digest_of_tile, is_rising, outermost, placed
from catchment.singlecell.blocks import Block, block_of_dense, bounds_of, one_ahead
from catchment.singlecell.layout import Matrix
from catchment.singlecell.matrix import Faults, canonical, indptr_fault, median_or_none
from catchment.tiles import csr_tile


def digest_of(block: Block) -> str:
    """The digest of a canonical block as it is written."""
    return digest_of_tile(csr_tile(block.indptr, block.indices, block.data))


def block_of(matrix: sp.csr_matrix, first: int = 0) -> Block:
    return Block(
        first,
        first + matrix.shape[0],
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int64),
        matrix.data,
    )


@st.composite
def matrices(draw: st.DrawFn) -> sp.csr_matrix:
    """Draw CSR matrices with unsorted columns and stored zeros, each column at most once a row."""
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    indptr, indices, data = [0], [], []
    for _ in range(rows):
        chosen = draw(st.lists(st.integers(0, columns - 1), unique=True))
        indices += chosen
        data += draw(st.lists(st.integers(0, 4), min_size=len(chosen), max_size=len(chosen)))
        indptr.append(len(indices))
    return sp.csr_matrix(
        (np.array(data, np.float32), np.array(indices, np.int32), np.array(indptr)), shape=(rows, columns)
    )


@given(matrices())
def test_canonical_is_what_scipy_makes_of_it(matrix: sp.csr_matrix) -> None:
    clean = canonical(block_of(matrix))
    expected = matrix.copy()
    expected.eliminate_zeros()
    expected.sort_indices()
    np.testing.assert_array_equal(clean.indptr, expected.indptr)
    np.testing.assert_array_equal(clean.indices, expected.indices)
    np.testing.assert_array_equal(clean.data, expected.data)


@given(matrices(), st.data())
def test_one_changed_count_changes_the_digest(matrix: sp.csr_matrix, data: st.DataObject) -> None:
    clean = canonical(block_of(matrix))
    if clean.data.size == 0:
        return
    at = data.draw(st.integers(0, clean.data.size - 1))
    changed = clean.data.copy()
    changed[at] += 1
    other = Block(clean.first, clean.last, clean.indptr, clean.indices, changed)
    assert digest_of(other) != digest_of(clean)


def test_a_count_in_the_next_cell_changes_the_digest() -> None:
    one, other = sp.csr_matrix([[1, 0], [0, 0]]), sp.csr_matrix([[0, 0], [1, 0]])
    assert digest_of(block_of(one)) != digest_of(block_of(other))


@given(matrices())
def test_faults_find_nothing_in_counts(matrix: sp.csr_matrix) -> None:
    faults = Faults(matrix.shape[1])
    faults.add(block_of(matrix))
    assert faults.consistent
    assert faults.not_counts.count == 0
    assert faults.zeros == int((matrix.data == 0).sum())
    assert faults.unsorted_lines == sum(bool((np.diff(row.indices) < 0).any()) for row in matrix)


def test_duplicates_are_found_in_rows_out_of_order_too() -> None:
    block = Block(4, 6, np.array([0, 3, 5]), np.array([2, 0, 2, 1, 2]), np.ones(5, np.float32))
    faults = Faults(3)
    faults.add(block)
    assert (faults.duplicates.count, faults.duplicates.first) == (1, [(4, 2, 1.0)])


def test_the_same_column_in_neighbouring_rows_is_no_duplicate() -> None:
    faults = Faults(3)
    faults.add(Block(0, 2, np.array([0, 1, 2]), np.array([2, 2]), np.ones(2, np.float32)))
    assert faults.duplicates.count == 0


@pytest.mark.parametrize(
    ("indptr", "fault"),
    [
        ([0, 2, 5], None),
        ([1, 2, 5], "starts at 1, not 0"),
        ([0, 6, 5], "falls from 6 to 5 at row 1 (1 such)"),
        ([0, 2, 4], "ends at 4, but 5 values are stored"),
    ],
)
def test_indptr_faults_are_told(indptr: list[int], fault: str | None) -> None:
    assert indptr_fault(np.array(indptr, np.int64), 5) == fault


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.integers(1, 7), st.integers(1, 12))
def test_blocks_cover_all_rows_once_and_hold_few_values(counts: list[int], rows: int, values: int) -> None:
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    bounds = list(bounds_of(indptr, rows, values))
    assert [first for first, _ in bounds] == [0, *(last for _, last in bounds[:-1])]
    assert bounds[-1][1] == len(counts)
    for first, last in bounds:
        assert 0 < last - first <= rows
        assert indptr[last] - indptr[first] <= values or last - first == 1


@given(matrices())
def test_a_dense_block_holds_what_is_not_zero(matrix: sp.csr_matrix) -> None:
    block = block_of_dense(3, matrix.toarray())
    expected = canonical(block_of(matrix, 3))
    assert (block.first, block.last) == (3, 3 + matrix.shape[0])
    assert is_rising(block)
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(block, name), getattr(expected, name))


@given(matrices())
def test_rows_whose_columns_rise_are_told_from_others(matrix: sp.csr_matrix) -> None:
    block = block_of(matrix)
    rows = [matrix[row] for row in range(matrix.shape[0])]
    assert is_rising(block) == all((np.diff(row.indices) > 0).all() for row in rows)
    clean = canonical(block)
    assert is_rising(clean)
    if clean.indices.size:
        assert outermost(clean).min() == clean.indices.min()
        assert outermost(clean).max() == clean.indices.max()


@given(matrices())
def test_a_block_is_placed_in_canonical_form(matrix: sp.csr_matrix) -> None:
    block, whole = block_of(matrix), Matrix("X", "csr", matrix.shape, str(matrix.dtype), matrix.nnz, 0)
    found, expected = placed(block, whole, None), canonical(block)
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_one_ahead_yields_everything_in_order_and_passes_errors_on() -> None:
    def numbers() -> Iterator[int]:
        yield from range(5)
        raise ValueError("damaged")

    found = []
    with pytest.raises(ValueError, match="damaged"):
        found.extend(one_ahead(numbers()))
        raise AssertionError("not reached")
    for number in one_ahead(iter(range(3))):
        assert not gc.isenabled()
        found.append(number)
    assert found[-3:] == [0, 1, 2]
    assert gc.isenabled()


def test_median_leaves_out_what_is_no_number() -> None:
    assert median_or_none(np.array([np.nan, 1.0, 4.0])) == 2.5
    assert median_or_none(np.array([np.nan])) is None
    assert median_or_none(np.array([], np.int64)) is None
