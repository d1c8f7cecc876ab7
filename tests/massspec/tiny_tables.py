"""Small tables of quantities as the programs lay them out, drawn from one known matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

RUNS = ("liver_h1_rep1", "liver_h1_rep2", "liver_h2_rep1")
# protein group, accessions, genes, protein names
PROTEINS = (
    ("P04637", "P04637", "TP53", "P53_HUMAN"),
    ("P02768-2;P02768", "P02768-2;P02768", "ALB", "ALBU_HUMAN"),
    ("Q93009", "Q93009", "USP7", "UBP7_HUMAN"),
    ("O15164;A0A024R1X5", "O15164;A0A024R1X5", "TRIM24;TRIM33", "TIF1A_HUMAN;A0A024R1X5_HUMAN"),
    ("P60709", "P60709", "ACTB", "ACTB_HUMAN"),
)
VALUES: npt.NDArray[np.float64] = np.array(
    [
        [1000.5, 20000.0, 300.25, np.nan, 5_000_000.0],
        [2001.0, 41000.0, np.nan, 75.5, 10_000_000.0],
        [np.nan, 9000.125, 150.0, 50.0, 2_500_000.0],
    ]
)


def cell(value: float, missing: str) -> str:
    return missing if np.isnan(value) else repr(float(value))


def lines(rows: Sequence[Sequence[str]], delimiter: str = "\t") -> str:
    return "".join(delimiter.join(row) + "\n" for row in rows)


def diann_pg_matrix(values: npt.NDArray[np.float64] = VALUES) -> str:
    header = ["Protein.Group", "Protein.Names", "Genes", "First.Protein.Description"]
    header += [f"D:\\data\\{run}.raw" for run in RUNS]
    body = [
        [group, names, genes, "a protein", *(cell(value, "") for value in column)]
        for (group, _, genes, names), column in zip(PROTEINS, values.T, strict=True)
    ]
    return lines([header, *body])


def diann_pr_matrix() -> str:
    header = ["Protein.Group", "Protein.Ids", "Protein.Names", "Genes", "First.Protein.Description", "Proteotypic"]
    header += ["Stripped.Sequence", "Modified.Sequence", "Precursor.Charge", "Precursor.Id", *RUNS]
    body = [
        [group, ids, names, genes, "", "1", f"PEPTIDE{'K' * n}", f"PEPTIDE{'K' * n}", "2", f"PEPTIDE{'K' * n}2"]
        + [cell(value, "") for value in column]
        for n, ((group, ids, genes, names), column) in enumerate(zip(PROTEINS, VALUES.T, strict=True))
    ]
    return lines([header, *body])


def diann_rows(q_value: float = 0.001) -> list[dict[str, str | float]]:
    """Return two precursors for each quantity, runs mixed: the report repeats the protein group's quantity."""
    rows: list[dict[str, str | float]] = []
    for charge in (2, 3):
        for run, own in zip(RUNS, VALUES, strict=True):
            for (group, ids, genes, names), value in zip(PROTEINS, own, strict=True):
                if not np.isnan(value):
                    rows.append(
                        {"File.Name": f"/data/{run}.raw", "Run": run, "Protein.Group": group, "Protein.Ids": ids}
                        | {"Protein.Names": names, "Genes": genes, "PG.Quantity": value / 2, "PG.MaxLFQ": value}
                        | {"Precursor.Id": f"{group}{charge}", "Precursor.Charge": charge, "PG.Q.Value": q_value}
                    )
    return rows


def diann_report(q_value: float = 0.001) -> str:
    rows = diann_rows(q_value)
    return lines([list(rows[0]), *([str(value) for value in row.values()] for row in rows)])


def spectronaut_report() -> str:
    header = ["R.Condition", "R.FileName", "PG.ProteinGroups", "PG.Genes", "PG.ProteinNames", "PG.UniProtIds"]
    body = [
        ["a", run, group, genes, names, ids, cell(value, "Filtered")]
        for run, own in zip(RUNS, VALUES, strict=True)
        for (group, ids, genes, names), value in zip(PROTEINS, own, strict=True)
    ]
    return lines([[*header, "PG.Quantity"], *body])


def spectronaut_pivot() -> str:
    header = ["PG.ProteinGroups", "PG.Genes", "PG.ProteinNames", "PG.UniProtIds"]
    header += [f"[{n}] {run}.raw.PG.Quantity" for n, run in enumerate(RUNS, start=1)]
    header += [f"[{n}] {run}.raw.PG.NrOfStrippedSequencesIdentified" for n, run in enumerate(RUNS, start=1)]
    body = [
        [group, genes, names, ids, *(cell(value, "Filtered") for value in column), "2", "2", "2"]
        for (group, ids, genes, names), column in zip(PROTEINS, VALUES.T, strict=True)
    ]
    return lines([header, *body])


