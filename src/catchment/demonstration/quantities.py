"""The demonstration's table of protein quantities: as MaxQuant lays out `proteinGroups.txt`, drawn from a seed.

Proteins of liver, and two that the demonstration's images show: so one protein is found in cells, images and runs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

# UniProt accession, gene, log10 of its usual quantity
PROTEINS = (
    ("P02768", "ALB", 9.4),
    ("P02647", "APOA1", 8.6),
    ("P01009", "SERPINA1", 8.4),
    ("P31327", "CPS1", 9.0),
    ("P04406", "GAPDH", 8.8),
    ("P60709", "ACTB", 8.9),
    ("P02766", "TTR", 8.2),
    ("P02675", "FGB", 8.1),
    ("P54819", "AK2", 7.2),
    ("Q93009", "USP7", 6.4),
    ("O15164", "TRIM24", 5.9),
    ("P54819-2", "AK2", 5.8),
)
# the first is the run that is submitted beside the table
RUNS = ("liver_donor1_run", "liver_donor1_run2", "liver_donor1_run3")
NOT_PROTEINS = (("CON__P02769", "ALB", 8.0, "Potential contaminant"), ("REV__P31327", "", 6.0, "Reverse"))
MARKS = ("Only identified by site", "Reverse", "Potential contaminant")
FAINT = 6.5  # below this a run may miss a protein


def write_protein_groups(path: Path, *, seed: int) -> dict[str, list[float]]:
    """Write the table; return the LFQ intensities of each protein group by run, 0 where it was not measured."""
    generator = np.random.default_rng(seed)
    kinds = ("Intensity", "LFQ intensity")
    columns = ["Protein IDs", "Majority protein IDs", "Protein names", "Gene names", "Peptides"]
    columns += [f"{kind} {run}" for kind in kinds for run in RUNS] + [*MARKS, "id"]
    lines = ["\t".join(columns)]
    written = {}
    groups = [(accession, gene, level, "") for accession, gene, level in PROTEINS] + list(NOT_PROTEINS)
    for number, (name, gene, level, mark) in enumerate(groups):
        lfq = np.round(10 ** (level + generator.normal(0, 0.05, len(RUNS))))
        if level < FAINT:
            lfq[int(generator.integers(1, len(RUNS)))] = 0
        raw = np.round(lfq * (1.0, 1.6, 0.7))
        cells = [name, name, "", gene, "5", *(f"{value:.0f}" for value in (*raw, *lfq))]
        cells += ["+" if own == mark else "" for own in MARKS]
        lines.append("\t".join([*cells, str(number)]))
        written[name] = [float(value) for value in lfq]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return written
