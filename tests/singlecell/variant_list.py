"""Every variant by its name: see `variants.py`."""

# ruff: noqa: E501  # a row of a table stays on its line

from __future__ import annotations

from collections.abc import Iterator

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

from .variants import (
    ASSAY,
    BASES,
    CELL_TYPE,
    CONDITION,
    DISEASE,
    ETHNICITY,
    GENES,
    ORGANISM,
    PERTURBATION,
    SEX,
    STAGE,
    STRATEGY,
    TISSUE,
    Variant,
    attribute,
    both,
    cell,
    counts,
    embedding,
    genes,
    raw_var,
    removed,
    rewritten,
    uns,
    value,
    values,
    visium,
    without,
    x,
)

# base -> column -> values that every cell is given
VALUES: dict[str, dict[str, list[str]]] = {
    "human": {
        ASSAY: ["EFO:0010183", "EFO:0002772", "EFO:0010961", "EFO:9999999", "CL:0000182", "10x 3' v3", "unknown", "",
                "EFO:0010550", "EFO:0030080", "efo:0009922", "EFO:0009922 ", "EFO_0009922"],
        CELL_TYPE: ["CL:0000000", "unknown", "na", "CL:0000255", "CL:0000257", "CL:0000548", "CL:9999999",
                    "ZFA:0009001", "UBERON:0002107", "CL:0000003", "CL:0000044", "CL:0000182 || CL:0000091", "hepatocyte"],
        STAGE: ["unknown", "na", "HsapDv:0000001", "HsapDv:0000087", "MmusDv:0000110", "UBERON:0000113", "HsapDv:0000002",
                "adult"],
        DISEASE: ["MONDO:0005015", "MONDO:0000001", "MONDO:0021178", "PATO:0000383", "unknown", "na", "EFO:0000408",
                  "MONDO:0005015 || MONDO:0100096", "MONDO:0100096 || MONDO:0005015", "MONDO:0005015 || MONDO:0005015",
                  "MONDO:0005015 || PATO:0000461", "MONDO:0005015,MONDO:0100096", "MONDO:0005015||MONDO:0100096",
                  "MONDO:0100096 "],
        "donor_id": ["unknown", "pooled", "na", "", "  ", "donor 1 || donor 2"],
        ETHNICITY: ["na", "HANCESTRO:0568", "HANCESTRO:0590", "HANCESTRO:0005", "HANCESTRO:0601", "HANCESTRO:0847",
                    "AfPO:0000368", "HANCESTRO:0568 || HANCESTRO:0590", "HANCESTRO:0590 || HANCESTRO:0568",
                    "HANCESTRO:0568 || unknown", "multiethnic", "HANCESTRO:0568,HANCESTRO:0590",
                    "AfPO:0000368 || HANCESTRO:0568"],
        SEX: ["PATO:0000384", "PATO:0001340", "unknown", "na", "PATO:0000461", "female"],
        "suspension_type": ["nucleus", "na", "whole", "Cell", ""],
        "tissue_type": ["organoid", "cell culture", "primary cell culture", "cell line", "Tissue", ""],
        TISSUE: ["UBERON:0001062", "UBERON:0000922", "CL:0000182", "unknown", "na", "UBERON:9999999", "ZFA:0000114",
                 "UBERON:0002107 || UBERON:0000955", "UBERON:0002107 (organoid)", "liver", "CVCL_0030"],
        CONDITION: ["na", "CHEBI:16412", "CHEBI:24431", "CHEBI:50906", "CHEBI:52217", "CHEBI:36342", "EFO:0001702",
                    "EFO:0002755", "EFO:0002756", "EFO:0002757", "EFO:0009922", "uniprot:Q99467", "anti-uniprot:Q99467",
                    "UniProt:Q99467", "uniprot:XXXXXX", "CHEBI:16412 || EFO:0001702", "EFO:0001702 || CHEBI:16412",
                    "CHEBI:16412 || CHEBI:16412", "CHEBI:16412 || na", "anti-CHEBI:16412", "unknown"],
    },
    "line": {
        CELL_TYPE: ["na", "unknown", "CL:0000000"],
        STAGE: ["unknown", "HsapDv:0000258"],
        "donor_id": ["H1", "unknown"],
        ETHNICITY: ["unknown", "HANCESTRO:0568"],
        SEX: ["unknown", "PATO:0000383"],
        TISSUE: ["UBERON:0002107", "CL:0000182", "CVCL_9999999", "na", "CVCL:0030"],
    },
    "culture": {TISSUE: ["unknown", "CL:0000000", "CL:0000255", "UBERON:0002107", "na"]},
    "organoid": {TISSUE: ["UBERON:0000922", "UBERON:0000923", "CL:0000182"]},
    "mouse": {
        STAGE: ["HsapDv:0000258", "MmusDv:0000001", "unknown", "UBERON:0000113"],
        ETHNICITY: ["unknown", "HANCESTRO:0568"],
        CELL_TYPE: ["ZFA:0009001", "FBbt:00047095"],
    },
    "fish": {
        STAGE: ["ZFS:0000000", "ZFS:0100000", "UBERON:0000113", "unknown"],
        TISSUE: ["ZFA:0001093", "ZFA:0009000", "ZFA:0009001", "ZFA:0100000", "UBERON:0002107", "FBbt:00007003"],
        CELL_TYPE: ["ZFA:0009000", "CL:0000182", "WBbt:0006803", "FBbt:00047095"],
    },
    "fly": {
        STAGE: ["FBdv:00007012", "FBdv:00005369", "FBdv:00005259", "HsapDv:0000258"],
        TISSUE: ["FBbt:00007002", "FBbt:00047095", "UBERON:0002107", "FBbt:10000000"],
        CELL_TYPE: ["FBbt:00007002", "CL:0000182", "ZFA:0009001"],
    },
    "worm": {
        STAGE: ["WBls:0000805", "WBls:0000803", "WBls:0000825", "UBERON:0000113"],
        TISSUE: ["WBbt:0007849", "WBbt:0004017", "WBbt:0006803", "WBbt:0005766", "UBERON:0002107"],
        CELL_TYPE: ["WBbt:0006803", "WBbt:0004017", "WBbt:0003681", "CL:0000540"],
        SEX: ["PATO:0000383", "PATO:0000384", "unknown", "na"],
    },
    "pig": {STAGE: ["UBERON:0000071", "UBERON:0000105", "HsapDv:0000258", "unknown"], ETHNICITY: ["unknown"]},
    "atac": {"suspension_type": ["cell", "na"]},
    "multiome": {"suspension_type": ["cell"]},
}  # fmt: skip
REQUIRED = [ASSAY, CELL_TYPE, STAGE, DISEASE, "donor_id", ETHNICITY, SEX, "suspension_type", TISSUE, "tissue_type"]
LABELS = ["assay", "cell_type", "development_stage", "disease", "self_reported_ethnicity", "sex", "tissue"]
WRITTEN = [*LABELS, "observation_joinid", "experimental_condition", "perturbation_types"]
GIVEN_UP = ["ethnicity", "ethnicity_ontology_term_id", "organism", ORGANISM]
FEATURES = ["feature_name", "feature_reference", "feature_biotype", "feature_length", "feature_type"]
UNS_WRITTEN = ["organism", "schema_version", "schema_reference", "citation", "is_pre_analysis"]
UNS_GIVEN_UP = ["X_normalization", "default_field", "layer_descriptions", "tags", "version", "project_name"]