def fragpipe() -> str:
    header = ["Protein", "Protein ID", "Entry Name", "Gene", "Protein Length", "Organism", "Description"]
    header += ["Combined Total Peptides", "Combined Spectral Count"]
    for kind in ("Spectral Count", "Unique Spectral Count", "Intensity", "MaxLFQ Intensity", "MaxLFQ Unique Intensity"):
        header += [f"{run} {kind}" for run in RUNS]
    body = []
    for (group, _, genes, names), column in zip(PROTEINS, VALUES.T, strict=True):
        first, *others = group.split(";")
        numbers = [cell(value, "0") for value in column]
        counts = ["0" if number == "0" else "7" for number in numbers]
        halves = [cell(value / 2, "0") for value in column]
        more = ", ".join(f"tr|{other}|{other}_HUMAN" for other in others)
        fasta = f"sp|{first}|{names.split(';')[0]}"
        own = [fasta, first, names.split(";")[0], genes.split(";")[0], "393", "Homo sapiens", "a protein", "5", "30"]
        body.append([*own, *counts, *counts, *halves, *numbers, *numbers, more])
    return lines([[*header, "Indistinguishable Proteins"], *body])


def maxquant() -> str:
    header = ["Protein IDs", "Majority protein IDs", "Protein names", "Gene names", "Fasta headers", "Peptides"]
    for kind in ("Intensity", "iBAQ", "LFQ intensity"):
        header += [kind] * (kind != "LFQ intensity") + [f"{kind} {run}" for run in RUNS]
    header += ["Only identified by site", "Reverse", "Potential contaminant", "id"]
    body = []
    extra = (
        ("REV__P12345", "", "", ""),
        ("CON__P02769", "CON__P02769", "ALB", "bovine albumin"),
        ("Q9Y6K9", "", "IKBKG", ""),
    )
    marks = {"REV__P12345": ["", "+", ""], "CON__P02769": ["", "", "+"], "Q9Y6K9": ["+", "", ""]}
    columns = [*VALUES.T, *[np.array([11.0, 12.0, 13.0])] * 3]
    for n, ((group, _, genes, names), column) in enumerate(zip((*PROTEINS, *extra), columns, strict=True)):
        numbers = [cell(value, "0") for value in column]
        own = [group, group, names, genes, f"sp|{group}", "3", "1", *numbers, "1", *numbers, *numbers]
        body.append([*own, *marks.get(group, ["", "", ""]), str(n)])
    return lines([header, *body])


def msstats() -> str:
    header = ["ProteinName", "PeptideSequence", "PrecursorCharge", "FragmentIon", "ProductCharge", "IsotopeLabelType"]
    header += ["Condition", "BioReplicate", "Run", "Intensity"]
    body = [
        [
            f"sp|{group.split(';')[0]}|X_HUMAN",
            f"PEPTIDE{'K' * n}",
            "2",
            "NA",
            "NA",
            "L",
            "a",
            "1",
            run,
            cell(value, "NA"),
        ]
        for run, own in zip(RUNS, VALUES, strict=True)
        for n, ((group, *_), value) in enumerate(zip(PROTEINS, own, strict=True))
    ]
    return lines([header, *body], ",")


FRACTIONS, REPLICATES = 6, 2


def profile(protein: int, replicate: int) -> npt.NDArray[np.float64]:
    """Return a protein's quantities over the fractions of a replicate: a peak, in the second twice as high."""
    heights = 1000.0 * (protein + 1) * np.exp(-0.5 * ((np.arange(FRACTIONS) - protein) / 0.8) ** 2)
    return np.where(heights > 20, np.round(heights * (1 + replicate), 3), np.nan)


def sec_ms() -> str:
    """Return a table as CM4AI publishes them: PG.* columns and a column for each fraction of a bioseparation."""
    header = ["PG.Genes", "PG.ProteinAccessions", "PG.ProteinNames", "PG.UniProtIds"]
    header += [
        f"[{replicate * FRACTIONS + f + 1}] kolf2_r{replicate + 1}_biosep_{f + 1:02}.raw.PG.Quantity"
        for replicate in range(REPLICATES)
        for f in range(FRACTIONS)
    ]
    body = [
        [genes, group, names, ids]
        + [cell(value, "NaN") for replicate in range(REPLICATES) for value in profile(n, replicate)]
        for n, (group, ids, genes, names) in enumerate(PROTEINS)
    ]
    return lines([header, *body])


LAYOUTS = {
    "diann-pg-matrix": ("report.pg_matrix.tsv", diann_pg_matrix),
    "diann-pr-matrix": ("report.pr_matrix.tsv", diann_pr_matrix),
    "diann-report": ("report.tsv", diann_report),
    "spectronaut-report": ("spectronaut.tsv", spectronaut_report),
    "spectronaut-pivot": ("pivot.tsv", spectronaut_pivot),
    "fragpipe-proteins": ("combined_protein.tsv", fragpipe),
    "maxquant-proteins": ("proteinGroups.txt", maxquant),
    "msstats-features": ("MSstats.csv", msstats),
}


def write(folder: Path, format_: str) -> Path:
    name, make = LAYOUTS[format_]
    path = folder / name
    path.write_text(make(), encoding="utf-8")
    return path
