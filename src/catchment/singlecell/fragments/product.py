"""The fragments that are published: in the order of the genome, packed by blocks, with a tabix index.

The same fragments, in whatever order they were sent, become the same bytes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catchment.schema.records import SourceFile
from catchment.singlecell.fragments.bgzf import Blocks
from catchment.singlecell.fragments.check import Look
from catchment.singlecell.fragments.files import INDEX
from catchment.singlecell.fragments.lines import rows
from catchment.singlecell.fragments.sorting import Kept
from catchment.singlecell.fragments.tabix import Reference, write_index

ROWS_AT_ONCE = 500_000


def write_fragments(file: SourceFile, lengths: Mapping[str, int], cells: Sequence[str], target: Path) -> None:
    """Write valid fragments, sorted, at `target`, and their index beside it; `cells` are the names in obs."""
    names = pa.array(sorted(cells, key=str.encode), pa.large_string())
    references: dict[str, Reference] = {}
    with tempfile.TemporaryDirectory(prefix="catchment-fragments-") as folder, target.open("wb") as packed:
        look = Look(lengths, cells, Path(folder))
        for block in rows(Path(file.path)):
            look.add(block)
        blocks, written = Blocks(packed), 0
        for chromosome, kept in look.stretches.ordered():
            for part in parts(kept):
                text = lines_of(chromosome, part, names)
                edges = np.frombuffer(text.buffers()[1], np.int64)[text.offset : text.offset + len(text) + 1]
                blocks.write(memoryview(text.buffers()[2])[edges[0] : edges[-1]])
                start, stop = part["start"].astype(np.int64), part["stop"].astype(np.int64)
                references.setdefault(chromosome, Reference()).add(start, stop, edges - edges[0] + written)
                written += int(edges[-1] - edges[0])
        blocks.finish()
    index = target.with_name(target.name + INDEX)
    write_index(index, list(references), list(references.values()), blocks.offsets)


def parts(kept: Kept) -> Iterator[Kept]:
    """Yield fragments so many at a time."""
    for first in range(0, len(kept), ROWS_AT_ONCE):
        yield kept[first : first + ROWS_AT_ONCE]


def lines_of(chromosome: str, kept: Kept, names: pa.Array) -> pa.LargeStringArray:
    """Return the lines of some fragments of one chromosome, each with its newline."""
    text = pa.large_string()
    numbers = [pc.cast(pa.array(kept[column]), text) for column in ("start", "stop", "reads")]
    tab, newline = pa.scalar("\t", text), pa.scalar("\n", text)
    own = names.take(pa.array(kept["cell"]))
    line = pc.binary_join_element_wise(pa.scalar(chromosome, text), numbers[0], numbers[1], own, numbers[2], tab)
    return pc.binary_join_element_wise(line, pa.scalar("", text), newline)