def of_columns() -> Iterator[Variant]:
    """Yield variants of the columns of cells."""
    for base, columns in VALUES.items():
        for column, texts in columns.items():
            for text in texts:
                yield Variant(f"{base}: {column} = {text!r}", base, value(column, text))
    for column in [*REQUIRED, "is_primary_data"]:
        yield Variant(f"human: no {column}", "human", without(column))
    for column in REQUIRED:
        yield Variant(
            f"human: {column} as text", "human", lambda a, c=column: values(c, a.obs[c].astype(object))(a), plain=True
        )
        yield Variant(f"human: a gap in {column}", "human", lambda a, c=column: gap(a, c))
    for column in [*WRITTEN, *GIVEN_UP]:
        yield Variant(f"human: a column {column}", "human", value(column, "something"))
    for column in ("feature_is_filtered", "my column", "__mine", "soma_joinid", "obs_id"):
        yield Variant(f"human: a column {column}", "human", value(column, "something"))
    for name, texts in {
        "text": ["yes", "no", "yes", "no"],
        "numbers": [1, 0, 1, 1],
        "categories": pd.Categorical([True, False, True, True]),
        "nullable": pd.array([True, False, True, True], dtype="boolean"),
        "nullable with gaps": pd.array([True, None, True, True], dtype="boolean"),
        "all false": np.zeros(4, bool),
    }.items():  # fmt: skip
        yield Variant(f"human: is_primary_data as {name}", "human", values("is_primary_data", texts))
    for name, mine in {
        "whole numbers": [1, 2, 3, 4],
        "numbers with NaN": [1.0, np.nan, 2.0, 3.0],
        "nullable numbers": pd.array([1, None, 3, 4], dtype="Int64"),
        "nullable numbers without gaps": pd.array([1, 2, 3, 4], dtype="Int64"),
        "categories of numbers": pd.Categorical([1, 2, 1, 2]),
        "true/false as categories": pd.Categorical([True, False, True, True]),
        "categories with a gap": pd.Categorical(["a", None, "b", "a"]),
        "an unused category": pd.Categorical(["a", "b", "b", "a"], categories=["a", "b", "c"]),
        "text": ["a", "b", "c", "d"],
        "true/false": [True, False, True, True],
    }.items():
        yield Variant(f"human: a column of {name}", "human", values("mine", mine))
    yield Variant("human: an unused empty donor", "human", values("donor_id", pd.Categorical(["a"] * 4, ["a", " "])))
    yield Variant("human: donors as numbers", "human", values("donor_id", pd.Categorical([1, 2, 1, 2])))
    yield Variant("human: cells of the same name", "human", lambda a: setattr(a, "obs_names", ["a", "a", "b", "c"]))
    yield Variant(
        "human: a column twice",
        "human",
        None,
        attribute("obs", "column-order", [*REQUIRED, "donor_id", "is_primary_data"]),
    )
    some = pd.Categorical(["na", "na", "CL:0000182", "CL:0000182"])
    yield Variant("line: cell types partly na", "line", values(CELL_TYPE, some))
    mixed = both(*(values(name, pd.Categorical([text, text, a, b])) for name, text, a, b in (
        ("tissue_type", "cell line", "tissue", "tissue"), (TISSUE, "CVCL_0030", "UBERON:0002107", "UBERON:0002107"),
        (STAGE, "na", "unknown", "unknown"), (SEX, "na", "unknown", "unknown"), (ETHNICITY, "na", "unknown", "unknown"),
        ("donor_id", "na", "H1", "H1"))))  # fmt: skip
    yield Variant("human: half of it a cell line", "human", mixed)
    yield Variant("human: half a cell line, its type na", "human", both(mixed, values(CELL_TYPE, some)))
    yield Variant("human: a cell line and its donor", "human", both(mixed, value("donor_id", "H1")))
    for assay, kind in [("EFO:0008720", "nucleus"), ("EFO:0008720", "cell"), ("EFO:0008992", "na"), ("EFO:0008992", "cell"),
                        ("EFO:0008994", "na"), ("EFO:0008853", "cell"), ("EFO:0008853", "nucleus"), ("EFO:0008953", "cell"),
                        ("EFO:0700003", "nucleus"), ("EFO:0010550", "nucleus"), ("EFO:0010550", "cell"),
                        ("EFO:0030080", "nucleus"), ("EFO:0010184", "na")]:  # fmt: skip
        yield Variant(f"human: {kind} with {assay}", "human", both(value(ASSAY, assay), value("suspension_type", kind)))


