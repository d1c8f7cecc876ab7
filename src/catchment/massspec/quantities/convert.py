"""A quantity table as AnnData: runs x features, X as submitted, what the submission says of its runs in obs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd

import catchment
from catchment.massspec.faults import Broken, shown
from catchment.massspec.quantities import rules
from catchment.massspec.quantities.accessions import accessions_in, canonical, symbols_in
from catchment.massspec.quantities.joined_runs import JoinedRun, is_separation, join_runs
from catchment.massspec.quantities.layouts import layout
from catchment.massspec.quantities.numbers import MISSING
from catchment.massspec.quantities.picture import write_thumbnail
from catchment.massspec.quantities.table import Quantities, main_quantity, read_quantities
from catchment.schema.features import FILE_NAME, SIDE_CAR, write_features
from catchment.schema.records import Asset, Description, Product, Unreadable
from catchment.schema.rules import is_error
from catchment.storage import Place, environment_fault

THUMBNAIL = "thumbnail.png"
GZIP_LEVEL = 4


def convert(asset: Asset, description: Description, place: Place) -> Product | Unreadable:
    """Write a table as `<asset>.h5ad` with its side-cars; return what was written, or why the table is damaged.

    Raises
    ------
    EnvironmentFault
        Where the disk refuses.
    """
    source, target = Path(asset.files[0].path), place.path / f"{asset.asset}.h5ad"
    try:
        table, faults = read_quantities(source, layout(description.format))
    except Broken as broken:
        return Unreadable(findings=(broken.finding(shown(asset.name)),))
    errors = tuple(filter(is_error, faults.findings()))
    if errors:
        return Unreadable(findings=errors)
    joined = join_runs(table.runs, asset)
    data = as_anndata(table, joined, asset)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        data.write_h5ad(target, compression="gzip", compression_opts=GZIP_LEVEL, convert_strings_to_categoricals=False)
        read = anndata.read_h5ad(target)
        write_features("protein", proteins_of(data.var), target.with_name(FILE_NAME))
        write_thumbnail(table.main, target.with_name(THUMBNAIL))
    except OSError as error:
        raise environment_fault(error, target) from error
    different = differences(data, read)
    if different:
        return Unreadable(findings=(rules.READ_BACK.broken(target.name, different),))
    return Product(
        kind="h5ad",
        path=target.name,
        logical_digest=digest_of(data),
        side_cars={SIDE_CAR: FILE_NAME, "thumbnail": THUMBNAIL},
        facts={
            "runs": len(table.runs),
            "features": len(table.features),
            "proteins": int(table.usable.sum()) if table.layout.level == "protein group" else proteins_in(data.var),
            "level": table.layout.level,
            "software": table.layout.software,
            "quantities": list(table.values),
            "separation": is_separation(joined),
        },
    )


def proteins_in(features: pd.DataFrame) -> int:
    """Return how many protein groups the precursors of a table are of."""
    return int(features.loc[features["usable"], "protein_group"].nunique())


def as_anndata(table: Quantities, joined: Sequence[JoinedRun], asset: Asset) -> Any:
    """Return a table as AnnData: X is its main quantity as submitted (NaN: not measured), the others are layers."""
    main = main_quantity(table)
    data = anndata.AnnData(X=np.ascontiguousarray(table.main), obs=obs_of(joined, asset), var=var_of(table))
    for name, values in table.values.items():
        if name != main.name:
            data.layers[name] = np.ascontiguousarray(values)
    data.uns["quantities"] = {
        "quantity": main.name,
        "scale": main.scale,
        "missing": "NaN",
        "missing_as_submitted": [*MISSING, *(["0"] if main.zero_is_missing else [])],
        "level": table.layout.level,
        "axes": "fractions x features" if is_separation(joined) else "runs x features",
        "software": table.layout.software,
        "software_version": asset.annotations.get("software_version", "not stated"),
        "layout": table.layout.format,
        "source_file": asset.name,
        "source_sha256": asset.files[0].sha256,
        "source_columns": json.dumps(table.columns, ensure_ascii=False),
        "annotations": json.dumps(asset.annotations, sort_keys=True, ensure_ascii=False),
        "made_by": f"catchment {catchment.__version__}",
    }
    return data


def obs_of(joined: Sequence[JoinedRun], asset: Asset) -> pd.DataFrame:
    """Return a row for each run: the run, sample and fraction of the submission that it is; -1: no fraction known."""
    accessions = {sample.id: sample.accession for sample in asset.samples}
    return pd.DataFrame(
        {
            "data_file": [run.file for run in joined],
            "assay_name": [run.assay for run in joined],
            "sample_id": [";".join(run.samples) for run in joined],
            "sample_accession": [";".join(accessions.get(id_, "") for id_ in run.samples) for run in joined],
            "fraction": np.array([-1 if run.fraction is None else run.fraction for run in joined], np.int64),
            "replicate": [run.replicate for run in joined],
            "joined_by": [run.by for run in joined],
        },
        index=pd.Index([run.name for run in joined], name="run", dtype=object),
    )


def var_of(table: Quantities) -> pd.DataFrame:
    """Return a row for each feature: its protein group as named, UniProt accessions, genes, and its flags."""
    accessions = [accessions_in(text) for text in table.texts["accessions"]]
    columns: dict[str, Any] = {
        "protein_group": table.texts["protein_group"],
        "accessions": [";".join(own) for own in accessions],
        "canonical_accessions": [";".join(canonical(own)) for own in accessions],
        "genes": [";".join(symbols_in(text)) for text in table.texts["genes"]],
        "protein_names": table.texts["protein_names"],
        **table.flags,
        "usable": table.usable,
    }
    return pd.DataFrame(columns, index=pd.Index(table.features, name="feature", dtype=object))


def proteins_of(features: pd.DataFrame) -> list[tuple[str, str]]:
    """Return UniProt accession and gene of what was measured: together where a group has one gene, else apart."""
    kept = features[features["usable"]]
    found: set[tuple[str, str]] = set()
    for accessions, genes in zip(kept["accessions"], kept["genes"], strict=True):
        ids, symbols = accessions.split(";"), genes.split(";")
        alone = symbols[0] if len(symbols) == 1 else ""
        found |= {(id_, alone) for id_ in ids} | {("", symbol) for symbol in symbols if not alone}
    return sorted(found)


def differences(written: Any, read: Any) -> str:
    """Say in what an H5AD that was read back differs; nothing where it does not."""
    if not np.array_equal(written.X, read.X, equal_nan=True):
        return "other quantities in X"
    for name in written.layers:
        if not np.array_equal(written.layers[name], read.layers[name], equal_nan=True):
            return f"other quantities in the layer {name}"
    same = list(written.obs_names) == list(read.obs_names) and list(written.var_names) == list(read.var_names)
    return "" if same else "other names of runs or features"


def digest_of(data: Any) -> str:
    """Return the sha256 of what a table holds: names, annotations and quantities in their order, whatever the bytes."""
    digest = hashlib.sha256()
    for frame in (data.obs, data.var):
        digest.update(frame.to_csv(sep="\t").encode())
    for name, values in (("X", data.X), *sorted(data.layers.items())):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values, "<f8").tobytes())
    return digest.hexdigest()
