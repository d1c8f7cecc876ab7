"""Small datasets with fragments, valid ones and such as break one rule, named so that verdicts can be kept."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata
import pandas as pd

from tests.singlecell.variants import ASSAY, BASES, ETHNICITY, STAGE, dataset, human

PAIRED, UNPAIRED = "EFO:0030059", "EFO:0030007"
# four cells, as in `variants.dataset`; not in the order of the genome
LINES = [
    "chr2\t500\t900\tc1\t2",
    "chr1\t10500\t10800\tc0\t1",
    "chr1\t10500\t10800\tc2\t1",
    "chrX\t70000\t70400\tc3\t12",
    "chr1\t999\t1200\tc1\t3",
    "GL000009.2\t35\t200\tc0\t1",
]
Lines = Callable[[list[str]], list[str]]


def atac(assay: str = PAIRED, organism: str = "NCBITaxon:9606") -> anndata.AnnData:
    """Return four nuclei of an ATAC assay."""
    if organism == "NCBITaxon:9606":
        return human(**{ASSAY: assay, "suspension_type": "nucleus"})
    stage = {"NCBITaxon:10090": "MmusDv:0000110"}.get(organism, "UBERON:0000113")
    values = {name: str(column.iloc[0]) for name, column in human().obs.items() if name != "is_primary_data"}
    return dataset(organism, {**values, ASSAY: assay, "suspension_type": "nucleus", ETHNICITY: "na", STAGE: stage})


@dataclass(frozen=True)
class Variant:
    """A dataset, and the lines beside it with one change; `pack` makes a file of them."""

    name: str
    make: Callable[[], anndata.AnnData] = atac
    lines: Lines | None = lambda lines: lines
    pack: Callable[[bytes], bytes] = gzip.compress
    edit: Callable[[anndata.AnnData], Any] = lambda adata: None

    def write(self, folder: Path) -> None:
        """Write the H5AD, and the fragments beside it where there are any."""
        adata = self.make()
        self.edit(adata)
        folder.mkdir(parents=True)
        adata.write_h5ad(folder / "cells.h5ad")
        if self.lines is not None:
            text = "".join(f"{line}\n" for line in self.lines(list(LINES)))
            (folder / "cells-fragments.tsv.gz").write_bytes(self.pack(text.encode()))


def column(number: int, new: str, row: int = 1) -> Lines:
    """Return what sets one column of one line."""

    def change(lines: list[str]) -> list[str]:
        fields = lines[row].split("\t")
        fields[number] = new
        lines[row] = "\t".join(fields)
        return lines

    return change


def mixed(adata: anndata.AnnData, other: str) -> None:
    """Give two of the cells another assay."""
    adata.obs[ASSAY] = pd.Categorical([PAIRED, PAIRED, other, other])
    adata.obs["suspension_type"] = pd.Categorical(["nucleus"] * 4)


def members(text: bytes) -> bytes:
    """Pack a text in two parts, one after the other, as bgzip does."""
    return gzip.compress(text[:40]) + gzip.compress(text[40:])


VARIANTS = (
    Variant("paired, as it is"),
    Variant("unpaired, as it is", lambda: atac(UNPAIRED)),
    Variant("packed in several parts", pack=members),
    Variant("carriage returns", pack=lambda text: gzip.compress(text.replace(b"\n", b"\r\n"))),
    Variant("no newline at the end", pack=lambda text: gzip.compress(text[:-1])),
    Variant("in order", lines=sorted),
    Variant("mouse", lambda: atac(organism="NCBITaxon:10090"), lines=lambda lines: lines[:5]),
    Variant("paired, no file", lines=None),
    Variant("unpaired, no file", lambda: atac(UNPAIRED), lines=None),
    Variant("no ATAC", BASES["human"]),
    Variant("paired and unpaired", edit=lambda adata: mixed(adata, UNPAIRED)),
    Variant("paired and no ATAC", edit=lambda adata: mixed(adata, "EFO:0009922")),
    Variant("pig", lambda: atac(organism="NCBITaxon:9823"), lines=lambda lines: lines[:5]),
    Variant("a cell that is not primary", edit=lambda a: a.obs.__setitem__("is_primary_data", [True] * 3 + [False])),
    Variant("no cell that is primary", edit=lambda adata: adata.obs.__setitem__("is_primary_data", False)),
    Variant("a comment", lines=lambda lines: ["# id=sample", *lines]),
    Variant("a header", lines=lambda lines: ["chrom\tstart\tend\tbarcode\treads", *lines]),
    Variant("an empty line", lines=lambda lines: [*lines[:2], "", *lines[2:]]),
    Variant("four columns", lines=lambda lines: [line.rpartition("\t")[0] for line in lines]),
    Variant("six columns", lines=lambda lines: [f"{line}\t+" for line in lines]),
    Variant("six columns in one line", lines=lambda lines: [*lines[:3], f"{lines[3]}\t+", *lines[4:]]),
    Variant("commas for tabs", lines=lambda lines: [line.replace("\t", ",") for line in lines]),
    Variant("a start that is no number", lines=column(1, "x")),
    Variant("a start with a fraction", lines=column(1, "10500.5")),
    Variant("an end that is empty", lines=column(2, "")),
    Variant("an end beyond every integer", lines=column(2, "99999999999999999999")),
    Variant("read pairs that are no number", lines=column(4, "many")),
    Variant("a chromosome without chr", lines=column(0, "1")),
    Variant("a scaffold without genes", lines=column(0, "KI270302.1")),
    Variant("a chromosome of mouse", lines=column(0, "JH584304.1")),
    Variant("a human scaffold in mouse", lambda: atac(organism="NCBITaxon:10090")),
    Variant("an end at the chromosome's end", lines=column(2, "248956422")),
    Variant("an end beyond the chromosome", lines=column(2, "248956423")),
    Variant("a start of 1", lines=column(1, "1")),
    Variant("a start of 0", lines=column(1, "0")),
    Variant("a negative start", lines=column(1, "-1")),
    Variant("an end before the start", lines=column(2, "10400")),
    Variant("an end at the start", lines=column(2, "10500")),
    Variant("a cell that is none", lines=column(3, "c9")),
    Variant("a cell in capitals", lines=column(3, "C0")),
    Variant("a cell without fragments", lines=lambda lines: [line for line in lines if "c3" not in line]),
    Variant("no read pairs", lines=column(4, "0")),
    Variant("negative read pairs", lines=column(4, "-2")),
    Variant("a line twice", lines=lambda lines: [*lines, lines[0]]),
    Variant("twice but for the read pairs", lines=lambda lines: [*lines, "chr2\t500\t900\tc1\t3"]),
    Variant("twice but for the cell", lines=lambda lines: [*lines, "chr2\t500\t900\tc2\t2"]),
    Variant("nothing in it", lines=lambda lines: []),
    Variant("not packed", pack=lambda text: text),
    Variant("cut off", pack=lambda text: gzip.compress(text)[:-20]),
    Variant("damaged inside", pack=lambda text: gzip.compress(text)[:30] + b"\0\0\0\0" + gzip.compress(text)[34:]),
    Variant("not UTF-8", pack=lambda text: gzip.compress(text.replace(b"c3", b"\xff3"))),
)
