"""Genes and proteins by name, whatever the assay: which feature sets have one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from catchment.catalogue.connection import Catalogue
from catchment.catalogue.expand import Asked, check_length
from catchment.schema.build import Build
from catchment.schema.features import FEATURES, SIDE_CAR, set_name
from catchment.schema.records import Normalised
from catchment.schema.tables import TABLES

Row = dict[str, Any]
FIELDS = ("protein", "gene")
NAMED_BY_WORD = """
    SELECT DISTINCT kind, feature_id, gene FROM features
    WHERE list_contains($words::VARCHAR[], lower(feature_id))
       OR list_contains($words::VARCHAR[], lower(split_part(feature_id, '-', 1)))
       OR list_contains($words::VARCHAR[], lower(gene))
"""
# what stands in one row with it belongs to it: a protein leads to its gene, and to whatever else names that gene so
WITH_ONE_OF = """
    SELECT feature_set, kind, feature_id, gene FROM features
    WHERE list_contains($ids::VARCHAR[], feature_id) OR list_contains($genes::VARCHAR[], gene)
    ORDER BY feature_set, kind, feature_id, gene
"""
MOST_REASONS = 5


def set_of(record: Normalised) -> str | None:
    """Return the feature set of a dataset; None where it has none."""
    name = record.derived.side_cars.get(SIDE_CAR)
    return next((set_name(file.sha256) for file in record.derived_files if file.path == name), None)


def feature_table(build: Build) -> pa.Table:
    """Return a row for each feature of each feature set of a build; a set that datasets share is there once."""
    files: dict[str, Path] = {}
    for record in sorted(build.normalised, key=lambda record: record.dataset.dataset):
        own = set_of(record)
        if own is not None:
            files.setdefault(own, build.workdir / record.derived_store / record.derived.side_cars[SIDE_CAR])
    parts = [] if files else [TABLES["features"].empty_table()]
    for name in sorted(files):
        features = pq.ParquetFile(files[name]).read().cast(FEATURES)
        names = pa.array([name] * features.num_rows, pa.string())
        parts.append(features.add_column(0, "feature_set", names))
    return pa.concat_tables(parts).cast(TABLES["features"])


def expand_features(opened: Catalogue, filters: Mapping[str, Sequence[str]]) -> list[Asked]:
    """Return what answers questions for proteins and genes: feature sets, each with the names that it has of them.

    A word is a UniProt accession (of an isoform too), an Ensembl id, or the name of a gene or protein in any case. What
    it leads to by way of a gene is compared letter by letter: human ALB and mouse Alb are two genes.
    """
    asked = []
    for field in FIELDS:
        words = [word.strip() for word in filters.get(field, ()) if word.strip()]
        for word in words:
            check_length(field, word)
        if words:
            asked.append(Asked("feature_set", answers_to(opened, words)))
    return asked


def answers_to(opened: Catalogue, words: Iterable[str]) -> dict[str, str]:
    """Return the feature sets that have a gene or protein of some name, each with how it is called there."""
    named = opened.rows(NAMED_BY_WORD, {"words": sorted(word.lower() for word in words)}, tables=("features",))
    bound = {
        "ids": sorted({row["feature_id"] for row in named if row["feature_id"]}),
        "genes": sorted({row["gene"] for row in named if row["gene"]}),
    }
    found: dict[str, list[str]] = {}
    for row in opened.rows(WITH_ONE_OF, bound, tables=("features",)) if named else ():
        found.setdefault(row["feature_set"], []).append(shown_feature(row))
    return {name: ", ".join(dict.fromkeys(reasons[:MOST_REASONS])) for name, reasons in found.items()}


def shown_feature(row: Row) -> str:
    """Return a feature as people read it: `protein ALB (P02768)`."""
    name, id_ = row["gene"], row["feature_id"]
    return f"{row['kind']} {name} ({id_})" if name and id_ else f"{row['kind']} {name or id_}"


def names_of(opened: Catalogue, filters: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return every name, in lower case, of the proteins and genes that are asked for."""
    words = sorted(word.strip().lower() for field in FIELDS for word in filters.get(field, ()) if word.strip())
    rows = opened.rows(NAMED_BY_WORD, {"words": words}, tables=("features",)) if words else []
    known = (row[name] for row in rows for name in ("feature_id", "gene"))
    return frozenset((*words, *(name.lower() for name in known if name)))
