"""Our verdicts beside those of the reference validator, cellxgene-schema, on files made for it and on real ones.

`python -m tests.singlecell.agreement` (`make agreement`) asks the reference anew, in `.venv-reference`, and writes the
kept verdicts (`reference_verdicts.tsv`, here and in `fragments/`) and docs/singlecell-agreement.md.
"""

from __future__ import annotations

import csv
import json
import subprocess
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from catchment.config import SinglecellAdmit
from catchment.schema.records import Asset, Finding, SourceFile, Unreadable
from catchment.schema.rules import is_error
from catchment.singlecell import MODALITY

from .variant_list import variants
from .variants import Variant

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
REFERENCE = CHECKOUT / ".venv-reference" / "bin" / "python"
KEPT, REASONS = HERE / "reference_verdicts.tsv", HERE / "differences.tsv"
PAGE = CHECKOUT / "docs" / "singlecell-agreement.md"
REAL = CHECKOUT.parent / "shared" / "data" / "singlecell" / "schema_cli"
# that fragments are missing: the reference has a command of its own for these (see `fragments/agreement.py`)
OF_FRAGMENTS = "FRG-001"
VERSION = "cellxgene-schema 7.1.2"
SHOWN_LETTERS = 160


@dataclass(frozen=True)
class Verdict:
    """Whether a validator admits a file, and the first thing that it holds against it."""

    valid: bool
    reason: str


def our_findings(path: Path, settings: SinglecellAdmit | None = None) -> tuple[Finding, ...]:
    """Return what we find in a file."""
    source = SourceFile(path=str(path), name="cells.h5ad", bytes=path.stat().st_size, sha256="0" * 64)
    asset = Asset(
        accession="CAT00000001A",
        modality="singlecell",
        asset="cells",
        dataset="CAT00000001A.D0001",
        format="h5ad",
        files=(source,),
    )
    described = MODALITY.describe(asset)
    if isinstance(described, Unreadable):
        return described.findings
    return MODALITY.validate(described, asset, settings or SinglecellAdmit()).findings


def our_verdict(path: Path) -> Verdict:
    """Return our verdict on a file."""
    return verdict_of(finding for finding in our_findings(path) if finding.code != OF_FRAGMENTS)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return the verdict that findings come to."""
    errors = [finding for finding in findings if is_error(finding)]
    reason = f"{errors[0].code} {errors[0].where}: {errors[0].found}" if errors else ""
    return Verdict(not errors, reason)


def reference_verdicts(folder: Path) -> dict[str, Verdict]:
    """Return the reference's verdict on each H5AD of a folder by file name, asked now."""
    command = [str(REFERENCE), str(HERE / "ask_reference.py"), str(folder)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = map(json.loads, answer.stdout.splitlines())
    return {line["file"]: Verdict(line["valid"], first_line(line["errors"])) for line in lines}


def first_line(errors: list[str]) -> str:
    """Return the start of the first error, without the trace of where it was raised."""
    first = errors[0].removeprefix("ERROR: ").partition("Traceback (most recent call last)")[0] if errors else ""
    return " ".join(first.split())[:SHOWN_LETTERS].rstrip()


def written(chosen: Iterable[Variant], folder: Path) -> dict[str, str]:
    """Write variants into a folder and return the name of each by its file."""
    names = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anndata, on what the variants break
        for number, variant in enumerate(chosen):
            variant.write(folder / f"{number:04d}.h5ad")
            names[f"{number:04d}.h5ad"] = variant.name
    return names


def kept_verdicts(path: Path = KEPT) -> dict[str, Verdict]:
    """Return the reference's verdicts as they were kept."""
    with path.open(encoding="utf-8") as table:
        rows = csv.DictReader((line for line in table if not line.startswith("#")), delimiter="\t")
        return {row["variant"]: Verdict(row["verdict"] == "valid", row["first_error"]) for row in rows}


def explained(name: str) -> str | None:
    """Return why our verdict on a variant differs; None where it must not."""
    with REASONS.open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    return next((row["reason"] for row in rows if fnmatchcase(name, row["variant"])), None)


# --- what is kept ------------------------------------------------------------------------------------------------


def page(verdicts: Mapping[str, Verdict], ours: Mapping[str, Verdict], fragments: list[str]) -> str:
    """Return docs/singlecell-agreement.md; `fragments` are the lines of its section on those."""
    lines = [
        "# Single-cell: how our verdicts compare with the reference validator's",
        "",
        f"Generated by `make agreement` against {VERSION}; change `tests/singlecell/variant_list.py` or",
        "`tests/singlecell/differences.tsv` instead.",
        "",
        *compared(verdicts, ours, "files"),
        "",
        "Where the schema's text and its validator differ, the validator is followed and the finding says so (`≠` in",
        "docs/findings.md); `singlecell.admit.reading: text` makes these errors. Values that the submission's metadata",
        "gives for all cells stand for columns that a file lacks; the comparison is without such metadata.",
        "",
        *fragments,
        "",
    ]
    return "\n".join(lines)


def compared(verdicts: Mapping[str, Verdict], ours: Mapping[str, Verdict], what: str) -> list[str]:
    """Return the lines of a page that count verdicts and list every difference."""
    differing = [name for name in verdicts if verdicts[name].valid != ours[name].valid]
    valid = sum(verdict.valid for verdict in verdicts.values())
    lines = [
        f"{len(verdicts)} {what}: {valid} that the reference admits, {len(verdicts) - valid} that it refuses. Our",
        f"verdict is the same on {len(verdicts) - len(differing)}. It differs on {len(differing)}, each for a reason:",
        "",
        "| file | reference | Catchment | reason |",
        "|---|---|---|---|",
    ]
    for name in differing:
        theirs, own = (("valid" if verdict.valid else "refused") for verdict in (verdicts[name], ours[name]))
        lines.append(f"| {cell(name)} | {theirs} | {own} | {cell(explained(name) or 'not explained')} |")
    return lines


def cell(text: str) -> str:
    """Return a text as a cell of a Markdown table."""
    return text.replace("|", "\\|")


def main() -> None:
    """Ask the reference about every variant and every real file; write the tables and the page."""
    from .fragments import agreement as fragments  # which builds on this module

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        names = written(variants().values(), place)
        for path in real_files():
            names[f"{path.stem}.h5ad"] = f"real: {path.relative_to(REAL).as_posix()}"
            (place / f"{path.stem}.h5ad").symlink_to(path)
        verdicts = {names[file]: verdict for file, verdict in reference_verdicts(place).items()}
        ours = {name: our_verdict(place / file) for file, name in names.items()}
    keep(KEPT, verdicts)
    PAGE.write_text(page(verdicts, ours, fragments.section()), encoding="utf-8")


def keep(path: Path, verdicts: Mapping[str, Verdict]) -> None:
    """Write the reference's verdicts."""
    with path.open("w", encoding="utf-8") as table:
        table.write(f"# verdicts of {VERSION}, kept by `make agreement`\n")
        writer = csv.writer(table, delimiter="\t", lineterminator="\n")
        writer.writerow(["variant", "verdict", "first_error"])
        for name, verdict in verdicts.items():
            writer.writerow([name, "valid" if verdict.valid else "invalid", verdict.reason])


def real_files() -> list[Path]:
    """Return the real files that the reference's own tests use, as far as they are here."""
    return sorted(REAL.rglob("*.h5ad"))


if __name__ == "__main__":
    main()
