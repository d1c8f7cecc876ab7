"""Synthetic single-cell files of liver: negative-binomial counts on real genes, and a file that is damaged.

Gene tables (`genes_human.tsv`, `genes_mouse.tsv`): ids, names, median isoform lengths and types of 1,500 genes of
GENCODE v48 and vM37 (open data), as CELLxGENE schema 7.1.0 lists them: all mitochondrial genes, markers of liver, two
whose proteins the demonstration's images show, and protein-coding genes chosen by the digest of their id. Counts are
invented: nothing biological follows from them.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np

Organism = Literal["homo_sapiens", "mus_musculus"]

TAXA = {"homo_sapiens": "NCBITaxon:9606", "mus_musculus": "NCBITaxon:10090"}
TABLES = {"homo_sapiens": "genes_human.tsv", "mus_musculus": "genes_mouse.tsv"}

# cell type -> (share of cells, markers); human symbols, of which a mouse has those of the same name
CELL_TYPES = {
    "CL:0000182": (
        0.46,
        "ALB APOA1 APOA2 APOB APOC3 APOE APOH TTR TF SERPINA1 FGA FGB FGG HP HPX AHSG CYP2E1 CPS1 ASS1",
    ),
    "CL:1000398": (0.16, "PECAM1 KDR CDH5 STAB1 STAB2 LYVE1 CLEC4G CLEC4M FCN2 FCN3"),
    "CL:0000091": (0.12, "CD68 CD163 MARCO VSIG4 C1QA C1QB C1QC LYZ PTPRC FTL"),
    "CL:0000632": (0.08, "COL1A1 COL1A2 COL3A1 DCN LUM RELN PDGFRB LRAT RGS5 ACTA2"),
    "CL:0002538": (0.05, "KRT7 KRT8 KRT18 KRT19 EPCAM SOX9"),
    "CL:0000084": (0.07, "CD3D CD3E CD3G CD2 IL7R TRAC CD8A PTPRC"),
    "CL:0000623": (0.04, "NKG7 GNLY KLRD1 KLRF1 GZMB PRF1 PTPRC"),
    "CL:0000236": (0.02, "CD79A CD79B MS4A1 CD19 PTPRC"),
}
MARKER_FOLD, AMBIENT_FOLD = 60.0, 1.5
MITOCHONDRIAL_FOLD = 12.0
MEDIAN_COUNTS, SPREAD_OF_COUNTS = 2_500, 0.45
DISPERSION = 0.7  # r of the negative binomial: variance = mean + mean^2 / r


def write_h5ad(
    path: Path,
    *,
    organism: Organism,
    seed: int,
    cells: int = 2_000,
    layout: Literal["X", "raw"] = "X",
    title: str | None = None,
    tissue: str = "UBERON:0002107",
    disease: str = "PATO:0000461",
    assay: str = "EFO:0009922",
    donors: Sequence[str] = (),
    development_stage: str | None = None,
    sex: str | None = None,
) -> None:
    """Write an H5AD in CELLxGENE schema 7.1.0, with the same bytes for the same arguments.

    Counts are CSR float32, in X (`layout="X"`) or in raw.X beside a log-normalised X (`"raw"`). Without `donors`,
    `development_stage` or `sex` the column is left out: the submission's sample says it.
    """
    genes = read_genes(organism)
    rng = np.random.default_rng([seed, sorted(TAXA).index(organism)])
    cell_types = rng.choice(len(CELL_TYPES), cells, p=[share for share, _ in CELL_TYPES.values()])
    counts = draw_counts(rng, genes, cell_types)
    umap = rng.normal(size=(cells, 2)) + 8 * np.column_stack([np.cos(cell_types), np.sin(cell_types)])
    constants = {
        "assay_ontology_term_id": assay,
        "disease_ontology_term_id": disease,
        "development_stage_ontology_term_id": development_stage,
        "self_reported_ethnicity_ontology_term_id": "unknown" if organism == "homo_sapiens" else "na",
        "sex_ontology_term_id": sex,
        "suspension_type": "cell",
        "tissue_ontology_term_id": tissue,
        "tissue_type": "tissue",
    }
    columns: dict[str, Sequence[str]] = {
        name: [value] * cells for name, value in constants.items() if value is not None
    }
    columns["cell_type_ontology_term_id"] = np.array(list(CELL_TYPES))[cell_types].tolist()
    if donors:
        columns["donor_id"] = [donors[number % len(donors)] for number in range(cells)]
    names = [f"{seed % 100_000:05d}-{number:06d}" for number in range(cells)]
    uns = {
        "organism_ontology_term_id": TAXA[organism],
        "title": title or f"Synthetic {'human' if organism == 'homo_sapiens' else 'mouse'} liver cells (seed {seed})",
        "default_embedding": "X_umap",
    }
    write_parts(path, counts, columns, names, genes, umap.astype(np.float32), uns, layout)


def read_genes(organism: Organism) -> list[dict[str, str]]:
    """Return the rows of an organism's gene table: gene_id, feature_name, feature_length, feature_type."""
    text = files("catchment.demonstration").joinpath(TABLES[organism]).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


