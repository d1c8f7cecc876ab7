"""What a single-cell submission is held to: container (H5), AnnData (AD), cells' metadata (OBS), SOMA."""

from __future__ import annotations

from collections.abc import Iterable

from catchment.schema.rules import declare
from catchment.singlecell import preparation_rules as preparation_rules
from catchment.singlecell.cellxgene import rules as cellxgene  # noqa: F401 - one import brings all rules
from catchment.singlecell.fragments import rules as fragments  # noqa: F401

CXG = "CELLxGENE dataset schema 7.1.0"
SHOWN = 5


def shown(value: object, limit: int = 120) -> str:
    """Return a submitter's text fit for a message: printable, and not longer than `limit`."""
    text = str(value).encode("utf-8", "backslashreplace").decode()
    text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def first_of(values: Iterable[object]) -> str:
    """Return the first few of some values as a message lists them, and how many more there are."""
    everything = list(values)
    quoted = [repr(shown(value)) if isinstance(value, str) else shown(value) for value in everything[:SHOWN]]
    rest = f" and {len(everything) - SHOWN:,} more" if len(everything) > SHOWN else ""
    return ", ".join(quoted) + rest


def number_of(count: int, what: str) -> str:
    """Return a number with what it counts, in singular or plural."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


# --- the container -----------------------------------------------------------------------------------------------

EXTERNAL_STORAGE = declare(
    "H5-001",
    "error",
    "HDF5 data kept in another file",
    expected="every value stored inside the submitted file",
    fix="write the file again with the values inside it (`h5repack` or `adata.write_h5ad`)",
    unsafe=True,
)
EXTERNAL_LINK = declare(
    "H5-002",
    "error",
    "HDF5 link that leaves the file",
    expected="no external or user-defined links anywhere in the file",
    fix="copy what the link points at into the file, then submit it again",
    unsafe=True,
)
VIRTUAL_DATASET = declare(
    "H5-003",
    "error",
    "virtual HDF5 dataset",
    expected="every value stored inside the submitted file",
    fix="write the file again with real instead of virtual datasets",
    unsafe=True,
)
CYCLE = declare(
    "H5-004",
    "error",
    "cyclic HDF5 groups",
    expected="a tree of groups: none contains itself, directly or through a link",
    fix="remove the link, then submit the file again",
    unsafe=True,
)
SHAPE_BOMB = declare(
    "H5-005",
    "error",
    "an HDF5 dataset declares far more than it stores",
    expected="at most 4 GiB declared, or at most 1000 times what is stored; something stored above 64 MiB",
    fix="write the dataset in its true size; a matrix of mostly zeros belongs in CSR encoding",
    unsafe=True,
)
FILTER = declare(
    "H5-006",
    "error",
    "HDF5 filter that is not allowed",
    expected="gzip, lzf, zstd or blosc, shuffle, fletcher32, szip, nbit, scale-offset, or no compression",
    fix='write the file again with `adata.write_h5ad(path, compression="gzip")`',
    unsafe=True,
)
UNREADABLE = declare(
    "H5-007",
    "error",
    "HDF5 file that cannot be read",
    expected="a complete HDF5 file",
    fix="check the file against its checksum at the source and upload it again; `h5ls -r` must list it without errors",
    unsafe=True,
)
TOO_MANY_OBJECTS = declare(
    "H5-008",
    "error",
    "HDF5 file with too many objects",
    expected="at most 200,000 groups and datasets",
    fix="remove what is not part of the dataset, then submit the file again",
    unsafe=True,
)

TOO_DEEP = declare(
    "H5-009",
    "error",
    "HDF5 groups that are nested too deeply",
    expected="at most 100 groups inside each other",
    fix="flatten what is nested (mostly in uns), or remove it, then submit the file again",
    unsafe=True,
)

# --- AnnData -----------------------------------------------------------------------------------------------------

SPARSE_BROKEN = declare(
    "AD-001",
    "error",
    "a sparse matrix contradicts itself",
    expected="indptr from 0 to the number of values, never falling; each gene at most once a cell",
    fix="rebuild the matrix (`scipy.sparse.csr_matrix(matrix).sum_duplicates()`) and write the file again",
)
SHAPES_DISAGREE = declare(
    "AD-002",
    "error",
    "parts of the file disagree in shape",
    expected="one row for each cell of obs and one column for each gene of var",
    fix="subset the whole AnnData object, never one of its parts, and write the file again",
)
DUPLICATE_NAMES = declare(
    "AD-003",
    "error",
    "names that occur more than once",
    expected="every cell and every gene has a name of its own",
    fix="make them unique, for instance by a prefix for the library",
    source=CXG,
)
NOT_COUNTS = declare(
    "AD-004",
    "error",
    "raw counts that are no counts",
    expected="whole numbers, zero or above",
    fix="put the raw counts of molecules or reads into raw.X (or into X where there is no raw)",
    source=CXG,
)
RAW_MISSING = declare(
    "AD-005",
    "error",
    "no matrix of raw counts",
    expected="raw counts in raw.X, or in X",
    fix="add the raw counts as raw.X and write the file again",
    source=CXG,
)
EMPTY_CELLS = declare(
    "AD-006",
    "error",
    "cells without a single count",
    expected="at least one count in each cell",
    fix="remove empty cells and write the file again",
    source=CXG,
)
COUNT_TOO_LARGE = declare(
    "AD-007",
    "error",
    "a count that float32 cannot hold exactly",
    expected="counts up to 16,777,216",
    fix="check the counts; a single molecule count of this size is not plausible",
)
COLUMN_UNREADABLE = declare(
    "AD-008",
    "error",
    "a column that cannot be read as one kind of value",
    expected="one kind of value a column: text, numbers, true/false or categories whose codes are in range",
    fix="mend or drop the column (`adata.obs[column].astype(...)`) and write the file again",
    source=CXG,
)
NOT_ANNDATA = declare(
    "AD-009",
    "error",
    "HDF5, but no AnnData",
    expected="the tables obs and var and a matrix X or raw/X, as `adata.write_h5ad` writes them",
    fix="read the data into an AnnData object and write it with `adata.write_h5ad`",
)
ENCODING = declare(
    "AD-010",
    "error",
    "matrix encoding that is not supported",
    expected="a dense matrix of numbers, CSR or CSC",
    fix="`adata.X = scipy.sparse.csr_matrix(adata.X)`, the same for raw.X, then write the file again",
    source=CXG,
)
EXPLICIT_ZEROS = declare(
    "AD-011",
    "warning",
    "zeros stored as if they were counts",
    expected="a sparse matrix stores what is not zero",
    fix="nothing needs to be done: they are left out; `matrix.eliminate_zeros()` avoids them",
)
UNSORTED = declare(
    "AD-012",
    "warning",
    "genes of a cell are not in order",
    expected="column numbers that rise within each row",
    fix="nothing needs to be done: they are put in order; `matrix.sort_indices()` avoids it",
)
OLD_ENCODING = declare(
    "AD-013",
    "warning",
    "written by an old version of anndata",
    expected="encoding-type 'anndata', encoding-version '0.1.0' at the root",
    fix="read the file and write it again with anndata 0.8 or newer",
    source=CXG,
)
GENE_IDS = declare(
    "AD-014",
    "error",
    "gene ids that are not of this organism",
    expected="Ensembl gene ids without version of the dataset's organism, or ERCC or SARS-CoV-2 ids",
    fix="use Ensembl ids as the index of var (or a column `gene_ids`), and check the organism",
    source=CXG,
)
IDENTICAL_CELLS = declare(
    "AD-015",
    "error",
    "cells with identical counts",
    expected="no two cells with the same counts",
    fix="check whether a library was merged twice; remove the copies",
    source=CXG,
)
PART_NAME = declare(
    "AD-016",
    "error",
    "a name that cannot be kept",
    expected="names that start with a letter and go on with letters, digits, '_', '.', '-'",
    fix="rename it and write the file again",
    source=CXG,
)
LEFT_BEHIND = declare(
    "AD-017",
    "info",
    "parts that a SOMA cannot carry",
    expected="counts, layers, embeddings and graphs as numbers; numbers, texts and lists of them in uns",
    fix="nothing needs to be done; they are kept as they are, in an HDF5 file (`rest.h5`) beside the converted dataset",
)
FEWER_GENES = declare(
    "AD-018",
    "error",
    "X has fewer genes than raw.X",
    expected="the same genes in X and raw.X",
    fix="keep all genes in X, zero where they were left out, and mark those by var['feature_is_filtered']",
    source=CXG,
)

NOT_COUNTED = declare(
    "AD-019",
    "warning",
    "values that are no counts, of an assay that need not have any",
    expected="whole numbers, zero or above",
    fix="nothing needs to be done: chromatin and methylation assays are kept as they are",
    source=CXG,
)
LAYER_NOT_FINITE = declare(
    "AD-020",
    "warning",
    "a layer holds values that are no numbers",
    expected="numbers that are neither NaN nor infinite in X and the layers",
    fix="look how the layer was computed: a division by the total of a cell without counts gives NaN",
)

# --- metadata of cells -------------------------------------------------------------------------------------------

COLUMN_MISSING = declare(
    "OBS-001",
    "error",
    "a column that every dataset needs is missing",
    expected="the column in obs, or one value for all cells in the submission's metadata",
    fix="add the column to obs, or give the value as a constant of the asset or through its sample",
    source=CXG,
)
COLUMN_FILLED = declare(
    "OBS-002",
    "warning",
    "a column is missing and was filled",
    expected="the column in obs, or one value for all cells in the submission's metadata",
    fix="add the column to obs, or give the value as a constant of the asset",
    source=CXG,
)
TERM_UNKNOWN = declare(
    "OBS-003",
    "error",
    "an ontology term that does not exist",
    expected="a term id of the pinned ontology releases",
    fix="look the term up (for instance in the EBI Ontology Lookup Service) and give its id, not its label",
    source=CXG,
)
TERM_DEPRECATED = declare(
    "OBS-004",
    "error",
    "an ontology term that is obsolete",
    expected="a term that is in use in the pinned ontology releases",
    fix="give the term that replaces it",
    source=CXG,
)
TERM_NOT_ALLOWED = declare(
    "OBS-005",
    "error",
    "a value that this column does not admit",
    expected="a value that the schema admits for this column",
    fix="give a value that the schema admits",
    source=CXG,
)
TERMS_UNORDERED = declare(
    "OBS-006",
    "error",
    "several terms in one value, wrongly joined",
    expected="terms in ascending order, none twice, joined by ' || '",
    fix="join the sorted terms by ' || '",
    source=CXG,
)
VALUES_MISSING = declare(
    "OBS-007",
    "error",
    "cells without a value",
    expected="a value for every cell",
    fix="fill the gaps; use 'unknown' where the schema admits it",
    source=CXG,
)
CONTRADICTION = declare(
    "OBS-008",
    "warning",
    "the file contradicts the submission's metadata",
    expected="the same value in the file and in the metadata",
    fix="mend the one that is wrong; the file's value is used",
)
ORGANISM = declare(
    "OBS-009",
    "error",
    "the organism is not known",
    expected="one organism of the CELLxGENE schema as uns['organism_ontology_term_id']",
    fix="add uns['organism_ontology_term_id'] (for instance NCBITaxon:9606), or give it with the sample",
    source=CXG,
)
COLUMN_TYPE = declare(
    "OBS-010",
    "error",
    "a column of the wrong type",
    expected="text (is_primary_data: true/false)",
    fix="convert the column (`astype(str).astype('category')`, or `astype(bool)`) and write the file again",
    source=CXG,
)
LABEL_REPLACED = declare(
    "OBS-011",
    "warning",
    "a label differs from the ontology's",
    expected="the label of the term in the pinned ontology releases",
    fix="nothing needs to be done: the ontology's label is used; check that the term id is the one you mean",
    source=CXG,
)
SUSPENSION_UNUSUAL = declare(
    "OBS-012",
    "error",
    "a suspension type that does not fit the assay",
    expected="the suspension type that the schema lists for the assay",
    fix="correct suspension_type or assay_ontology_term_id",
    source=CXG,
)
NAME_RESERVED = declare(
    "OBS-013",
    "warning",
    "a column name that the open format needs for itself",
    expected="no column named obs_id or var_id, and none that starts with 'soma_' or '__'",
    fix="rename the column; it is kept as `submitted_<name>`",
)

CATEGORY_UNUSED = declare(
    "OBS-014",
    "warning",
    "categories that no row has",
    expected="categories that occur",
    fix="nothing needs to be done: they are left out; `cat.remove_unused_categories()` avoids it",
    source=CXG,
)

# --- the SOMA ----------------------------------------------------------------------------------------------------

PRECISION = declare(
    "SOMA-001",
    "warning",
    "a layer of more than 64 bits a value",
    expected="layers of whole numbers or of floating-point numbers of up to 64 bits",
    fix="nothing needs to be done: the layer is kept as float64; the submitted file has the exact values",
)
NO_SCENE = declare(
    "SOMA-003",
    "info",
    "a spatial dataset without a scene",
    expected="one section: uns['spatial'] with at most one library, and two columns of numbers in obsm['spatial']",
    fix="nothing needs to be done: positions and images are kept as they are; a dataset for each section gets a scene",
)
READ_BACK = declare(
    "SOMA-002",
    "error",
    "what was written reads back differently",
    expected="every value as it was in the submitted file",
    fix="convert again; if it happens again, report it with the file: nothing was published",
)