def gap(adata: anndata.AnnData, column: str) -> None:
    """Take the value of the first cell away."""
    texts = [None, *adata.obs[column].astype(object).tolist()[1:]]
    adata.obs[column] = pd.Categorical(texts)


def of_genes() -> Iterator[Variant]:
    """Yield variants of genes and of feature_is_filtered."""
    own = GENES["NCBITaxon:9606"]
    for name, ids in {
        "of mouse": GENES["NCBITaxon:10090"],
        "one of mouse": [*own[:4], "ENSMUSG00000102693"],
        "versioned": [f"{id_}.1" for id_ in own],
        "unknown": [*own[:4], "ENSG00000999999"],
        "symbols": ["A1BG", "ALB", "APOE", "TP53", "GAPDH"],
        "twice": [*own[:4], own[0]],
        "a virus": [*own[:4], "ENSSASG00005000002"],
        "an unknown spike-in": [*own[:4], "ERCC-99999"],
        "lower case": [id_.lower() for id_ in own],
    }.items():
        yield Variant(f"human: genes {name}", "human", genes(ids))
        yield Variant(f"counts: genes {name}", "counts", genes(ids))
    yield Variant("human: other genes in raw.var", "human", genes([*own[:4], "ENSG00000229348"], "raw"))
    yield Variant("human: genes of raw.var in another order", "human", genes(own[::-1], "raw"))
    yield Variant("human: X with fewer genes", "human", lambda a: a[:, :4].copy() if a is None else fewer_genes(a))
    for name in FEATURES:
        yield Variant(f"human: var has {name}", "human", lambda a, n=name: a.var.__setitem__(n, "x"))
        yield Variant(f"human: raw.var has {name}", "human", raw_var(lambda var, n=name: var.__setitem__(n, "x")))
    filtered = "feature_is_filtered"
    yield Variant(
        "human: raw.var has feature_is_filtered", "human", raw_var(lambda var: var.__setitem__(filtered, False))
    )
    yield Variant("human: a column of genes", "human", lambda a: a.var.__setitem__("mine", list("abcde")))
    yield Variant("human: a column __genes", "human", lambda a: a.var.__setitem__("__mine", list("abcde")))
    yield Variant("human: raw.var has __genes", "human", raw_var(lambda var: var.__setitem__("__mine", list("abcde"))))
    yield Variant("human: a column of true/false categories of genes", "human",
                  lambda a: a.var.__setitem__("mine", pd.Categorical([True, False, True, True, False])))  # fmt: skip
    for base in ("human", "counts"):
        yield Variant(f"{base}: no {filtered}", base, lambda a: a.var.drop(columns=filtered, inplace=True))
        yield Variant(f"{base}: {filtered} True", base, lambda a: a.var.__setitem__(filtered, True))
        yield Variant(f"{base}: {filtered} as text", base, lambda a: a.var.__setitem__(filtered, ["no"] * 5))
        yield Variant(f"{base}: {filtered} as numbers", base, lambda a: a.var.__setitem__(filtered, [0] * 5))
        yield Variant(f"{base}: {filtered} nullable", base,
                      lambda a: a.var.__setitem__(filtered, pd.array([False] * 5, dtype="boolean")))  # fmt: skip
    yield Variant("human: a gene filtered from X", "human", both_of_filter(True))
    yield Variant("human: a gene filtered from X, unsaid", "human", both_of_filter(False))


