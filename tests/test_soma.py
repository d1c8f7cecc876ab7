"""The SOMA writing that datasets and census share, held against plain reads and scipy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tiledbsoma
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from catchment.soma import (
    LEFT_OUT,
    TILE,
    MatrixWriter,
    RowTile,
    column_keys,
    context,
    create_dataframe,
    fill_dataframe,
    global_keys,
    global_order,
    matrix_options,
    read_parts,
    read_tile,
    rising_order,
    row_tile,
    tile_rows_of,
)
from catchment.soma_digest import logical_digest

WIDTH = 3 * TILE


def by_hand(rows: Any, columns: Any) -> Any:
    """The order of TileDB's documentation: row tile, column tile, row, column."""
    return np.lexsort((columns, rows, columns // TILE, rows // TILE))


def places(cells: int, height: int = 3 * TILE) -> st.SearchStrategy[Any]:
    return st_numpy.arrays(np.int64, st.integers(1, cells), elements=st.integers(0, height * WIDTH - 1), unique=True)


# --- order -------------------------------------------------------------------------------------------------------


@given(st_numpy.arrays(np.int64, st.integers(0, 50), elements=st.integers(0, 1 << 50)))
def test_rising_order_is_the_stable_order(keys: Any) -> None:
    assert np.array_equal(rising_order(keys), np.argsort(keys, kind="stable"))


@given(places(60))
def test_global_order_is_tile_by_tile(found: Any) -> None:
    rows, columns = found // WIDTH, found % WIDTH
    order = global_order(global_keys(rows, columns, WIDTH), rows, columns, WIDTH)
    order = np.arange(rows.size) if order is None else order
    assert np.array_equal(order, by_hand(rows, columns))


@given(places(60))
def test_global_order_of_cells_in_row_order_is_tile_by_tile(found: Any) -> None:
    found = np.sort(found)
    rows, columns = found // WIDTH, found % WIDTH
    order = global_order(global_keys(rows, columns, WIDTH), rows, columns, WIDTH)
    order = np.arange(rows.size) if order is None else order
    assert np.array_equal(order, by_hand(rows, columns))


def test_global_order_is_none_where_cells_are_in_it() -> None:
    rows, columns = np.array([0, 1, 0, TILE]), np.array([5, 0, TILE, 1])
    assert global_order(global_keys(rows, columns, WIDTH), rows, columns, WIDTH) is None


@given(places(60, height=TILE), st.integers(0, 5))
def test_row_tile_gives_back_its_cells_in_global_order(found: Any, first_row: int) -> None:
    rows, columns = found // WIDTH % (TILE - 5), found % WIDTH
    rows, columns = np.unique(np.stack([rows, columns]), axis=1)
    values = np.arange(rows.size, dtype=np.float32)
    tile = row_tile([(rows, columns, values)], column_keys(np.arange(WIDTH)), first_row)
    order = by_hand(rows, columns)
    (got,) = tile.batches()
    assert np.array_equal(got[0], rows[order] + first_row)
    assert np.array_equal(got[1], columns[order])
    assert np.array_equal(got[2], values[order])


def test_row_tile_moves_columns_and_leaves_some_out() -> None:
    parts = [
        (np.array([0, 0, 1]), np.array([0, 1, 2]), np.array([1, 2, 3], np.float32)),
        (np.array([2, 2]), np.array([2, 0]), np.array([0, 5], np.float32)),
    ]
    keys_of = column_keys(np.array([7, -1, TILE]))
    assert keys_of[1] == LEFT_OUT
    kept = [part.tolist() for part in next(row_tile(parts, keys_of).batches())]
    assert kept == [[0, 2, 1, 2], [7, 7, TILE, TILE], [1, 5, 3, 0]]
    kept = [part.tolist() for part in next(row_tile(parts, keys_of, zeros=False).batches())]
    assert kept == [[0, 2, 1], [7, 7, TILE], [1, 5, 3]]


@pytest.mark.parametrize("kind", [np.bool_, np.float64, np.int32])
def test_row_tile_keeps_values_of_any_type(kind: Any) -> None:
    part = (np.array([1, 0]), np.array([0, 1]), np.array([1, 0], kind))
    tile = row_tile([part], column_keys(np.arange(2)))
    assert tile.values.tolist() == [0, 1]
    assert tile.values.dtype == kind


def test_row_tile_of_nothing_is_empty() -> None:
    assert list(row_tile([], column_keys(np.arange(2))).batches()) == []


def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catchment.tiles.BATCH_CELLS", 2)
    tile = RowTile(np.arange(5, dtype=np.uint32), np.arange(5, dtype=np.float32))
    assert [batch[1].tolist() for batch in tile.batches()] == [[0, 1], [2, 3], [4]]


def test_a_matrix_too_wide_for_its_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="column 4000000: a key has room for 2095104 columns"):
        column_keys(np.array([4_000_000]))


# --- the writer --------------------------------------------------------------------------------------------------


def matrix(path: Path, shape: tuple[int, int] = (3 * TILE, WIDTH), level: int = 3, kind: Any = None) -> str:
    with tiledbsoma.SparseNDArray.create(
        str(path), type=kind or pa.float32(), shape=shape, platform_config=matrix_options(level), context=context()
    ) as array:
        return str(array.uri)


def stored(path: Path) -> dict[tuple[int, int], float]:
    """Every cell, as an ordinary reader of SOMA gets it; a place that comes twice is an error."""
    with tiledbsoma.open(str(path)) as array:
        table = array.read().tables().concat()
    cells = list(zip(*(table[name].to_pylist() for name in ("soma_dim_0", "soma_dim_1")), strict=True))
    assert len(cells) == len(set(cells))
    return dict(zip(cells, table["soma_data"].to_pylist(), strict=True))


def fragments(path: Path) -> int:
    return len(list((path / "__fragments").iterdir())) if (path / "__fragments").is_dir() else 0


def test_batches_become_one_fragment_with_every_cell(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    expected = {}
    matrix(tmp_path / "x")
    with MatrixWriter(str(tmp_path / "x")) as writer:
        for tile in range(3):
            found = draw.choice(TILE * WIDTH, 3000, replace=False)
            rows, columns = found // WIDTH + tile * TILE, found % WIDTH
            values = draw.integers(1, 9, found.size).astype(np.float32)
            writer.write(rows, columns, values)
            expected |= dict(zip(zip(rows.tolist(), columns.tolist(), strict=True), values.tolist(), strict=True))
    assert stored(tmp_path / "x") == expected
    assert fragments(tmp_path / "x") == 1


def test_parts_of_a_tile_may_follow_each_other(tmp_path: Path) -> None:
    matrix(tmp_path / "x")
    with MatrixWriter(str(tmp_path / "x")) as writer:
        writer.write(np.array([0, 9]), np.array([1, 2]), np.array([1, 2], np.float32))
        writer.write(np.array([3]), np.array([TILE]), np.array([3], np.float32))
    assert stored(tmp_path / "x") == {(0, 1): 1, (9, 2): 2, (3, TILE): 3}
    assert fragments(tmp_path / "x") == 1


def test_narrow_integers_are_places_too(tmp_path: Path) -> None:
    matrix(tmp_path / "x")
    with MatrixWriter(str(tmp_path / "x")) as writer:
        last = 3 * TILE - 1
        writer.write(np.array([last], np.int32), np.array([last], np.uint16), np.array([4], np.float32))
    assert stored(tmp_path / "x") == {(last, last): 4}


def row_tile_at(cells: list[tuple[int, int, float]]) -> RowTile:
    rows, columns, values = (np.array(part) for part in zip(*cells, strict=True))
    return row_tile([(rows, columns, values.astype(np.float32))], column_keys(np.arange(WIDTH)))


def test_row_tiles_follow_each_other_in_one_fragment(tmp_path: Path) -> None:
    matrix(tmp_path / "x")
    with MatrixWriter(str(tmp_path / "x")) as writer:
        writer.write_tile(0, row_tile_at([(0, 0, 1), (5, TILE + 1, 2)]))
        writer.write_tile(2 * TILE, row_tile_at([(0, 3, 3), (1, 2, 4)]))
    assert stored(tmp_path / "x") == {(0, 0): 1, (5, TILE + 1): 2, (2 * TILE, 3): 3, (2 * TILE + 1, 2): 4}
    assert fragments(tmp_path / "x") == 1


def test_row_tiles_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    matrix(tmp_path / "x")
    tile = row_tile_at([(0, 0, 1), (1, 1, 2)])
    backwards = RowTile(tile.keys[::-1].copy(), tile.values)
    last = 3 * TILE
    for row, next_tile, message in (
        (0, tile, r"begins at or before the last row of the one before it \(row 0\)"),
        (TILE, backwards, r"the row tile at row 2048 are not in global order"),
        (last, tile, "outside 6144 rows"),
    ):
        with pytest.raises(ValueError, match=message), MatrixWriter(str(tmp_path / "x")) as writer:
            writer.write_tile(0, tile)
            writer.write_tile(row, next_tile)
    assert stored(tmp_path / "x") == {}


@pytest.mark.parametrize("kind", [pa.int16(), pa.float64(), pa.uint64()])
def test_matrices_of_other_types_are_written_and_read(tmp_path: Path, kind: pa.DataType) -> None:
    options, wide = matrix_options(3, 4), (9, 2 * TILE)
    with tiledbsoma.SparseNDArray.create(str(tmp_path / "x"), type=kind, shape=wide, platform_config=options):
        pass
    values = np.array([7, 8], kind.to_pandas_dtype())
    with MatrixWriter(str(tmp_path / "x")) as writer:
        for first in (0, 4):  # the first tile ends in a column tile behind that in which the second begins
            cells = (np.array([0, 3]), np.array([1, TILE]), values)
            writer.write_tile(first, row_tile([cells], column_keys(np.arange(2 * TILE))))
    with tiledbsoma.open(str(tmp_path / "x")) as array:
        assert tile_rows_of(array) == 4
        tile = read_tile(array, 4, 8)
        assert (tile.keys.tolist(), tile.values.tolist()) == ([1, 1 << 22 | 3 << 11], [7, 8])
        assert tile.values.dtype == values.dtype
        assert read_tile(array, 8, 9).keys.size == 0


def test_two_writers_make_two_fragments_in_one_tile(tmp_path: Path) -> None:
    matrix(tmp_path / "x")
    for row in (5, 6):
        with MatrixWriter(str(tmp_path / "x")) as writer:
            writer.write(np.array([row]), np.array([0]), np.array([row], np.float32))
    assert stored(tmp_path / "x") == {(5, 0): 5, (6, 0): 6}
    assert fragments(tmp_path / "x") == 2


def test_a_batch_that_goes_back_is_refused(tmp_path: Path) -> None:
    matrix(tmp_path / "x")
    with (
        pytest.raises(ValueError, match=r"begins at or before the last cell of the batch before it \(row 3\)"),
        MatrixWriter(str(tmp_path / "x")) as writer,
    ):
        writer.write(np.array([3]), np.array([4]), np.array([1], np.float32))
        writer.write(np.array([3]), np.array([4]), np.array([1], np.float32))
    assert stored(tmp_path / "x") == {}


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (0, -1), (2, 0), (0, 3)])
def test_a_cell_outside_the_array_is_refused(tmp_path: Path, row: int, column: int) -> None:
    matrix(tmp_path / "x", shape=(2, 3))
    with (
        pytest.raises(ValueError, match="outside 2 rows and 3 columns"),
        MatrixWriter(str(tmp_path / "x")) as writer,
    ):
        writer.write(np.array([row]), np.array([column]), np.array([1], np.float32))


