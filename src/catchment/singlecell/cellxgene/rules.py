"""What the CELLxGENE dataset schema asks of an H5AD, beyond what a conversion needs (CXG).

Levels are those of the schema's reference validator, cellxgene-schema 7.1.2; `readings.tsv` lists where the schema's
text is stricter (`reading: text`) and what may be waived (`reading: lenient`). `≠` marks where text and validator
differ.
"""

from __future__ import annotations

from catchment.schema.rules import declare

CXG = "CELLxGENE dataset schema 7.1.0"

# --- names and columns -------------------------------------------------------------------------------------------

NAME_RESERVED = declare(
    "CXG-001",
    "error",
    "a name that the system writes itself",
    expected="no labels and no columns that are drawn from terms and gene ids",
    fix="remove it and write the file again; the system adds it from the ids of terms and genes",
    source=f"{CXG}; a file that names its `schema_version` is migrated and labelled afresh instead",
)
NAME_DEPRECATED = declare(
    "CXG-002",
    "error",
    "a name that the schema gave up",
    expected="the names of the current schema (the organism is one text in uns)",
    fix="remove it, or move its value to the name that the schema has today",
    source=CXG,
)
NAME_UNDERSCORES = declare(
    "CXG-003",
    "error",
    "a name that starts with '__'",
    expected="no column or key that starts with two underscores",
    fix="rename it and write the file again",
    source=CXG,
)
NAME_TWICE = declare(
    "CXG-004",
    "error",
    "two columns of the same name",
    expected="each column name once in a table",
    fix="rename or drop one of them and write the file again",
    source=CXG,
)
MIXED_KINDS = declare(
    "CXG-005",
    "error",
    "a column with more than one kind of value",
    expected="one kind of value a column, missing ones only where the kind has them",
    fix="fill the gaps, or convert the column (`astype(str).astype('category')`), and write the file again",
    source=CXG,
)
NOT_CATEGORICAL = declare(
    "CXG-006",
    "error",
    "a column that must be categorical",
    expected="categories of text, none of them empty",
    fix="`adata.obs[column] = adata.obs[column].astype(str).astype('category')`, then write the file again",
    source=CXG,
)
TEXT_NOT_CATEGORIES = declare(
    "CXG-007",
    "warning",
    "text where the schema asks for categories",
    expected="a categorical column",
    fix="`adata.obs[column] = adata.obs[column].astype('category')`, then write the file again",
    source=f"{CXG} ≠: the text demands categories, the validator does not look",
)
NOTHING_BUT_NA = declare(
    "CXG-008",
    "error",
    "an optional column that says nothing",
    expected="no such column where every value is 'na'",
    fix="remove the column and write the file again",
    source=CXG,
)
CELL_LINES_MIXED = declare(
    "CXG-009",
    "error",
    "cell types of a cell line that are partly 'na'",
    expected="'na' for every cell whose tissue_type is 'cell line', or for none",
    fix="give every cell of the line a cell type, or 'na' to all of them",
    source=CXG,
)
ASSAY_UNLISTED = declare(
    "CXG-010",
    "warning",
    "an assay that the table of suspension types does not list",
    expected="an assay of the table",
    fix="check that suspension_type is the best of 'cell', 'nucleus' and 'na' for this assay",
    source=CXG,
)
CELL_TYPES_MISSING = declare(
    "CXG-011",
    "warning",
    "no cell types",
    expected="the column cell_type_ontology_term_id",
    fix="add the column; 'unknown' stands where a cell's type is not known",
    source=f"{CXG} ≠: the text demands the column, the validator accepts its absence; it is filled with 'unknown'",
)
SUBSPECIES = declare(
    "CXG-012",
    "info",
    "an organism below the species",
    expected="a species, or a taxon below one where the schema admits that",
    fix="nothing needs to be done: rules, genes and census follow the species",
    source=CXG,
)

CATEGORIES_TRUE_FALSE = declare(
    "CXG-013",
    "warning",
    "true/false as categories",
    expected="categories of text or numbers; true/false as a column of its own kind",
    fix="convert the column (`astype(bool)`, or `astype(str).astype('category')`) and write the file again",
    source=f"{CXG} ≠: the text forbids it, the validator overlooks it",
)

# --- matrices ----------------------------------------------------------------------------------------------------