def both_of_filter(said: bool):
    """Return what takes a gene's values out of X, and says so or not."""

    def edit(adata: anndata.AnnData) -> anndata.AnnData:
        dense = adata.X.toarray()
        dense[:, 2] = 0
        new = x(lambda _: sp.csr_matrix(dense))(adata)
        new.var["feature_is_filtered"] = [False, False, said, False, False]
        return new

    return edit


def fewer_genes(adata: anndata.AnnData) -> anndata.AnnData:
    """Return the dataset with four of five genes in X, all in raw.X."""
    new = anndata.AnnData(X=adata.X[:, :4], obs=adata.obs, var=adata.var.iloc[:4], uns=adata.uns, obsm=adata.obsm)
    new.raw = anndata.AnnData(X=adata.raw.X, obs=adata.obs[[]], var=adata.raw.var)
    return new


def of_matrices() -> Iterator[Variant]:
    """Yield variants of X, raw.X and layers."""
    for base in ("human", "counts", "atac", "multiome"):
        yield Variant(f"{base}: half a count", base, cell(0, 0, 0.5))
        yield Variant(f"{base}: a negative count", base, cell(0, 0, -1))
        yield Variant(
            f"{base}: a cell without counts",
            base,
            counts(lambda m: sp.csr_matrix(m.multiply([[1], [0], [1], [1]]).astype(np.float32))),
        )
        yield Variant(
            f"{base}: counts in float64",
            base,
            counts(lambda m: m.astype(np.float64)) if base != "counts" else x(lambda m: m.astype(np.float64)),
        )
        yield Variant(
            f"{base}: counts in int32",
            base,
            counts(lambda m: m.astype(np.int32)) if base != "counts" else x(lambda m: m.astype(np.int32)),
        )
        yield Variant(f"{base}: two cells alike", base, counts(lambda m: sp.csr_matrix(m.toarray()[[0, 1, 2, 0]])))
    for base in ("human", "counts"):
        yield Variant(f"{base}: a NaN count", base, cell(0, 0, np.nan))
        yield Variant(f"{base}: an infinite count", base, cell(0, 0, np.inf))
        yield Variant(
            f"{base}: raw counts CSC", base, counts(lambda m: m.tocsc()) if base != "counts" else x(lambda m: m.tocsc())
        )
        yield Variant(f"{base}: raw counts dense and sparse of values", base, counts(lambda m: m.toarray()))
        yield Variant(f"{base}: raw counts dense and full", base, counts(lambda m: m.toarray() + 1))
    yield Variant("human: X in float64", "human", x(lambda m: m.astype(np.float64)))
    yield Variant("human: X CSC", "human", x(lambda m: m.tocsc()))
    yield Variant("human: X dense, mostly zeros", "human", x(lambda m: m.toarray()))
    yield Variant("human: X dense and full", "human", x(lambda m: m.toarray() + 1))
    yield Variant(
        "human: X with NaN",
        "human",
        x(lambda m: sp.csr_matrix(np.where(m.toarray() == 0, 0, np.nan).astype(np.float32))),
    )
    yield Variant("human: X of zeros only", "human", x(lambda m: sp.csr_matrix(m.shape, dtype=np.float32)))
    yield Variant("human: no X", "human", None, removed("X"))
    yield Variant("human: normalised values in raw.X", "human", counts(lambda m: m.log1p()))
    yield Variant("counts: normalised values only", "counts", counts(lambda m: m.log1p()))
    for name, layer in {
        "CSR": lambda m: m.copy(),
        "CSC": lambda m: m.tocsc(),
        "dense, mostly zeros": lambda m: m.toarray(),
        "dense and full": lambda m: m.toarray() + 1,
        "whole numbers": lambda m: m.astype(np.int64),
    }.items():
        yield Variant(f"human: a layer, {name}", "human", lambda a, f=layer: a.layers.__setitem__("mine", f(a.X)))
    yield Variant(
        "human: stored zeros", "human", None, rewritten("raw/X/data", np.array([0, 3, 2, 5, 1, 4, 2, 1, 7], np.float32))
    )
    yield Variant(
        "human: columns out of order",
        "human",
        None,
        rewritten("raw/X/indices", np.array([2, 0, 4, 1, 4, 0, 3, 2, 4], np.int32)),
    )
    yield Variant("human: an old encoding version", "human", None, attribute("/", "encoding-version", "0.0.9"))
    yield Variant("human: raw.X with one cell less", "human", None, attribute("raw/X", "shape", [3, 5]))


