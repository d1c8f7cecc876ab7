"""Our verdicts on fragments beside those of the reference's `process-fragment`; see `tests.singlecell.agreement`."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from catchment.config import SinglecellAdmit
from catchment.schema.records import Asset, Description, Finding, SourceFile
from catchment.singlecell import MODALITY
from tests.singlecell.agreement import REFERENCE, Verdict, compared, first_line, keep, verdict_of

from .variant_list import VARIANTS, Variant

HERE = Path(__file__).parent
KEPT = HERE / "reference_verdicts.tsv"
BESIDE = ("cells-fragments.tsv.gz", "cells-fragments.tsv.gz.tbi")


def name_of(variant: Variant) -> str:
    """Return the name under which verdicts on a variant are kept."""
    return f"fragments: {variant.name}"


def asset_of(folder: Path) -> Asset:
    """Return the asset of an H5AD with the fragments beside it."""
    paths = [path for path in (folder / name for name in ("cells.h5ad", *BESIDE)) if path.exists()]
    sources = (SourceFile(path=str(path), name=path.name, bytes=path.stat().st_size, sha256="0" * 64) for path in paths)
    identity = {"accession": "CAT00000001A", "dataset": "CAT00000001A.D0001", "asset": "cells"}
    return Asset(modality="singlecell", format="h5ad", files=tuple(sources), **identity)  # type: ignore[arg-type]  # no other


def our_findings(folder: Path, reading: str = "reference") -> tuple[Finding, ...]:
    """Return what we find in a dataset and its fragments."""
    asset = asset_of(folder)
    description = MODALITY.describe(asset)
    assert isinstance(description, Description)
    return MODALITY.validate(description, asset, SinglecellAdmit.model_validate({"reading": reading})).findings


def written(variants: Iterable[Variant], folder: Path) -> dict[str, str]:
    """Write variants, each into a folder of its own, and return the name of each by its folder's."""
    names = {}
    for number, variant in enumerate(variants):
        variant.write(folder / f"{number:04d}")
        names[f"{number:04d}"] = name_of(variant)
    return names


def reference_verdicts(folder: Path, *options: str) -> dict[str, Verdict]:
    """Return the reference's verdict on each folder of a folder, asked now."""
    command = [str(REFERENCE), str(HERE / "ask_reference.py"), str(folder), *options]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = map(json.loads, answer.stdout.splitlines())
    return {line["file"]: Verdict(line["valid"], first_line(line["errors"][-1:])) for line in lines}


def section() -> list[str]:
    """Ask the reference about every variant, keep its verdicts, and return the page's section on them."""
    with tempfile.TemporaryDirectory() as folder:
        names = written(VARIANTS, Path(folder))
        verdicts = {names[file]: verdict for file, verdict in reference_verdicts(Path(folder)).items()}
        ours = {name: verdict_of(our_findings(Path(folder) / file)) for file, name in names.items()}
    keep(KEPT, verdicts)
    return ["## ATAC fragments", "", *compared(verdicts, ours, "datasets with fragments")]
