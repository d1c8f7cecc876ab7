"""Row tiles in TileDB's global order, held against scipy and a sort by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from catchment.tiles import TILE, as_words, csr_tile, from_words, is_rising, pieces


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
    st.sampled_from([5, TILE, TILE + 1, 5 * TILE]),
    st.sampled_from(["float32", "float64", "int8", "uint16", "int64", "uint32"]),
    st.sampled_from([np.int32, np.int64]),
)
def test_csr_comes_out_in_global_order(seed: int, rows: int, width: int, dtype: str, index: type) -> None:
    rng = np.random.default_rng(seed)
    matrix = sp.random(rows, width, 0.2 if width < 100 else 0.005, "csr", random_state=rng)
    matrix.data = rng.integers(1, 100, matrix.nnz).astype(dtype)
    matrix.sort_indices()
    tile = csr_tile(matrix.indptr.astype(np.int64), matrix.indices.astype(index), matrix.data)
    own = matrix.tocoo()
    order = np.lexsort((own.col, own.row, own.col // TILE))
    found = list(tile.batches())
    assert is_rising(tile.keys)
    assert tile.values.dtype == dtype
    for number, expected in enumerate((own.row, own.col, own.data)):
        parts = [batch[number] for batch in found]
        np.testing.assert_array_equal(np.concatenate(parts) if parts else [], expected[order])


@pytest.mark.parametrize("values", [[-1.5, 0.0, np.inf], [2**31 - 1, -(2**31), -1]])
def test_keys_and_values_come_back_from_words(values: list[float]) -> None:
    kept = np.array(values, np.float32 if isinstance(values[0], float) else np.int32)
    keys = np.array([0, 5, 2**32 - 1], np.uint32)
    found_keys, found = from_words(as_words(keys, kept), kept.dtype)
    np.testing.assert_array_equal(found_keys, keys)
    np.testing.assert_array_equal(found, kept)


def test_pieces_cover_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catchment.tiles.PIECE_CELLS", 3)
    assert [(piece.start, piece.stop) for piece in pieces(8)] == [(0, 3), (3, 6), (6, 8)]
    assert list(pieces(0)) == []