X_MISSING = declare(
    "CXG-020",
    "error",
    "no matrix X",
    expected="a matrix X: normalised values beside raw.X, or the raw counts themselves",
    fix="put the normalised values (or, without raw, the counts) into X and write the file again",
    source=CXG,
)
NOT_CSR = declare(
    "CXG-021",
    "error",
    "a sparse matrix that is not CSR",
    expected="CSR, row by row",
    fix="`adata.X = adata.X.tocsr()` (the same for raw.X and layers), then write the file again",
    source=CXG,
)
MOSTLY_ZEROS = declare(
    "CXG-022",
    "error",
    "a dense matrix that is mostly zeros",
    expected="CSR where more than half of the values are zero",
    fix="`scipy.sparse.csr_matrix(matrix)`, then write the file again",
    source=f"{CXG} ≠: the text says half or more, the validator more than half",
)
RAW_TYPE = declare(
    "CXG-023",
    "error",
    "raw counts of another type than float32",
    expected="float32",
    fix="`matrix.astype('float32')` of the raw counts, then write the file again",
    source=CXG,
)
NOT_NORMALISED = declare(
    "CXG-024",
    "warning",
    "only raw counts",
    expected="normalised values in X beside the raw counts in raw.X",
    fix="nothing needs to be done; normalised values are recommended",
    source=CXG,
)
FEW_GENES = declare(
    "CXG-025",
    "warning",
    "few genes",
    expected="all genes of the annotation that were measured: 20,000 or more",
    fix="keep every gene in the matrices; mark the filtered ones by var['feature_is_filtered']",
    source=CXG,
)
GENES_ORDER = declare(
    "CXG-027",
    "error",
    "genes of X and raw.X in different orders",
    expected="the same index of var and raw.var",
    fix="bring the genes of raw.X into the order of X, then write the file again",
    source=CXG,
)
VERSION_UNKNOWN = declare(
    "CXG-028",
    "error",
    "an encoding version that is not known",
    expected="encoding-version '0.1.0' at the root",
    fix="read the file and write it again with anndata 0.8 or newer",
    source=CXG,
)
LAYER_UNFIT = declare(
    "CXG-026",
    "error",
    "a layer that is no matrix of numbers",
    expected="layers that are dense or CSR matrices of numbers",
    fix="remove the layer, or write it as a matrix",
    source=CXG,
)

# --- genes -------------------------------------------------------------------------------------------------------

GENE_UNKNOWN = declare(
    "CXG-030",
    "error",
    "gene ids that the pinned annotation does not have",
    expected="ids of GENCODE v48 (human), vM37 (mouse) or Ensembl 114, of the dataset's organism",
    fix="map retired ids to their successors, and drop what has none",
    source=CXG,
)
GENE_INDEX = declare(
    "CXG-031",
    "error",
    "gene ids that are not the index of var",
    expected="Ensembl ids as the index of var and raw.var",
    fix="`adata.var_names = adata.var[column]`, the same for raw.var, then write the file again",
    source=CXG,
)
FILTERED_MISSING = declare(
    "CXG-032",
    "error",
    "feature_is_filtered is missing or not true/false",
    expected="var['feature_is_filtered'] as true/false",
    fix="`adata.var['feature_is_filtered'] = False` where no gene was filtered from X",
    source=CXG,
)
FILTERED_WITHOUT_RAW = declare(
    "CXG-033",
    "error",
    "genes filtered from X, but no raw.X that has them",
    expected="feature_is_filtered False for every gene where there is no raw.X",
    fix="set the column to False, or add the unfiltered counts as raw.X",
    source=CXG,
)
FILTERED_OF_RAW = declare(
    "CXG-034",
    "error",
    "feature_is_filtered in raw.var",
    expected="the column in var only",
    fix="remove the column from raw.var and write the file again",
    source=CXG,
)
FILTERED_HAS_VALUES = declare(
    "CXG-035",
    "warning",
    "values in X of genes that are said to be filtered",
    expected="zeros in X for every gene whose feature_is_filtered is True",
    fix="set these values to zero, or the flag to False",
    source=f"{CXG} ≠: the text demands it, the validator warns",
)
FILTERED_UNSAID = declare(
    "CXG-036",
    "warning",
    "genes without a value in X that are not said to be filtered",
    expected="feature_is_filtered True where X has zeros only and raw.X has counts",
    fix="set the flag to True for these genes",
    source=f"{CXG} ≠: the text demands it, the validator warns",
)

