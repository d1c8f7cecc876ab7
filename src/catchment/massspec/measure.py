"""QC numbers of a converted run, from the table beside it."""

from __future__ import annotations

from catchment.massspec.metrics import run_metrics
from catchment.massspec.tables import read_spectra
from catchment.schema.records import Metrics, Product
from catchment.storage import Place


def measure(product: Product, place: Place) -> Metrics:
    """Return the QC numbers of what `convert` wrote into the place."""
    chromatograms = product.facts.get("chromatograms")
    table = read_spectra(place.path / product.side_cars["spectra"])
    return {**run_metrics(table, chromatograms if isinstance(chromatograms, int) else 0)}
