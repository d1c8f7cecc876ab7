"""What was written, read back and compared: every array block by block, every column, every enumeration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import tiledbsoma

from catchment import soma
from catchment.schema.records import Finding
from catchment.singlecell import rules
from catchment.singlecell.arrays import read_dense, read_sparse
from catchment.singlecell.matrix import Sums
from catchment.singlecell.rules import first_of


@dataclass(frozen=True)
class Written:
    """What a SOMA must hold: its tables, the digest of each block of each array, and the sums of its counts."""

    obs: pa.Table
    var: pa.Table
    digests: dict[str, list[str]]
    sums: Sums


def differences(uri: str, written: Written) -> tuple[Finding, ...]:
    """Return a finding for each array or column that does not read back as it was written."""
    findings: list[Finding] = []
    with tiledbsoma.Experiment.open(uri, context=soma.context()) as root:
        for path, expected in written.digests.items():
            array = item_at(root, path)
            read = read_sparse if isinstance(array, tiledbsoma.SparseNDArray) else read_dense
            found = list(read(array))
            wrong = [number for number, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]]
            if wrong or len(found) != len(expected):
                where = f"row blocks {first_of(wrong)} of {len(expected)}" if wrong else f"{len(found)} row blocks"
                findings.append(rules.READ_BACK.broken(path, where, count=max(len(wrong), 1)))
        for path, table in (("obs", written.obs), ("ms/RNA/var", written.var)):
            findings += table_differences(path, item_at(root, path).read().concat(), table)
    return tuple(findings)


def item_at(root: tiledbsoma.Experiment, path: str) -> Any:
    """Return the object at a path below an experiment."""
    item: Any = root
    for part in path.split("/"):
        item = item[part]
    return item


def table_differences(path: str, found: pa.Table, expected: pa.Table) -> Iterator[Finding]:
    """Yield a finding for each column that is missing or differs, its categories included."""
    for name in expected.column_names:
        if name not in found.column_names:
            yield rules.READ_BACK.broken(f"{path}/{name}", "no such column")
        elif not same_column(found[name].combine_chunks(), expected[name].combine_chunks()):
            yield rules.READ_BACK.broken(f"{path}/{name}", "other values than were written")


def same_column(found: pa.Array, expected: pa.Array) -> bool:
    """Tell whether two columns agree: values, missing values, and for dictionaries every category and their order."""
    if pa.types.is_dictionary(expected.type):
        if not pa.types.is_dictionary(found.type) or found.type.ordered != expected.type.ordered:
            return False
        if found.dictionary.to_pylist() != expected.dictionary.to_pylist():
            return False
        found, expected = found.dictionary_decode(), expected.dictionary_decode()
    if found.type != expected.type or len(found) != len(expected):
        return False
    if pa.types.is_floating(found.type):
        return found.null_count == expected.null_count and bool(
            np.array_equal(
                found.to_numpy(zero_copy_only=False), expected.to_numpy(zero_copy_only=False), equal_nan=True
            )
        )
    return bool(found.equals(expected))