# --- embeddings and other arrays ---------------------------------------------------------------------------------

EMBEDDING_MISSING = declare(
    "CXG-040",
    "error",
    "no embedding",
    expected="at least one embedding in obsm whose name starts with 'X_'",
    fix="add one (`sc.tl.umap` writes X_umap) and write the file again",
    source=CXG,
)
EMBEDDING_SHAPE = declare(
    "CXG-041",
    "error",
    "an embedding of unfit form",
    expected="an array of numbers with a row a cell and at least two columns",
    fix="write it as a two-dimensional array (`np.asarray(...)`), or remove it",
    source=CXG,
)
EMBEDDING_VALUES = declare(
    "CXG-042",
    "error",
    "an embedding with values that cannot be drawn",
    expected="no infinite values; not NaN throughout; no NaN at all in 'spatial'",
    fix="compute it again without these values, or remove it",
    source=CXG,
)
EMBEDDING_NAME = declare(
    "CXG-043",
    "error",
    "an embedding's name that the schema does not admit",
    expected="'X_' and a name of letters, digits, '_', '.', '-' that starts with a letter; never 'X_spatial'",
    fix="rename it (coordinates of spots are called 'spatial') and write the file again",
    source=CXG,
)
EMBEDDING_NOT_SHOWN = declare(
    "CXG-044",
    "warning",
    "an embedding that no viewer will show",
    expected="a name that starts with 'X_', or 'spatial'",
    fix="nothing needs to be done; rename it if it is to be seen",
    source=CXG,
)
EMBEDDING_SPATIAL = declare(
    "CXG-045",
    "error",
    "coordinates of spots where they do not belong, or none where they do",
    expected="obsm['spatial'] exactly where uns['spatial']['is_single'] is given (it is needed where that is True)",
    fix="add the coordinates, or remove them",
    source=CXG,
)
EMPTY_ARRAY = declare(
    "CXG-046",
    "error",
    "an array without a value",
    expected="no empty arrays in obsm, obsp, varm, varp",
    fix="remove it and write the file again",
    source=CXG,
)

# --- uns ---------------------------------------------------------------------------------------------------------

UNS_TEXT = declare(
    "CXG-050",
    "error",
    "a text of uns that is missing or not clean",
    expected="a text without leading, trailing or double spaces",
    fix="give the text and write the file again",
    source=CXG,
)
UNS_VALUE = declare(
    "CXG-051",
    "error",
    "a value of uns that the schema does not admit",
    expected="a value that the schema admits for this key",
    fix="mend or remove the key and write the file again",
    source=CXG,
)
UNS_EMPTY = declare(
    "CXG-052",
    "error",
    "an empty value in uns",
    expected="no empty texts, lists, arrays or dictionaries",
    fix="fill or remove the key and write the file again",
    source=CXG,
)
COLOURS = declare(
    "CXG-053",
    "error",
    "colours that do not fit",
    expected="an array of colours for a categorical column of obs: one a category, all '#rrggbb' or all CSS4 names",
    fix="mend the colours or remove the key; the column must be there and categorical",
    source=CXG,
)

# --- spatial -----------------------------------------------------------------------------------------------------