def of_embeddings() -> Iterator[Variant]:
    """Yield variants of obsm, obsp, varm, varp."""
    plain = np.ones((4, 2), np.float32)
    for name in (
        "X_pca",
        "X_1",
        "X_",
        "X_a b",
        "X_spatial",
        "X_Spatial",
        "umap",
        "1umap",
        "a b",
        "spatial",
        "__x",
        "X_a.b-c",
    ):
        yield Variant(f"human: an embedding {name!r}", "human", embedding(name, plain))
    for name, new in {
        "of one column": np.ones((4, 1)),
        "of three axes": np.ones((4, 2, 2)),
        "of whole numbers": np.ones((4, 2), int),
        "of half precision": np.ones((4, 2), np.float16),
        "of true/false": np.ones((4, 2), bool),
        "of text": np.array([["a", "b"]] * 4, dtype=object),
        "with a NaN": np.array([[np.nan, 1]] + [[1, 1]] * 3),
        "of NaN": np.full((4, 2), np.nan),
        "with an infinity": np.array([[np.inf, 1]] + [[1, 1]] * 3),
        "of no columns": np.ones((4, 0)),
        "as a table": pd.DataFrame({"a": [1.0] * 4, "b": [2.0] * 4}, index=[f"c{row}" for row in range(4)]),
        "sparse": sp.csr_matrix(plain),
    }.items():
        yield Variant(f"human: X_mine {name}", "human", embedding("X_mine", new))
        yield Variant(f"human: mine {name}", "human", embedding("mine", new))
    yield Variant(
        "human: no embedding", "human", both(lambda a: a.obsm.__delitem__("X_umap"), uns("default_embedding", None))
    )
    yield Variant(
        "human: no embedding X_",
        "human",
        both(embedding("umap", plain), lambda a: a.obsm.__delitem__("X_umap"), uns("default_embedding", "umap")),
    )
    yield Variant("human: an empty varm", "human", lambda a: a.varm.__setitem__("mine", np.ones((5, 0))))
    yield Variant("human: a varm", "human", lambda a: a.varm.__setitem__("mine", np.ones((5, 2))))
    yield Variant("human: an obsp", "human", lambda a: a.obsp.__setitem__("mine", np.ones((4, 4))))
    yield Variant("human: a sparse varp", "human", lambda a: a.varp.__setitem__("mine", sp.csr_matrix((5, 5))))
    yield Variant("human: a varm __mine", "human", lambda a: a.varm.__setitem__("__mine", np.ones((5, 2))))


