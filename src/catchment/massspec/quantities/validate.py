"""Every fault of a quantity table in one pass, and what the pass learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import JsonValue

from catchment.massspec.faults import Broken, Faults, shown
from catchment.massspec.quantities import rules
from catchment.massspec.quantities.accessions import accessions_in, is_date, symbols_in
from catchment.massspec.quantities.joined_runs import is_separation, join_runs, run_findings
from catchment.massspec.quantities.layouts import layout
from catchment.massspec.quantities.table import Quantities, add_many, read_quantities
from catchment.schema.records import Admission, Asset, Description

MOST_Q_VALUE = 0.01
NAMED = 3


def validate(description: Description, asset: Asset) -> Admission:
    """Return every fault of a table, and its statistics."""
    try:
        table, faults = read_quantities(Path(asset.files[0].path), layout(description.format))
    except Broken as broken:
        return Admission(findings=(broken.finding(shown(asset.name)),))
    add_content_faults(table, faults)
    joined = join_runs(table.runs, asset)
    return Admission(
        findings=(*faults.findings(), *run_findings(joined, asset)),
        statistics={**statistics(table), "separation": is_separation(joined)},
    )


def add_content_faults(table: Quantities, faults: Faults) -> None:
    """Count protein groups without accession, genes that became dates, groups that are no proteins, q-values."""
    usable = table.usable
    texts = table.texts["accessions"]
    unnamed = [row for row in np.flatnonzero(usable).tolist() if texts[row] and not accessions_in(texts[row])]
    some = [shown(table.features[row]) for row in unnamed[:NAMED]]
    if unnamed:
        add_many(faults, rules.NO_ACCESSION, some, shown(texts[unnamed[0]]), len(unnamed))
    dates = sorted({symbol for text in table.texts["genes"] for symbol in symbols_in(text) if is_date(symbol)})
    if dates:
        add_many(faults, rules.DATES, dates[:NAMED], shown(dates[0]), len(dates))
    left_out = np.flatnonzero(~usable).tolist()
    if left_out:
        counts = ", ".join(f"{int(marks.sum()):,} {name}" for name, marks in table.flags.items() if marks.any())
        named = [shown(table.features[row]) for row in left_out[:NAMED]]
        add_many(faults, rules.NOT_PROTEINS, named, counts, len(left_out))
    if "q_value" in table.values:
        above = (table.values["q_value"] > MOST_Q_VALUE) & np.isfinite(table.main)
        if above.any():
            run, feature = (int(places[0]) for places in np.nonzero(above))
            where = f"{shown(table.runs[run])}, {shown(table.features[feature])}"
            add_many(faults, rules.UNCERTAIN, [where], f"{table.values['q_value'][run, feature]:g}", int(above.sum()))


def statistics(table: Quantities) -> dict[str, JsonValue]:
    """Return what later steps and people want to know of a table without reading it again."""
    return {
        "runs": len(table.runs),
        "features": len(table.features),
        "rows": table.rows,
        "measured": int(np.isfinite(table.main).sum()),
        "quantities": list(table.values),
    }
