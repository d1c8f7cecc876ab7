"""The declared columns of the census's tables."""

from __future__ import annotations

import pyarrow as pa
import pytest

from catchment.schema import columns
from catchment.schema.columns import (
    CENSUS_INFO,
    LEDGER,
    MEASUREMENTS,
    OBS,
    OBS_FROM_DATASET,
    TEXT,
    VAR,
    Column,
    encode,
    index_type,
    names,
    to_table,
)


@pytest.mark.parametrize("table", [OBS, VAR, MEASUREMENTS, LEDGER, *CENSUS_INFO.values()])
def test_a_table_has_each_column_once(table: columns.Table) -> None:
    assert len(set(names(table))) == len(table)


def test_obs_is_that_of_census_schema_2_4_0() -> None:
    assert len(OBS) == 28
    assert names(OBS)[:2] == ("soma_joinid", "dataset_id")
    assert [column.name for column in OBS if column.type == pa.float64()] == [
        "raw_sum",
        "raw_mean_nnz",
        "raw_variance_nnz",
    ]
    assert [column.name for column in OBS if column.type == TEXT and not column.coded] == ["observation_joinid"]
    assert set(names(OBS_FROM_DATASET)) < set(names(OBS))


@pytest.mark.parametrize(
    ("different", "kind"),
    [(0, "int8"), (127, "int8"), (128, "int16"), (32_767, "int16"), (32_768, "int32"), (1_000_000, "int32")],
)
def test_a_dictionary_is_numbered_by_the_narrowest_integer(different: int, kind: str) -> None:
    assert str(index_type(different)) == kind


TABLE = (Column("n", pa.int64()), Column("kind", TEXT, coded=True), Column("text"))


def test_to_table_gives_exactly_the_declared_columns() -> None:
    table = to_table(TABLE, {"text": ["x", "y"], "n": [1, 2], "kind": ["b", "a"], "more": [0, 0]})
    assert table.column_names == ["n", "kind", "text"]
    assert table.schema.types == [pa.int64(), pa.dictionary(pa.int8(), pa.large_string()), pa.large_string()]
    assert table.to_pydict() == {"n": [1, 2], "kind": ["b", "a"], "text": ["x", "y"]}
    assert table["kind"].chunk(0).dictionary.to_pylist() == ["a", "b"]


def test_to_table_keeps_all_values_of_a_given_dictionary() -> None:
    table = to_table(TABLE, {"text": ["x"], "n": [1], "kind": ["b"]}, {"kind": ["a", "b", "c"]})
    assert table["kind"].chunk(0).dictionary.to_pylist() == ["a", "b", "c"]


def test_to_table_of_no_rows_has_the_declared_types() -> None:
    assert to_table(TABLE, {"text": [], "n": [], "kind": []}).schema.types[1] == pa.dictionary(pa.int8(), TEXT)


def test_encode_translates_one_dictionary_into_another() -> None:
    own = pa.DictionaryArray.from_arrays(pa.array([1, 0, 1], pa.int32()), ["b", "a", "never used"])
    coded = encode(own, ["a", "b"])
    assert coded.to_pylist() == ["a", "b", "a"]
    assert coded.indices.to_pylist() == [0, 1, 0]


@pytest.mark.parametrize("values", [["a", "z"], ["a", None]])
def test_encode_names_a_value_that_the_dictionary_lacks(values: list[str | None]) -> None:
    with pytest.raises(ValueError, match=f"{values[1]!r} is not among the 1 values of the dictionary"):
        encode(pa.array(values, TEXT), ["a"])