def of_uns() -> Iterator[Variant]:
    """Yield variants of uns."""
    for key in UNS_WRITTEN:
        yield Variant(f"human: uns has {key}", "human", uns(key, "something"))
    for key in UNS_GIVEN_UP:
        yield Variant(f"human: uns has {key}", "human", uns(key, "something"))
    for organism in (
        "NCBITaxon:10090",
        "NCBITaxon:1",
        "NCBITaxon:2697049",
        "Homo sapiens",
        "NCBITaxon:9606 ",
        9606,
        "unknown",
    ):
        yield Variant(f"human: organism {organism!r}", "human", uns(ORGANISM, organism))
    for organism in ("NCBITaxon:10091", "NCBITaxon:10088", "NCBITaxon:9606"):
        yield Variant(f"mouse: organism {organism!r}", "mouse", uns(ORGANISM, organism))
    yield Variant("pig: organism 'NCBITaxon:9825'", "pig", uns(ORGANISM, "NCBITaxon:9825"))
    yield Variant("worm: organism 'NCBITaxon:6293'", "worm", uns(ORGANISM, "NCBITaxon:6293"))
    yield Variant("human: organism as a list", "human", uns(ORGANISM, np.array(["NCBITaxon:9606"])))
    yield Variant("human: no organism", "human", uns(ORGANISM, None))
    for title in (" Cells", "Cells ", "Two  cells", "Cells\nof two lines", "", 7, np.array(["Cells"])):
        yield Variant(f"human: title {title!r}", "human", uns("title", title))
    yield Variant("human: no title", "human", uns("title", None))
    for batch in (["donor_id"], ["donor_id", "nothing"], [], "donor_id", ["nothing"], 5):
        new = (
            np.array(batch, dtype=object)
            if isinstance(batch, list) and batch
            else np.array([], float)
            if batch == []
            else batch
        )
        yield Variant(f"human: batch_condition {batch!r}", "human", uns("batch_condition", new))
    for name in ("X_pca", "umap", " X_umap", 3, ""):
        yield Variant(f"human: default_embedding {name!r}", "human", uns("default_embedding", name))
    for name in ("count", "normal", "Count", "", 1):
        yield Variant(f"human: X_approximate_distribution {name!r}", "human", uns("X_approximate_distribution", name))
    for name, new in {
        "an empty array": np.array([]),
        "an empty dictionary": {},
        "an empty text": "",
        "a number": 0,
        "a falsehood": False,
        "nothing": None,
        "a dictionary": {"a": 1},
        "an empty matrix": np.ones((0, 4)),
        "a matrix": np.ones((2, 4)),
        "a sparse matrix": sp.csr_matrix((2, 2)),
        "a dictionary with an empty text": {"a": ""},
    }.items():
        yield Variant(f"human: uns has {name}", "human", lambda a, n=new: a.uns.__setitem__("mine", n))
    yield Variant("human: uns has __mine", "human", uns("__mine", 1))
    colours = {
        "hex": ["#aabbcc"], "upper-case hex": ["#AABBCC"], "a name": ["red"], "an unknown name": ["reddish"],
        "too many": ["red", "blue"], "both kinds": ["red", "#aabbcc"], "short hex": ["#abc"], "hex with alpha": ["#aabbccdd"],
    }  # fmt: skip
    for name, texts in colours.items():
        yield Variant(f"human: colours, {name}", "human", uns("donor_id_colors", np.array(texts, dtype=object)))
    yield Variant("human: colours as a text", "human", uns("donor_id_colors", "red"))
    yield Variant("human: colours as numbers", "human", uns("donor_id_colors", np.array([1, 2])))
    yield Variant("human: colours of no column", "human", uns("nothing_colors", np.array(["red"], dtype=object)))
    yield Variant("human: colours of a label", "human", uns("tissue_colors", np.array(["red"], dtype=object)))
    yield Variant(
        "human: colours of true/false", "human", uns("is_primary_data_colors", np.array(["red"], dtype=object))
    )
    two = values("donor_id", pd.Categorical(["a", "a", "b", "b"]))
    yield Variant("human: too few colours", "human", both(two, uns("donor_id_colors", np.array(["red"], dtype=object))))


