"""A hash of each cell's raw counts, as a side-car of what `admit` keeps: the census tells by it who is there twice."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from catchment.schema.columns import CELL_HASHES, names
from catchment.singlecell.arrow import number_array, text_array
from catchment.singlecell.columns import Column
from catchment.singlecell.reading import Reading
from catchment.singlecell.sums import Sums


def hashes_file(reading: Reading, schema: Mapping[str, Column], sums: Sums) -> bytes:
    """Return the side-car as Parquet, a row for each cell in their order; nothing where a column has no value at all.

    `schema` comes from `columns.completed`. 16 bytes a cell are the hash; the rest compresses well.
    """
    import pyarrow.parquet as pq

    own = {name: schema[name].values for name in names(CELL_HASHES) if name in schema}
    own |= {
        "obs_id": text_array(reading.obs.names),
        "hash_high": number_array(sums.hashes[:, 0]),
        "hash_low": number_array(sums.hashes[:, 1]),
    }
    if len(own) < len(CELL_HASHES) or not pa.types.is_boolean(own["is_primary_data"].type):
        return b""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_arrays([own[name] for name in names(CELL_HASHES)], names(CELL_HASHES))
    pq.write_table(table, sink, compression="zstd", use_dictionary=["assay_ontology_term_id", "tissue_type"])
    content: bytes = sink.getvalue().to_pybytes()
    return content