SPATIAL_ASSAYS = declare(
    "CXG-060",
    "error",
    "a spatial dataset of several assays",
    expected="one assay for all cells of a Visium or bead-based dataset",
    fix="split the dataset by assay",
    source=CXG,
)
SPATIAL_UNS = declare(
    "CXG-061",
    "error",
    "uns['spatial'] that does not fit the assay",
    expected="a dictionary for Visium and bead-based assays, none for others",
    fix="add or remove uns['spatial'] and write the file again",
    source=CXG,
)
SPATIAL_CONTENT = declare(
    "CXG-062",
    "error",
    "uns['spatial'] that is not complete",
    expected="is_single (true/false) and, for Visium with is_single True, one library with images and scalefactors",
    fix="mend uns['spatial'] and write the file again",
    source=CXG,
)
SPATIAL_IMAGE = declare(
    "CXG-063",
    "error",
    "an image of unfit form",
    expected="uint8, height x width x 3 or 4; the longer side of 'hires' 2000 pixels (4000 for the 11 mm slide)",
    fix="take the image as Space Ranger wrote it",
    source=f"{CXG}; the validator takes the longer side for exact",
)
SPATIAL_FULLRES = declare(
    "CXG-064",
    "warning",
    "no image in full resolution",
    expected="uns['spatial'][library_id]['images']['fullres']",
    fix="nothing needs to be done; the image is recommended",
    source=CXG,
)
SPATIAL_POSITIONS = declare(
    "CXG-065",
    "error",
    "positions of spots that are missing, wrong, or not allowed",
    expected="array_col, array_row, in_tissue as whole numbers within the slide, for Visium with is_single True only",
    fix="take the columns from Space Ranger's tissue_positions.csv, or remove them",
    source=CXG,
)
SPATIAL_OUTSIDE = declare(
    "CXG-066",
    "error",
    "spots outside the tissue with a cell type",
    expected="'unknown' as the cell type where in_tissue is 0",
    fix="set cell_type_ontology_term_id to 'unknown' for these spots",
    source=CXG,
)
SPATIAL_PRIMARY = declare(
    "CXG-067",
    "error",
    "several spatial sections, said to be primary data",
    expected="is_primary_data False throughout where uns['spatial']['is_single'] is False",
    fix="set is_primary_data to False; the single sections are the primary data",
    source=CXG,
)
SPATIAL_ROWS = declare(
    "CXG-068",
    "error",
    "a Visium matrix without all of its spots",
    expected="the unfiltered matrix: 4,992 rows (14,336 for the 11 mm slide)",
    fix="take the counts from raw_feature_bc_matrix",
    source=CXG,
)
SPATIAL_COUNTS = declare(
    "CXG-069",
    "error",
    "spots without counts where there must be some",
    expected="counts in every spot of the tissue, and in at least one spot outside it",
    fix="take the counts from raw_feature_bc_matrix",
    source=CXG,
)

# --- perturbations -----------------------------------------------------------------------------------------------

PERTURBATION_ENTRY = declare(
    "CXG-070",
    "error",
    "a genetic perturbation that is not described as it must be",
    expected="role, protospacer_sequence, protospacer_adjacent_motif and, if known, intended_features; nothing else",
    fix="mend the entry of uns['genetic_perturbations'] and write the file again",
    source=CXG,
)
PERTURBATION_PARTS = declare(
    "CXG-071",
    "error",
    "perturbations that are described in one place only",
    expected="uns['genetic_perturbations'], genetic_perturbation_id, genetic_perturbation_strategy: all, or none",
    fix="add what is missing, or remove the rest",
    source=CXG,
)
PERTURBATION_VALUES = declare(
    "CXG-072",
    "error",
    "perturbations of cells that contradict their description",
    expected="ids of uns['genetic_perturbations'], sorted, none twice, joined by ' || '; a strategy that fits them",
    fix="correct the column, or uns['genetic_perturbations']",
    source=CXG,
)
PERTURBATION_ORGANISM = declare(
    "CXG-073",
    "warning",
    "genetic perturbations of an organism that the schema does not foresee",
    expected="human, mouse or zebrafish",
    fix="remove the perturbation columns and uns['genetic_perturbations']",
    source=f"{CXG} ≠: the text demands it, the validator does not look",
)
PERTURBATION_NOTHING = declare(
    "CXG-074",
    "warning",
    "genetic perturbations that no cell has",
    expected="no column genetic_perturbation_id where every value is 'na'",
    fix="remove the perturbation columns and uns['genetic_perturbations']",
    source=f"{CXG} ≠: the text demands it, the validator does not look",
)

PERTURBATION_NAME = declare(
    "CXG-075",
    "warning",
    "an id of a genetic perturbation that is not well formed",
    expected="ids without white space, '/', ',' or quotes",
    fix="rename the perturbation in uns['genetic_perturbations'] and in obs",
    source=f"{CXG} ≠: the text demands it, the validator passes such entries over",
)

# --- before analysis ---------------------------------------------------------------------------------------------

BEFORE_ANALYSIS = declare(
    "CXG-090",
    "error",
    "an analysis in a dataset that comes before one",
    expected="neither cell types nor a default embedding where `pre_analysis` is set",
    fix="remove them, or submit the dataset as analysed",
    source=CXG,
)
