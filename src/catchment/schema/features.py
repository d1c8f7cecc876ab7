"""What a dataset measures, by name: genes and proteins, in the same columns for every modality.

A modality's `normalise` leaves such a table beside its view, as the side-car `features`; datasets that measure the same
have the same bytes there, and share one feature set in the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

SIDE_CAR, FILE_NAME = "features", "features.parquet"
FEATURES = pa.schema([("kind", pa.string()), ("feature_id", pa.string()), ("gene", pa.string())])
ZSTD_LEVEL = 3
SET_CHARACTERS = 16

Kind = Literal["gene", "protein"]


def write_features(kind: Kind, pairs: Iterable[tuple[str, str]], path: Path) -> None:
    """Write features as Parquet, each once and sorted: equal features give equal bytes.

    Parameters
    ----------
    pairs
        id (an Ensembl gene, a UniProt accession) and gene symbol (or name of the protein); empty where not known. They
        stand in one pair only where it is certain that they belong together.
    """
    rows = sorted({pair for pair in pairs if any(pair)})
    columns = {
        "kind": pa.array([kind] * len(rows), pa.string()),
        "feature_id": pa.array([id_ or None for id_, _ in rows], pa.string()),
        "gene": pa.array([gene or None for _, gene in rows], pa.string()),
    }
    pq.write_table(pa.table(columns, schema=FEATURES), path, compression="zstd", compression_level=ZSTD_LEVEL)


def set_name(sha256: str) -> str:
    """Return the name of a feature set by the checksum of its file."""
    return sha256[:SET_CHARACTERS]
