"""Arrow arrays made of buffers are those that pyarrow makes, and pandas stays outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment.demonstration.singlecell import write_h5ad
from catchment.singlecell.arrow import codes_of, number_array, text_array


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=9))
def test_texts_are_pyarrows(texts: list[str]) -> None:
    made = text_array(texts)
    made.validate(full=True)
    assert made.equals(pa.array(texts, pa.large_string()))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint64", "float32", "float64", "bool"])
@given(flags=st.lists(st.booleans(), max_size=20), numbers=st.data())
def test_numbers_are_pyarrows(dtype: str, flags: list[bool], numbers: st.DataObject) -> None:
    size = len(flags)
    values = np.array(numbers.draw(st.lists(st.integers(0, 100), min_size=size, max_size=size))).astype(dtype)
    missing = np.array(flags, np.bool_)
    for own in (None, missing):
        made = number_array(values[::-1], own)
        made.validate(full=True)
        assert made.equals(pa.array(values[::-1], mask=own))


@given(st.lists(st.integers(-1, 3), max_size=20), st.integers(0, 20))
def test_codes_are_read_back_from_any_slice(codes: list[int], first: int) -> None:
    own = np.array(codes, np.int8)
    whole = pa.DictionaryArray.from_arrays(number_array(own, own < 0), text_array(["a", "b", "c", "d"]))
    np.testing.assert_array_equal(codes_of(whole), own)
    np.testing.assert_array_equal(codes_of(whole[first:]), own[first:])
    assert [None if code < 0 else "abcd"[code] for code in codes] == whole.to_pylist()


CHECK = """
import sys
from catchment.modalities import check_asset
from catchment.schema.records import Asset, SourceFile

file = SourceFile(path=sys.argv[1], name="cells.h5ad", bytes=1, sha256="0" * 64)
identity = {"accession": "CAT00000001A", "dataset": "CAT00000001A.D0001"}
asset = Asset(modality="singlecell", asset="cells", format="h5ad", files=(file,), **identity)
found = check_asset(asset, sys.argv[2], {})
assert found.statistics["nnz"] and not [one for one in found.findings if one.level == "error"], found
assert "pandas" not in sys.modules
"""


def test_a_check_of_a_dataset_never_loads_pandas(tmp_path: Path) -> None:
    facts = {"donors": ["D1"], "sex": "unknown", "development_stage": "unknown"}
    write_h5ad(tmp_path / "cells.h5ad", organism="homo_sapiens", seed=1, cells=20, **facts)
    subprocess.run([sys.executable, "-c", CHECK, tmp_path / "cells.h5ad", tmp_path], check=True)
