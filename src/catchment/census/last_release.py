"""What the last release left for the next census: its ledger and the ids of its genes."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from catchment.census.ledger import Ledger, read_allotments
from catchment.errors import BadInput
from catchment.schema.build_records import EarlierGenes, Plan
from catchment.schema.columns import GENES, LEDGER, names
from catchment.storage import digest_file

logger = logging.getLogger(__name__)

POINTER, CENSUS = "latest.json", "census"
LEDGER_FILE, GENES_FILE = "ledger.parquet", "genes.parquet"


def read_ledger(releases: Path) -> Ledger:
    """Return the ledger of the release that `latest.json` points at; an empty one where there is none.

    Raises
    ------
    BadInput
        Where the pointer or the ledger cannot be read: without it every id would be another.
    """
    pointer = releases / POINTER
    if not pointer.exists():
        return Ledger()
    try:
        folder = releases / json.loads(pointer.read_bytes())["release"] / CENSUS
        if not (folder / LEDGER_FILE).exists():
            return Ledger()
        table = pq.read_table(folder / LEDGER_FILE)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise BadInput(
            f"{pointer}: the ledger of the last release cannot be read ({error}); restore it with `catchment audit "
            "--repair-from`, or set census.plan.dense_ids to number all cells anew"
        ) from error
    if tuple(table.column_names) != names(LEDGER) or not (folder / GENES_FILE).exists():
        logger.warning("%s: a ledger of an earlier form; cells and genes are numbered anew", folder / LEDGER_FILE)
        return Ledger()
    genes = EarlierGenes(path=str(folder / GENES_FILE), sha256=digest_file(folder / GENES_FILE))
    return Ledger(allotments=read_allotments(table), genes=genes)


def earlier_genes(plan: Plan, workdir: Path) -> pa.Table:
    """Return the genes that have ids already, of all organisms, in order of their ids.

    Raises
    ------
    BadInput
        Where the table is not the one that was planned with.
    """
    if plan.genes is None:
        return pa.table({column.name: pa.array([], column.type) for column in GENES})
    path = workdir / plan.genes.path
    if not path.exists() or digest_file(path) != plan.genes.sha256:
        raise BadInput(f"{path}: not the table of genes that the census was planned with; run the plan step again")
    return pq.read_table(path).sort_by([("organism", "ascending"), ("soma_joinid", "ascending")])
