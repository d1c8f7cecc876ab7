"""What was written, read back once: compared array by array, column by column, and digested on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import tiledbsoma

from catchment import soma, soma_digest
from catchment.schema.records import Finding
from catchment.singlecell import rules
from catchment.singlecell.arrays import digest_of_tile, digest_of_values
from catchment.singlecell.quality import Quality
from catchment.singlecell.rules import first_of
from catchment.soma_digest import Block
from catchment.tiles import RowTile


@dataclass(frozen=True)
class Written:
    """What a SOMA must hold, by path: tables, the digest of each block of each array by its first row, metadata.

    `left` are the parts of the file that it cannot hold.
    """

    tables: dict[str, pa.Table]
    digests: dict[str, dict[int, str]]
    metadata: dict[str, dict[str, Any]]
    quality: Quality
    left: tuple[str, ...] = ()


@dataclass
class Comparison:
    """Compares every block that is read with what was written."""

    written: Written
    _seen: dict[str, set[int]] = field(default_factory=dict)
    _wrong: dict[str, list[int]] = field(default_factory=dict)

    def look(self, path: str, first: int, block: Block) -> None:
        """Compare one block."""
        self._seen.setdefault(path, set()).add(first)
        if isinstance(block, pa.Table) and path in self.written.tables:
            expected = self.written.tables[path].slice(first, soma_digest.BLOCK_ROWS)
            for name in expected.column_names:
                if name not in block.column_names or not same_column(block[name], expected[name]):
                    self._wrong.setdefault(f"{path}/{name}", []).append(first)
        elif self.written.digests.get(path, {}).get(first) != digest_of(block):
            self._wrong.setdefault(path, []).append(first)

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each array or column that does not read back as it was written."""
        for path, rows in self._wrong.items():
            where = f"not as it was written, in blocks from rows {first_of(rows)}"
            yield rules.READ_BACK.broken(path, where, count=len(rows))
        starts = {path: range(0, max(t.num_rows, 1), soma_digest.BLOCK_ROWS) for path, t in self.written.tables.items()}
        for path, expected in {**self.written.digests, **starts}.items():
            missing = sorted(set(expected) - self._seen.get(path, set()))
            if missing:
                found = f"nothing in blocks from rows {first_of(missing)}"
                yield rules.READ_BACK.broken(path, found, count=len(missing))


def digest_of(block: Block) -> str:
    """Return the digest of a block of an array; none of a table."""
    if isinstance(block, pa.Table):
        return ""
    return digest_of_tile(block) if isinstance(block, RowTile) else digest_of_values(block)


def read_back(uri: str, written: Written) -> tuple[str, tuple[Finding, ...]]:
    """Return the logical digest of a SOMA, and a finding for each array or column that is not as it was written."""
    comparison = Comparison(written)
    digest = soma_digest.logical_digest(uri, watch=comparison.look)
    return digest, (*comparison.findings(), *metadata_differences(uri, written.metadata))


def metadata_differences(uri: str, expected: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    """Yield a finding for each collection whose metadata are not as they were written."""
    for path, values in expected.items():
        with tiledbsoma.open(f"{uri}/{path}", context=soma.context()) as collection:
            wrong = [name for name, value in values.items() if not same_value(collection.metadata.get(name), value)]
        if wrong:
            yield rules.READ_BACK.broken(path, f"metadata {first_of(wrong)}", count=len(wrong))


def same_value(found: Any, expected: Any) -> bool:
    """Tell whether two single values are the same; a number that is none is itself."""
    return type(found) is type(expected) and (found == expected or (found != found and expected != expected))


def same_column(found: Any, expected: Any) -> bool:
    """Tell whether two columns agree: values, missing values, and for dictionaries every category and their order."""
    found, expected = found.combine_chunks(), expected.combine_chunks()
    if pa.types.is_dictionary(expected.type):
        if not pa.types.is_dictionary(found.type) or found.type.ordered != expected.type.ordered:
            return False
        if found.dictionary.to_pylist() != expected.dictionary.to_pylist():
            return False
        found, expected = found.dictionary_decode(), expected.dictionary_decode()
    if found.type != expected.type or len(found) != len(expected):
        return False
    if pa.types.is_floating(found.type):
        return found.is_null().equals(expected.is_null()) and bool(
            np.array_equal(
                found.to_numpy(zero_copy_only=False), expected.to_numpy(zero_copy_only=False), equal_nan=True
            )
        )
    return bool(found.equals(expected))
