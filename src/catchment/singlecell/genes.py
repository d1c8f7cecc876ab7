"""Which genes a matrix has: their Ensembl ids, names, the organism they are of, mitochondrial and ribosomal ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catchment import vocabulary
from catchment.schema.records import Finding
from catchment.singlecell import gene_reference, rules
from catchment.singlecell.columns import decoded
from catchment.singlecell.frames import Frame
from catchment.singlecell.rules import first_of
from catchment.singlecell.tables import mitochondrial_genes, ribosomal_names

# where files keep Ensembl ids when their index holds symbols: scanpy's 10x reader, cellranger, older CELLxGENE
ID_COLUMNS = ("gene_ids", "gene_id", "ensembl_id", "ensembl_ids", "feature_id")
SPIKE_IN = re.compile(r"ERCC-\d+")
SARS_COV_2 = re.compile(r"ENSSASG\d+")
SYNTHETIC, VIRUS = "NCBITaxon:32630", "NCBITaxon:2697049"
FLY = re.compile(r"(FB[a-z]{2}|RR)\d+(_\w+)?")


@dataclass(frozen=True)
class Genes:
    """The genes of a matrix in its order: id, name, the taxon its id belongs to, mitochondrial and ribosomal ones."""

    ids: list[str]
    names: list[str]
    references: list[str]
    mitochondrial: npt.NDArray[np.bool_]
    ribosomal: npt.NDArray[np.bool_]

    @property
    def sets(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Which genes belong to a set whose share of the counts is measured, by scanpy's short name."""
        return {"mt": self.mitochondrial, "ribo": self.ribosomal}


@cache
def pattern_of(organism: str) -> re.Pattern[str]:
    """Return what an Ensembl gene id of an organism looks like."""
    prefix = vocabulary.organisms()[organism].gene_prefix
    return FLY if prefix == "FBgn" else re.compile(re.escape(prefix) + r"\d+")


def reference_of(gene: str, organism: str) -> str | None:
    """Return the taxon that a gene id belongs to, as far as it may occur in a dataset of this organism."""
    if pattern_of(organism).fullmatch(gene):
        return organism
    if SPIKE_IN.fullmatch(gene):
        return SYNTHETIC
    return VIRUS if SARS_COV_2.fullmatch(gene) else None


def genes_of(frame: Frame, organism: str | None, where: str) -> tuple[Genes, tuple[Finding, ...]]:
    """Return the genes of a table, and what is wrong with their ids.

    Without an organism (a finding of its own) ids are taken as they are.
    """
    ids, named_by_index = frame.names, False
    findings: list[Finding] = []
    references: list[str | None] = ["unknown"] * len(ids)
    if organism is not None:
        references = [reference_of(gene, organism) for gene in ids]
        candidate = None if all(references) else id_column(frame.columns, organism)
        if candidate is not None:
            ids, named_by_index = candidate, True
            references = [reference_of(gene, organism) for gene in ids]
        foreign = [gene for gene, reference in zip(ids, references, strict=True) if reference is None]
        if foreign:
            label = vocabulary.label(organism)
            found = f"{first_of(foreign)} ({len(foreign):,} of {len(ids):,})"
            findings.append(rules.GENE_IDS.broken(where, found, fix=advice(foreign, str(label)), count=len(foreign)))
    names = feature_names(frame, ids, references, named_by_index)
    known = mitochondrial_genes(organism) if organism is not None else frozenset()
    mitochondrial = np.array(
        [gene in known or name.upper().startswith("MT-") for gene, name in zip(ids, names, strict=True)]
    )
    ribosome = ribosomal_names(organism)
    ribosomal = np.array([ribosome.fullmatch(name) is not None for name in names])
    given = [reference or "unknown" for reference in references]
    return Genes(ids, names, given, mitochondrial, ribosomal), tuple(findings)


def id_column(columns: Mapping[str, pa.Array], organism: str) -> list[str] | None:
    """Return the first column that holds a fit id for every gene, or None."""
    for name in ID_COLUMNS:
        if name in columns:
            values = [str(value) for value in decoded(columns[name]).to_pylist()]
            if all(reference_of(value, organism) for value in values):
                return values
    return None


def feature_names(frame: Frame, ids: list[str], references: list[str | None], named_by_index: bool) -> list[str]:
    """Return gene names: of the column `feature_name`, else of the annotation, else of the index, else the ids."""
    if "feature_name" in frame.columns:
        values = decoded(frame.columns["feature_name"]).to_pylist()
        return [id_ if value is None else str(value) for value, id_ in zip(values, ids, strict=True)]
    otherwise = frame.names if named_by_index else ids
    return [
        name if reference is None else gene_reference.name(reference, id_) or name
        for id_, reference, name in zip(ids, references, otherwise, strict=True)
    ]


def advice(foreign: list[str], organism: str) -> str:
    """Return what to do about ids that do not fit, told from the first of them."""
    if re.fullmatch(r"ENS[A-Z]*G\d+\.\d+", foreign[0]):
        return f"remove the version ({foreign[0]} -> {foreign[0].split('.')[0]})"
    if re.fullmatch(r"(ENS[A-Z]*G|FBgn|WBGene)\d+", foreign[0]):
        return f"remove genes of other organisms, or correct the organism (given: {organism})"
    return rules.GENE_IDS.fix
