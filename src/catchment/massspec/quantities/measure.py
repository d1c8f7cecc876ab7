"""QC numbers of a quantity table, its plots, and what census and catalogue take from it."""

from __future__ import annotations

from typing import Any

import anndata
import numpy as np

from catchment.massspec.contribute import analyte_of, terms_of
from catchment.plot_axes import axis_of
from catchment.plots import Bars, Curves, Panel, draw_sheet, histogram
from catchment.schema.records import Asset, Contribution, Dataset, Measurement, Metrics, Product
from catchment.storage import Place

COLOUR = "#a8521a"
MOST_BARS = 12


def measure(product: Product, place: Place) -> Metrics:
    """Return the QC numbers of what `convert` wrote into the place."""
    data = anndata.read_h5ad(place.path / product.path)
    values = np.asarray(data.X)
    measured = np.isfinite(values)
    each = measured.sum(axis=1)
    of_genes = data.var["genes"].astype(str) != ""
    with_accession = data.var["accessions"].astype(str) != ""
    flagged = {f"n_{name}": int(data.var[name].sum()) for name in ("is_decoy", "is_contaminant", "only_by_site")
               if name in data.var}  # fmt: skip
    return {
        "n_runs": int(data.n_obs),
        "n_features": int(data.n_vars),
        "missing_fraction": float(1 - measured.mean()),
        "median_features_per_run": float(np.median(each)),
        "min_features_per_run": int(each.min()),
        "features_in_every_run": int(measured.all(axis=0).sum()),
        "with_accession_fraction": float(with_accession.mean()),
        "with_gene_fraction": float(of_genes.mean()),
        **flagged,
    }


def draw(dataset: Dataset, asset: Asset, store: Place) -> bytes:
    """Return an SVG of the plots of a quantity table."""
    data = anndata.read_h5ad(store.path / dataset.product.path)
    values = np.asarray(data.X)
    measured = np.isfinite(values)
    level = str(dataset.product.facts["level"])
    each = measured.sum(axis=1)
    panels: list[Panel] = [
        histogram(values[measured & (values > 0)], "Quantities", "quantity as submitted", "quantities", log=True),
        histogram(measured.sum(axis=0), "Completeness", "runs with a quantity", f"{level}s"),
        fractions(data) if dataset.product.facts["separation"] else
        Bars(f"Measured, by run ({min(len(each), MOST_BARS)} of {len(each)})", f"{level}s",
             tuple((str(name), (float(count),)) for name, count in zip(data.obs_names, each, strict=True))[:MOST_BARS]),
    ]  # fmt: skip
    facts = f"mass spectrometry · {dataset.dataset} · {data.n_obs:,} runs · {data.n_vars:,} {level}s"
    return draw_sheet(asset.name, facts, panels, COLOUR)


def fractions(data: Any) -> Panel:
    """Return the total of each fraction over its number, a line for each separation."""
    totals = np.nansum(np.asarray(data.X), axis=1)
    numbers = data.obs["fraction"].to_numpy().astype(np.float64)
    groups = list(zip(data.obs["sample_id"].astype(str), data.obs["replicate"].astype(str), strict=True))
    lines = []
    for group in dict.fromkeys(groups):
        own = np.array([number for number, name in enumerate(groups) if name == group])
        own = own[np.argsort(numbers[own], kind="stable")]
        lines.append((" ".join(filter(None, group)) or "all", numbers[own], totals[own]))
    return Curves("Total of each fraction", axis_of(numbers, "fraction"), axis_of(totals, "quantity", zero=True),
                  tuple(lines))  # fmt: skip


def contribute(dataset: Dataset, asset: Asset) -> Contribution:
    """Return a table's terms, counts and its one measurement."""
    facts, analyte = dataset.product.facts, analyte_of(asset)
    proteins, runs = (int(str(facts[name])) for name in ("proteins", "runs"))
    return Contribution(
        modality="massspec",
        title=asset.name,
        analyte=analyte,
        terms=terms_of(asset),
        counts={"runs": runs, "proteins": proteins},
        measurements=(
            Measurement(
                id=f"{dataset.dataset}.Q",
                kind="fractions" if facts["separation"] else "quantities",
                label=f"{facts['software']} {facts['level']}s",
                analyte=analyte,
                count=proteins,
                unit="proteins",
            ),
        ),
    )