def draw_counts(rng: np.random.Generator, genes: list[dict[str, str]], cell_types: Any) -> Any:
    """Return negative-binomial counts as CSR, cells x genes: each cell type has its profile, each cell its depth."""
    import scipy.sparse as sp

    symbols = [gene["feature_name"].upper() for gene in genes]
    base = rng.lognormal(0, 1.6, len(genes))
    mitochondrial = np.array([gene["feature_type"] == "protein_coding" for gene in genes])
    mitochondrial &= np.array([symbol.startswith("MT-") for symbol in symbols])
    base[mitochondrial] = MITOCHONDRIAL_FOLD * rng.uniform(0.5, 1.5, int(mitochondrial.sum()))
    profiles = []
    for _, markers in CELL_TYPES.values():
        profile = base * rng.gamma(4, 1 / 4, len(genes))
        for symbol in markers.split():
            if symbol in symbols:
                profile[symbols.index(symbol)] = MARKER_FOLD * rng.uniform(0.5, 1.5) + AMBIENT_FOLD
        profiles.append(profile / profile.sum())
    depth = rng.lognormal(np.log(MEDIAN_COUNTS), SPREAD_OF_COUNTS, len(cell_types))
    mean = np.array(profiles)[cell_types] * depth[:, None]
    counts = rng.poisson(mean * rng.gamma(DISPERSION, 1 / DISPERSION, mean.shape))
    return sp.csr_matrix(counts.astype(np.float32))


def write_parts(
    path: Path,
    counts: Any,
    columns: Mapping[str, Sequence[str]],
    names: Sequence[str],
    genes: list[dict[str, str]],
    umap: Any,
    uns: Mapping[str, str],
    layout: Literal["X", "raw"],
) -> None:
    """Write an AnnData object part by part, in a fixed order and with fixed compression."""
    import anndata
    import pandas as pd

    obs = pd.DataFrame(
        {name: pd.Categorical(list(values)) for name, values in columns.items()}, index=pd.Index(list(names))
    )
    obs["is_primary_data"] = np.ones(len(names), bool)
    ids = pd.Index([gene["gene_id"] for gene in genes])
    var = pd.DataFrame({"feature_is_filtered": np.zeros(len(genes), bool)}, index=ids)
    x = counts if layout == "X" else log_normalised(counts)
    adata = anndata.AnnData(X=x, obs=obs, var=var, uns=dict(uns), obsm={"X_umap": umap})
    if layout == "raw":
        adata.raw = anndata.AnnData(X=counts, obs=obs[[]], var=var.drop(columns="feature_is_filtered"))
    adata.write_h5ad(path, compression="gzip", compression_opts=4)


def log_normalised(counts: Any) -> Any:
    """Return log1p of counts per ten thousand."""
    total = np.asarray(counts.sum(axis=1)).ravel()
    scaled = counts.copy()
    scaled.data = np.log1p(scaled.data * np.repeat(10_000 / np.maximum(total, 1), np.diff(counts.indptr)))
    return scaled.astype(np.float32)


def write_corrupt_h5ad(path: Path) -> None:
    """Write an H5AD that breaks off in the middle, as a failed upload leaves it."""
    write_h5ad(path, organism="homo_sapiens", seed=7, cells=50)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