def of_perturbations() -> Iterator[Variant]:
    """Yield variants of genetic perturbations."""
    base, guide = "perturbed", "genetic_perturbations/g1"
    for key, news in {
        "role": ["control", "both", "", None, 1],
        "protospacer_sequence": ["ACGT", "acgtacgtacgtacgt", "ACGTACGTACGTACGTACGTACGTA", "ACGTACGTACGTAN", None],
        "protospacer_adjacent_motif": ["NGG", "3'NGG", "5' NGG", "3' NGX", None],
        "intended_features": [None, {"ENSG00000999999": "x"}, {"ENSMUSG00000102693": "x"}, {"DDX11L1": "x"}, "x", {"ENSG00000290825": 1}],
        "derived_features": [{"a": "b"}],
        "derived_genomic_regions": ["x"],
        "comment": ["x"],
    }.items():  # fmt: skip
        for new in news:
            yield Variant(f"{base}: {key} {new!r}", base, uns(f"{guide}/{key}", new))
    entry = {"role": "control", "protospacer_sequence": "ACGTACGTACGTACGT", "protospacer_adjacent_motif": "3' NGG"}
    for name in ("na", "g 3", "g,3", "g'3", "g3"):
        yield Variant(f"{base}: an id {name!r}", base, uns(f"genetic_perturbations/{name}", entry))
    yield Variant(f"{base}: an entry as text", base, uns(guide, "x"))
    yield Variant(f"{base}: no ids", base, without(PERTURBATION))
    yield Variant(f"{base}: no strategies", base, without(STRATEGY))
    yield Variant(f"{base}: neither ids nor strategies", base, both(without(PERTURBATION), without(STRATEGY)))
    yield Variant(f"{base}: nothing in uns", base, uns("genetic_perturbations", None))
    yield Variant("human: strategies only", "human", value(STRATEGY, "control"))
    yield Variant("human: ids only", "human", value(PERTURBATION, "g1"))
    for ids in (["na", "g1", "g2 || g1", "nt"], ["na", "g1", "g1 || g1", "nt"], ["na", "g9", "g1", "nt"], ["na", "g1", "g1,g2", "nt"],
                ["g1", "g1", "g1 || g2", "nt"], ["na", "na", "g1 || g2", "nt"], ["na", "g1", "g1 || g2", "g1"], [None, "g1", "g2", "nt"],
                ["na", "g1", "", "nt"]):  # fmt: skip
        yield Variant(f"{base}: ids {ids!r}", base, values(PERTURBATION, pd.Categorical(ids)))
    yield Variant(f"{base}: ids as text", base, values(PERTURBATION, ["na", "g1", "g1 || g2", "nt"]))
    none = both(value(PERTURBATION, "na"), value(STRATEGY, "no perturbations"))
    yield Variant(f"{base}: ids na throughout", base, none)
    for strategy in ("no perturbations", "control", "CRISPR knockout", "CRISPR activation screen"):
        yield Variant(f"{base}: strategy {strategy!r}", base, value(STRATEGY, strategy))
        new = ["no perturbations", strategy, "CRISPR knockout mutant", "control"]
        yield Variant(f"{base}: one strategy {strategy!r}", base, values(STRATEGY, pd.Categorical(new)))
    yield Variant(f"{base}: strategies as text", base, lambda a: values(STRATEGY, a.obs[STRATEGY].astype(object))(a))
    texts = ["na", "g1", "g1", "g1"]
    strategies = ["no perturbations", *["CRISPR knockout screen"] * 3]
    foreign = {**entry, "role": "targeting"}
    for other in ("mouse", "pig"):
        edit = both(values(PERTURBATION, pd.Categorical(texts)), values(STRATEGY, pd.Categorical(strategies)),
                    uns("genetic_perturbations", {"g1": foreign}))  # fmt: skip
        yield Variant(f"{other}: perturbed", other, edit)


def of_space() -> Iterator[Variant]:
    """Yield variants of spatial datasets."""
    library = "spatial/library"
    yield Variant("human: uns has spatial", "human", uns("spatial", {"is_single": True}))
    yield Variant("human: positions", "human", values("in_tissue", [1, 1, 1, 1]))
    for base in ("visium", "beads", "sections"):
        yield Variant(f"{base}: no uns spatial", base, uns("spatial", None))
        yield Variant(f"{base}: uns spatial as text", base, uns("spatial", "x"))
        yield Variant(f"{base}: no is_single", base, uns("spatial/is_single", None))
        for new in ("True", 1, False, True):
            yield Variant(f"{base}: is_single {new!r}", base, uns("spatial/is_single", new))
        yield Variant(f"{base}: another library", base, uns("spatial/other", {"images": {}}))
    for base in ("visium", "beads"):
        yield Variant(f"{base}: no spatial embedding", base, lambda a: a.obsm.__delitem__("spatial"))
        yield Variant(f"{base}: a NaN among coordinates", base, one_nan)
        yield Variant(
            f"{base}: only coordinates",
            base,
            both(lambda a: a.obsm.__delitem__("X_umap"), uns("default_embedding", "spatial")),
        )
        yield Variant(
            f"{base}: two assays",
            base,
            lambda a: values(ASSAY, pd.Categorical(["EFO:0022857", *["EFO:0030062"] * (a.n_obs - 1)]))(a),
        )
    yield Variant("sections: coordinates", "sections", embedding("spatial", np.ones((4, 2))))
    yield Variant("sections: primary data", "sections", values("is_primary_data", [True, False, False, False]))
    yield Variant("beads: positions", "beads", values("array_row", [1, 1, 1, 1]))
    yield Variant("beads: the parent assay", "beads", value(ASSAY, "EFO:0920001"))
    for path in ("images", "images/hires", "images/fullres", "scalefactors", "scalefactors/spot_diameter_fullres",
                 "scalefactors/tissue_hires_scalef"):  # fmt: skip
        yield Variant(f"visium: no {path}", "visium", uns(f"{library}/{path}", None))
    for path in ("more", "images/lowres", "scalefactors/fiducial_diameter_fullres"):
        yield Variant(f"visium: {path}", "visium", uns(f"{library}/{path}", 1.0))
    for name, image in {
        "of 1999 pixels": np.zeros((1999, 10, 3), np.uint8),
        "of 2001 pixels": np.zeros((2001, 10, 3), np.uint8),
        "of four channels": np.zeros((10, 2000, 4), np.uint8),
        "of two channels": np.zeros((2000, 10, 2), np.uint8),
        "of one channel": np.zeros((2000, 10), np.uint8),
        "of float": np.zeros((2000, 10, 3), np.float32),
        "as text": "x",
    }.items():
        yield Variant(f"visium: hires {name}", "visium", uns(f"{library}/images/hires", image))
    yield Variant("visium: fullres of float", "visium", uns(f"{library}/images/fullres", np.zeros((5, 5, 3))))
    for name, factor in {"float32": np.float32(2), "int": 2, "text": "2"}.items():
        yield Variant(
            f"visium: spot diameter as {name}", "visium", uns(f"{library}/scalefactors/spot_diameter_fullres", factor)
        )
    yield Variant("visium: a library as text", "visium", uns(library, "x"))
    for column, last in (("array_row", 77), ("array_col", 127), ("in_tissue", 1)):
        yield Variant(f"visium: no {column}", "visium", without(column))
        yield Variant(f"visium: {column} too large", "visium", lambda a, c=column, n=last: first(a, c, n + 1))
        yield Variant(f"visium: {column} negative", "visium", lambda a, c=column: first(a, c, -1))
        yield Variant(f"visium: {column} as float", "visium", lambda a, c=column: values(c, a.obs[c].astype(float))(a))
        yield Variant(f"visium: {column} with a gap", "visium", lambda a, c=column: first(a, c, np.nan))
    yield Variant("visium: a cell type outside the tissue", "visium", value(CELL_TYPE, "CL:0000182"))
    yield Variant("visium: cell types on the tissue", "visium", on_tissue)
    yield Variant("visium: all spots on the tissue", "visium", values("in_tissue", 1))
    yield Variant("visium: no counts outside the tissue", "visium", empty_where(lambda a: a.obs["in_tissue"] == 0))
    yield Variant("visium: no counts in one spot outside", "visium", empty_where(lambda a: np.arange(a.n_obs) == 2))
    yield Variant("visium: no counts in one spot on tissue", "visium", empty_where(lambda a: np.arange(a.n_obs) == 3))
    yield Variant("visium: two spots outside alike", "visium", alike(2, 4))
    yield Variant("visium: two spots on tissue alike", "visium", alike(3, 5))
    yield Variant("visium: a spot less", "visium", lambda a: visium(4991))
    yield Variant("visium: the large slide", "visium", lambda a: large_slide())
    yield Variant("visium: the large slide with few spots", "visium", value(ASSAY, "EFO:0022860"))
    yield Variant("visium: the generic assay", "visium", value(ASSAY, "EFO:0010961"))


