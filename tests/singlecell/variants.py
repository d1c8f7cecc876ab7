"""Small datasets of every kind the schema knows, and some hundred changes of them, most of which break one rule.

A variant is named, so that its verdict by the reference validator can be kept in a table (`reference_verdicts.tsv`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

Edit = Callable[[anndata.AnnData], Any]
After = Callable[[h5py.File], Any]

GENES = {
    "NCBITaxon:9606": ["ENSG00000290825", "ENSG00000284692", "ENSG00000233336", "ENSG00000269971", "ERCC-00002"],
    "NCBITaxon:10090": [
        "ENSMUSG00000102693",
        "ENSMUSG00000089534",
        "ENSMUSG00000123789",
        "ENSMUSG00000129717",
        "ENSMUSG00000100503",
    ],
    "NCBITaxon:7955": [
        "ENSDARG00000103202",
        "ENSDARG00000095596",
        "ENSDARG00000098426",
        "ENSDARG00000098987",
        "ENSSASG00005000002",
    ],
    "NCBITaxon:7227": ["FBti0060911", "FBgn0053203", "FBgn0039441", "FBgn0038868", "FBgn0259731"],
    "NCBITaxon:6239": ["WBGene00000003", "WBGene00001892", "WBGene00004793", "WBGene00005472", "WBGene00005917"],
    "NCBITaxon:9823": [
        "ENSSSCG00000028996",
        "ENSSSCG00000004857",
        "ENSSSCG00000050324",
        "ENSSSCG00000045802",
        "ENSSSCG00000040848",
    ],
}
COUNTS = np.array([[1, 0, 3, 0, 2], [0, 5, 0, 0, 1], [4, 0, 0, 2, 0], [0, 0, 1, 0, 7]], np.float32)

ASSAY, CELL_TYPE, STAGE = "assay_ontology_term_id", "cell_type_ontology_term_id", "development_stage_ontology_term_id"
DISEASE, ETHNICITY = "disease_ontology_term_id", "self_reported_ethnicity_ontology_term_id"
SEX, TISSUE, ORGANISM = "sex_ontology_term_id", "tissue_ontology_term_id", "organism_ontology_term_id"
CONDITION = "experimental_condition_ontology_term_id"
PERTURBATION, STRATEGY = "genetic_perturbation_id", "genetic_perturbation_strategy"
HUMAN: dict[str, str] = {
    ASSAY: "EFO:0009922",
    CELL_TYPE: "CL:0000182",
    STAGE: "HsapDv:0000258",
    DISEASE: "PATO:0000461",
    "donor_id": "H1",
    ETHNICITY: "unknown",
    SEX: "PATO:0000383",
    "suspension_type": "cell",
    TISSUE: "UBERON:0002107",
    "tissue_type": "tissue",
}
LINE = {"tissue_type": "cell line", TISSUE: "CVCL_0030", STAGE: "na", SEX: "na", ETHNICITY: "na", "donor_id": "na"}
OTHERS: dict[str, tuple[str, dict[str, str]]] = {
    "mouse": ("NCBITaxon:10090", {STAGE: "MmusDv:0000110"}),
    "fish": ("NCBITaxon:7955", {STAGE: "ZFS:0000001", TISSUE: "ZFA:0000114", CELL_TYPE: "ZFA:0009001"}),
    "fly": ("NCBITaxon:7227", {STAGE: "FBdv:00007079", TISSUE: "FBbt:00007003", CELL_TYPE: "FBbt:00047095"}),
    "worm": ("NCBITaxon:6239", {STAGE: "WBls:0000669", TISSUE: "WBbt:0005746", SEX: "PATO:0001340"}),
    "pig": ("NCBITaxon:9823", {STAGE: "UBERON:0000113"}),
}
GUIDE = {
    "role": "targeting",
    "protospacer_sequence": "ACGTACGTACGTACGTACGT",
    "protospacer_adjacent_motif": "3' NGG",
    "intended_features": {"ENSG00000290825": "DDX11L16"},
}
VISIUM_SPOTS = 4992


# --- valid datasets ----------------------------------------------------------------------------------------------


def dataset(organism: str, values: dict[str, str], counts: Any = COUNTS, raw: bool = True) -> anndata.AnnData:
    """Return a dataset with one value a column."""
    counts = sp.csr_matrix(counts)
    cells = counts.shape[0]
    obs = pd.DataFrame(
        {name: pd.Categorical([value] * cells) for name, value in values.items()},
        index=[f"c{row}" for row in range(cells)],
    )
    obs["is_primary_data"] = True
    var = pd.DataFrame({"feature_is_filtered": np.zeros(5, bool)}, index=GENES[organism])
    x = counts.copy()
    x.data = np.log1p(x.data)
    adata = anndata.AnnData(
        X=x if raw else counts,
        obs=obs,
        var=var,
        uns={ORGANISM: organism, "title": "Four cells", "default_embedding": "X_umap"},
        obsm={"X_umap": np.arange(2 * cells, dtype=np.float32).reshape(cells, 2)},
    )
    if raw:
        adata.raw = anndata.AnnData(X=counts, obs=obs[[]], var=var[[]])
    return adata


def human(**changed: str) -> anndata.AnnData:
    """Return a human dataset."""
    return dataset("NCBITaxon:9606", {**HUMAN, **changed})


def perturbed() -> anndata.AnnData:
    """Return a human dataset with genetic perturbations and experimental conditions."""
    adata = human()
    adata.obs[PERTURBATION] = pd.Categorical(["na", "g1", "g1 || g2", "nt"])
    adata.obs[STRATEGY] = pd.Categorical(
        ["no perturbations", "CRISPR knockout screen", "CRISPR knockout screen", "control"]
    )
    adata.obs[CONDITION] = pd.Categorical(["na", "CHEBI:16412", "EFO:0001702", "CHEBI:16412 || uniprot:Q99467"])
    plain = {key: value for key, value in GUIDE.items() if key != "intended_features"}
    adata.uns["genetic_perturbations"] = {
        "g1": {**GUIDE},
        "g2": {**plain, "protospacer_sequence": "TTTTACGTACGTACG"},
        "nt": {**plain, "role": "control"},
    }
    return adata


def visium(spots: int = VISIUM_SPOTS, assay: str = "EFO:0022857") -> anndata.AnnData:
    """Return one Visium section with all of its spots, every second one on tissue."""
    rows = np.arange(spots)
    counts = sp.csr_matrix(
        (np.ones(3 * spots, np.float32), (np.repeat(rows, 3), np.tile([0, 1, 2], spots))), (spots, 5)
    )
    counts.data[::3] = rows + 1
    values = {**HUMAN, ASSAY: assay, "suspension_type": "na", CELL_TYPE: "unknown"}
    adata = dataset("NCBITaxon:9606", values, counts)
    adata.obs["array_row"], adata.obs["array_col"], adata.obs["in_tissue"] = rows % 78, rows % 128, rows % 2
    adata.obsm["spatial"] = np.column_stack([rows, rows]).astype(np.float64)
    adata.uns["spatial"] = {
        "is_single": True,
        "library": {
            "images": {"hires": np.zeros((2000, 10, 3), np.uint8), "fullres": np.zeros((30, 20, 3), np.uint8)},
            "scalefactors": {"spot_diameter_fullres": 89.1, "tissue_hires_scalef": 0.17},
        },
    }
    return adata


def beads() -> anndata.AnnData:
    """Return a Slide-seqV2 dataset."""
    adata = human(**{ASSAY: "EFO:0030062", "suspension_type": "na"})
    adata.obsm["spatial"] = np.ones((4, 2))
    adata.uns["spatial"] = {"is_single": True}
    return adata


def sections() -> anndata.AnnData:
    """Return several Visium sections in one dataset."""
    adata = human(**{ASSAY: "EFO:0022857", "suspension_type": "na"})
    adata.obs["is_primary_data"] = False
    adata.uns["spatial"] = {"is_single": False}
    return adata


def of(name: str) -> Callable[[], anndata.AnnData]:
    """Return what makes a dataset of another organism."""
    organism, values = OTHERS[name]
    return lambda: dataset(organism, {**HUMAN, ETHNICITY: "na", **values})


BASES: dict[str, Callable[[], anndata.AnnData]] = {
    "human": human,
    "counts": lambda: dataset("NCBITaxon:9606", HUMAN, raw=False),
    "line": lambda: human(**LINE),
    "culture": lambda: human(**{"tissue_type": "primary cell culture", TISSUE: "CL:0000182"}),
    "organoid": lambda: human(**{"tissue_type": "organoid", TISSUE: "UBERON:0000955"}),
    "atac": lambda: human(**{ASSAY: "EFO:0030007", "suspension_type": "nucleus"}),
    "multiome": lambda: human(**{ASSAY: "EFO:0030059", "suspension_type": "nucleus"}),
    "perturbed": perturbed,
    "visium": visium,
    "beads": beads,
    "sections": sections,
    **{name: of(name) for name in OTHERS},
}


# --- changes -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variant:
    """A dataset of one kind with one change, made before it is written or to the file; `plain`: text stays text."""

    name: str
    base: str
    edit: Edit | None = None
    after: After | None = None
    plain: bool = False

    def write(self, path: Path) -> None:
        """Write the dataset as H5AD."""
        adata = BASES[self.base]()
        edited = self.edit(adata) if self.edit else None
        result = edited if isinstance(edited, anndata.AnnData) else adata
        result.write_h5ad(path, convert_strings_to_categoricals=not self.plain)
        if self.after:
            with h5py.File(path, "r+") as file:
                self.after(file)


def value(column: str, text: str) -> Edit:
    """Return what gives every cell one value of a column."""
    return lambda adata: adata.obs.__setitem__(column, pd.Categorical([text] * adata.n_obs))


def values(column: str, texts: Any) -> Edit:
    """Return what sets a column to some values as they are."""
    return lambda adata: adata.obs.__setitem__(column, texts)


def without(column: str) -> Edit:
    """Return what drops a column of obs."""
    return lambda adata: adata.obs.drop(columns=column, inplace=True)


def uns(key: str, new: Any) -> Edit:
    """Return what sets a key of uns; `a/b` for a key of a dictionary in it."""

    def edit(adata: anndata.AnnData) -> None:
        *path, last = key.split("/")
        place: Any = adata.uns
        for part in path:
            place = place[part]
        if new is None:
            del place[last]
        else:
            place[last] = new

    return edit


def both(*edits: Edit) -> Edit:
    """Return what makes several changes."""

    def edit(adata: anndata.AnnData) -> None:
        for one in edits:
            one(adata)

    return edit


def cell(row: int, column: int, number: float) -> Edit:
    """Return what sets one raw count, in raw.X or, without that, in X."""

    def edit(adata: anndata.AnnData) -> None:
        source = adata.raw.X if adata.raw is not None else adata.X
        dense = source.toarray()
        dense[row, column] = number
        put_counts(adata, sp.csr_matrix(dense))

    return edit


def put_counts(adata: anndata.AnnData, counts: Any) -> None:
    """Replace the raw counts."""
    if adata.raw is None:
        adata.X = counts
    else:
        adata.raw = anndata.AnnData(X=counts, obs=adata.obs[[]], var=adata.raw.var)


def counts(change: Callable[[Any], Any]) -> Edit:
    """Return what replaces the raw counts by something made of them."""
    return lambda adata: put_counts(adata, change(adata.raw.X if adata.raw is not None else adata.X))


def x(change: Callable[[Any], Any]) -> Edit:
    """Return what replaces X by something made of it."""

    def edit(adata: anndata.AnnData) -> anndata.AnnData:
        raw = adata.raw
        new = anndata.AnnData(X=change(adata.X), obs=adata.obs, var=adata.var, uns=adata.uns, obsm=adata.obsm)
        if raw is not None:
            new.raw = anndata.AnnData(X=raw.X, obs=adata.obs[[]], var=raw.var)
        return new

    return edit


def genes(names: list[str], where: str = "both") -> Edit:
    """Return what renames the genes of var, of raw.var, or of both."""

    def edit(adata: anndata.AnnData) -> None:
        raw = None if adata.raw is None else anndata.AnnData(X=adata.raw.X, obs=adata.obs[[]], var=adata.raw.var)
        if raw is not None and where != "var":
            raw.var_names = names
        if where != "raw":
            adata.var_names = names
        if raw is not None:
            adata.raw = raw

    return edit


def raw_var(change: Callable[[pd.DataFrame], Any]) -> Edit:
    """Return what changes the table of raw genes."""

    def edit(adata: anndata.AnnData) -> None:
        raw = anndata.AnnData(X=adata.raw.X, obs=adata.obs[[]], var=adata.raw.var)
        change(raw.var)
        adata.raw = raw

    return edit


def embedding(name: str, new: Any) -> Edit:
    """Return what adds an embedding."""
    return lambda adata: adata.obsm.__setitem__(name, new)


def attribute(path: str, name: str, new: Any) -> After:
    """Return what sets an attribute in the file."""
    return lambda file: file[path].attrs.__setitem__(name, new)


def rewritten(path: str, new: Any) -> After:
    """Return what replaces a dataset in the file, its attributes kept."""

    def after(file: h5py.File) -> None:
        attributes = dict(file[path].attrs)
        del file[path]
        file[path] = new
        file[path].attrs.update(attributes)

    return after


def removed(path: str) -> After:
    """Return what removes a part of the file."""
    return lambda file: file.__delitem__(path)