def test_nothing_written_leaves_an_empty_array(tmp_path: Path) -> None:
    matrix(tmp_path / "x")
    with MatrixWriter(str(tmp_path / "x")) as writer:
        writer.write(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    assert stored(tmp_path / "x") == {}
    assert fragments(tmp_path / "x") == 0


def test_a_block_that_fails_keeps_nothing(tmp_path: Path) -> None:
    matrix(tmp_path / "x")
    with pytest.raises(RuntimeError, match="stop"), MatrixWriter(str(tmp_path / "x")) as writer:
        writer.write(np.array([0]), np.array([0]), np.array([1], np.float32))
        writer.write(np.array([TILE]), np.array([0]), np.array([1], np.float32))
        raise RuntimeError("stop")
    assert stored(tmp_path / "x") == {}


def test_read_parts_reads_just_the_rows(tmp_path: Path) -> None:
    matrix(tmp_path / "x")
    with MatrixWriter(str(tmp_path / "x")) as writer:
        writer.write(np.array([0, 1, 2]), np.array([0, 1, 2]), np.array([1, 2, 3], np.float32))
    with tiledbsoma.open(str(tmp_path / "x")) as array:
        ((rows, columns, values),) = read_parts(array, 1, 3)
    assert (rows.tolist(), columns.tolist(), values.tolist()) == ([1, 2], [1, 2], [2, 3])


# --- dataframes --------------------------------------------------------------------------------------------------


def frame_in(path: Path, table: pa.Table, blocks: int = 1, rows: int | None = None, metadata: Any = ()) -> Path:
    """A collection with one dataframe, written in some blocks."""
    with tiledbsoma.Collection.create(str(path), context=context()) as root:
        root.metadata.update(metadata)
        uri = create_dataframe(root, "obs", table, rows)
    step = max(-(-table.num_rows // blocks), 1)
    for first in range(0, table.num_rows, step):
        fill_dataframe(uri, table.slice(first, step))
    return path


def labels(values: list[str | None], joinids: list[int] | None = None) -> pa.Table:
    numbers = joinids if joinids is not None else list(range(len(values)))
    return pa.table({"soma_joinid": pa.array(numbers, pa.int64()), "label": pa.array(values, pa.string())})


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_dictionaries_survive_and_can_be_searched(tmp_path: Path, blocks: int) -> None:
    kinds = pa.DictionaryArray.from_arrays(pa.array([2, 0, 1, 2, 0, 2], pa.int8()), ["b", "10x 3' v3", "ü"])
    table = pa.table({"soma_joinid": np.arange(6), "kind": kinds})
    path = frame_in(tmp_path / "c", table, blocks)
    with tiledbsoma.open(str(path / "obs")) as frame:
        assert frame.read().concat()["kind"].to_pylist() == kinds.to_pylist()
        assert pa.types.is_large_string(frame.schema.field("kind").type.value_type)
        found = frame.read(value_filter="kind == 'ü'").concat()
        assert found["soma_joinid"].to_pylist() == [0, 3, 5]
        assert len(frame.read(value_filter='kind == "10x 3\' v3"').concat()) == 1


def test_a_dataframe_without_rows_can_be_read(tmp_path: Path) -> None:
    path = frame_in(tmp_path / "c", labels([]))
    with tiledbsoma.open(str(path / "obs")) as frame:
        assert frame.count == 0
        assert frame.schema.names == ["soma_joinid", "label"]


# --- logical digest ----------------------------------------------------------------------------------------------


def experiment(
    path: Path, cells: list[tuple[int, int, float]], shape: tuple[int, int] = (TILE + 2, 3), **how: Any
) -> str:
    with tiledbsoma.Collection.create(str(path), context=context()) as root:
        options = matrix_options(how.get("level", 3))
        kind = how.get("kind", pa.float32())
        root.add_new_sparse_ndarray(how.get("name", "x"), type=kind, shape=shape, platform_config=options)
    with tiledbsoma.open(str(path / how.get("name", "x")), "w") as array:
        for part in [cells] if how.get("at_once", True) else [[cell] for cell in cells]:
            rows, columns, values = zip(*part, strict=True)
            table = {"soma_dim_0": rows, "soma_dim_1": columns, "soma_data": pa.array(values).cast(kind)}
            array.write(pa.table(table))
    return logical_digest(str(path))


CELLS = [(0, 0, 1.0), (0, 2, 2.0), (TILE + 1, 1, 3.0)]


def test_equal_matrices_have_equal_digests_however_they_were_written(tmp_path: Path) -> None:
    one = experiment(tmp_path / "a", CELLS)
    assert one == experiment(tmp_path / "b", CELLS)
    assert one == experiment(tmp_path / "c", CELLS[::-1], level=9, at_once=False)


@pytest.mark.parametrize(
    ("cells", "how"),
    [
        ([(0, 0, 1.5), *CELLS[1:]], {}),
        ([(0, 1, 1.0), *CELLS[1:]], {}),
        ([(1, 0, 1.0), *CELLS[1:]], {}),
        (CELLS[:2], {}),
        ([*CELLS, (5, 1, 0.0)], {}),
        ([(TILE, 0, 1.0), *CELLS[1:]], {}),
        (CELLS, {"shape": (TILE + 2, 4)}),
        (CELLS, {"shape": (TILE + 3, 3)}),
        (CELLS, {"name": "y"}),
        (CELLS, {"kind": pa.int32()}),
    ],
    ids=["value", "column", "row", "one less", "a stored zero", "tile", "width", "height", "name", "type"],
)
def test_any_change_of_a_matrix_changes_the_digest(tmp_path: Path, cells: Any, how: Any) -> None:
    assert experiment(tmp_path / "a", CELLS) != experiment(tmp_path / "b", cells, **how)


def test_a_known_digest_of_a_matrix_stands_for_its_values(tmp_path: Path) -> None:
    experiment(tmp_path / "a", CELLS)
    experiment(tmp_path / "b", CELLS[:2])
    experiment(tmp_path / "c", CELLS, shape=(TILE + 3, 3))
    one, fewer, taller = (logical_digest(str(tmp_path / name), known={"/x": "same"}) for name in "abc")
    assert one == fewer != taller
    assert one != logical_digest(str(tmp_path / "a"), known={"/x": "other"})


def digest_of(path: Path, table: pa.Table, **how: Any) -> str:
    return logical_digest(str(frame_in(path, table, **how)))


def test_equal_tables_have_equal_digests_however_they_were_written(tmp_path: Path) -> None:
    plain = labels(["a", "", "bc"])
    coded = plain.set_column(1, "label", plain["label"].dictionary_encode())
    other = pa.DictionaryArray.from_arrays(pa.array([2, 0, 1], pa.int16()), ["", "bc", "a", "unused"])
    one = digest_of(tmp_path / "a", plain)
    assert one == digest_of(tmp_path / "b", plain, blocks=3)
    assert one == digest_of(tmp_path / "c", plain.take([2, 0, 1]))
    assert one == digest_of(tmp_path / "d", coded)
    assert one == digest_of(tmp_path / "e", coded.set_column(1, "label", other))


@pytest.mark.parametrize(
    "change",
    [
        lambda: labels(["a", "", "bd"]),
        lambda: labels(["a", "b", "c"]),
        lambda: labels(["ab", "", "c"]),
        lambda: labels(["a", None, "bc"]),
        lambda: labels(["a", ""]),
        lambda: labels(["a", "", "bc"]).rename_columns(["soma_joinid", "name"]),
        lambda: labels(["a", "", "bc"]).append_column("more", pa.array([1, 2, 3])),
    ],
    ids=["value", "where it ends", "where it starts", "missing", "one less", "name", "column"],
)
def test_any_change_of_a_table_changes_the_digest(tmp_path: Path, change: Callable[[], pa.Table]) -> None:
    assert digest_of(tmp_path / "a", labels(["a", "", "bc"])) != digest_of(tmp_path / "b", change())


@pytest.mark.parametrize("values", [[1, None, 3], [1.5, float("nan"), -0.0], [True, False, None], [None, None, None]])
def test_numbers_and_what_is_missing_are_digested(tmp_path: Path, values: list[Any]) -> None:
    kind = pa.float32() if values[2] is None and values[0] is None else None
    table = labels(["a", "b", "c"]).append_column("number", pa.array(values, kind))
    changed = labels(["a", "b", "c"]).append_column(
        "number", pa.array([*values[:2], values[0] or 1], table["number"].type)
    )
    one = digest_of(tmp_path / "a", table)
    assert one == digest_of(tmp_path / "b", table)
    assert one != digest_of(tmp_path / "c", changed)


def test_blocks_of_rows_join_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catchment.soma_digest.BLOCK_ROWS", 2)
    one = digest_of(tmp_path / "a", labels(["a", "b", "c", "d", "e"]))
    assert one == digest_of(tmp_path / "b", labels(["a", "b", "c", "d", "e"]), blocks=5)
    assert one != digest_of(tmp_path / "c", labels(["a", "b", "c", "e", "d"]))


def test_metadata_is_content_and_times_are_not(tmp_path: Path) -> None:
    table = labels(["a"])
    one = digest_of(tmp_path / "a", table, metadata={"title": "t", "created_on": "2020-01-01"})
    assert one == digest_of(tmp_path / "b", table, metadata={"title": "t", "created_on": "2021-01-01"})
    assert one != digest_of(tmp_path / "c", table, metadata={"title": "u", "created_on": "2020-01-01"})


def test_the_day_of_a_build_is_no_content(tmp_path: Path) -> None:
    def summary(day: str, cells: str) -> pa.Table:
        values = pa.array([day, cells], pa.large_string())
        return labels(["census_build_date", "total_cell_count"]).append_column("value", values)

    one = digest_of(tmp_path / "a", summary("2020-01-01", "5"))
    assert one == digest_of(tmp_path / "b", summary("2021-02-02", "5"))
    assert one != digest_of(tmp_path / "c", summary("2020-01-01", "6"))


def dense(path: Path, values: Any) -> str:
    with tiledbsoma.Collection.create(str(path), context=context()) as root:
        array = root.add_new_dense_ndarray("pca", type=pa.float64(), shape=values.shape)
        array.write((slice(None),) * values.ndim, pa.Tensor.from_numpy(values))
    return logical_digest(str(path))


def test_dense_arrays_are_digested(tmp_path: Path) -> None:
    values = np.arange(6.0).reshape(3, 2)
    changed = values.copy()
    changed[2, 1] = -1
    assert dense(tmp_path / "a", values) == dense(tmp_path / "b", values)
    assert dense(tmp_path / "a2", values) != dense(tmp_path / "c", changed)
    assert dense(tmp_path / "a3", values) != dense(tmp_path / "d", np.ascontiguousarray(values.T))


def test_what_cannot_be_digested_is_refused(tmp_path: Path) -> None:
    with tiledbsoma.Collection.create(str(tmp_path / "c"), context=context()) as root:
        root.add_new_sparse_ndarray("cube", type=pa.float32(), shape=(2, 2, 2))
    with pytest.raises(TypeError, match="/cube: no digest of SOMASparseNDArray"):
        logical_digest(str(tmp_path / "c"))