def one_nan(adata: anndata.AnnData) -> None:
    """Take one pair of coordinates away."""
    adata.obsm["spatial"] = np.where(np.arange(adata.n_obs)[:, None] == 1, np.nan, np.ones((adata.n_obs, 2)))


def on_tissue(adata: anndata.AnnData) -> None:
    """Give the spots on the tissue, and only those, a cell type."""
    adata.obs[CELL_TYPE] = pd.Categorical(np.where(adata.obs["in_tissue"] == 1, "CL:0000182", "unknown"))


def first(adata: anndata.AnnData, column: str, number: float) -> None:
    """Change the first value of a column of numbers."""
    numbers = adata.obs[column].to_numpy().astype(float if np.isnan(number) else int)
    numbers[0] = number
    adata.obs[column] = numbers


def empty_where(which):
    """Return what takes the counts away from some spots."""

    def edit(adata: anndata.AnnData) -> None:
        keep = sp.diags((~np.asarray(which(adata))).astype(np.float32))
        emptied = sp.csr_matrix(keep @ adata.raw.X).astype(np.float32)
        emptied.eliminate_zeros()
        counts(lambda _: emptied)(adata)

    return edit


def alike(one: int, other: int):
    """Return what gives one spot the counts of another."""

    def edit(adata: anndata.AnnData) -> None:
        order = np.arange(adata.n_obs)
        order[other] = one
        counts(lambda m: m[order])(adata)

    return edit


def large_slide() -> anndata.AnnData:
    """Return a section on the 11 mm slide."""
    adata = visium(14336, "EFO:0022860")
    adata.uns["spatial"]["library"]["images"]["hires"] = np.zeros((4000, 10, 3), np.uint8)
    adata.obs["array_row"], adata.obs["array_col"] = np.arange(14336) % 128, np.arange(14336) % 224
    return adata


def variants() -> dict[str, Variant]:
    """Return every variant by name, the unchanged datasets first."""
    unchanged = [Variant(f"{name}: as it is", name) for name in BASES]
    makers = (of_columns, of_genes, of_matrices, of_embeddings, of_uns, of_perturbations, of_space)
    everything = [*unchanged, *(variant for maker in makers for variant in maker())]
    found = {variant.name: variant for variant in everything}
    if len(found) != len(everything):
        raise ValueError("two variants of the same name")
    return found
