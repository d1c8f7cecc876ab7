"""The catalogue's tables, each column declared once: `index` writes them, `query`, Croissant and pages read them.

Columns of a term field come in pairs: `tissue_ontology_term_id` (ids) and `tissue` (their labels, in the same order).
"""

from __future__ import annotations

import pyarrow as pa

# fields of cross-modality metadata 1.1.0 whose values are ontology terms, and those that a sample itself has
TERM_FIELDS = ("organism", "tissue", "disease", "assay", "cell_type", "development_stage", "sex")
SAMPLE_FIELDS = ("organism", "tissue", "disease", "development_stage", "sex")

# counts that have a column of their own; every count of a dataset is in `counts` (JSON)
COUNTED = ("cells", "genes", "images", "spectra", "proteins")

TEXT = pa.string()
TEXTS = pa.list_(pa.string())


def id_column(field: str) -> str:
    """Return the name of the column that holds a field's term ids."""
    return f"{field}_ontology_term_id"


def term_columns(fields: tuple[str, ...]) -> list[tuple[str, pa.DataType]]:
    """Return the pair of columns of each term field."""
    return [column for field in fields for column in ((id_column(field), TEXTS), (field, TEXTS))]


STUDIES = pa.schema(
    [
        ("study_id", TEXT),
        ("title", TEXT),
        ("description", TEXT),
        ("licence", TEXT),
        ("doi", TEXT),
        ("version", TEXT),
        ("publication_doi", TEXT),
        ("related_dois", TEXTS),
        ("collection", TEXT),
        ("funders", TEXTS),
        ("usage", TEXT),  # what the data must not or should not be used for
        ("limitations", TEXTS),
        ("has_embargoed_parts", pa.bool_()),
        ("elsewhere", TEXTS),  # data in other archives, named by the description
        ("elsewhere_identifiers", TEXTS),  # aligned with elsewhere; empty text where none is given
        ("keywords", TEXTS),
        ("contributors", TEXTS),
        ("contributor_orcids", TEXTS),  # aligned with contributors; empty text where none is known
        ("submissions", TEXTS),
        ("modalities", TEXTS),
        ("declared_modalities", TEXTS),  # that the description speaks of, arrived or not
        ("n_datasets", pa.int64()),
        ("n_raw", pa.int64()),
        ("n_samples", pa.int64()),
        ("n_declared_files", pa.int64()),
        ("n_awaited_files", pa.int64()),
        ("organism", TEXTS),
        ("tissue", TEXTS),
        ("disease", TEXTS),
        ("assay", TEXTS),
        ("findings", TEXTS),
    ]
)

DATASETS = pa.schema(
    [
        ("dataset_id", TEXT),
        ("study_id", TEXT),
        ("submission", TEXT),
        ("asset", TEXT),
        ("modality", TEXT),
        ("stage", TEXT),
        ("in_census", pa.bool_()),
        ("title", TEXT),
        ("source_format", TEXT),
        ("format", TEXT),
        ("analyte", TEXT),
        ("analytes", TEXTS),
        ("proteins", TEXTS),  # that the images of a set show, by name or gene
        ("feature_set", TEXT),  # which genes or proteins were measured: `features`
        *((f"n_{what}", pa.int64()) for what in COUNTED),
        ("counts", TEXT),
        *term_columns(TERM_FIELDS),
        ("tissue_type", TEXTS),
        ("sample_ids", TEXTS),
        ("n_errors", pa.int64()),
        ("n_warnings", pa.int64()),
        ("n_infos", pa.int64()),
        ("held_at", TEXT),
        ("held_reasons", TEXTS),
        ("left_out_reasons", TEXTS),  # why the census goes without a dataset that is through
        ("path", TEXT),
        ("thumbnail", TEXT),
        ("bytes", pa.int64()),
        ("logical_digest", TEXT),
        ("reader", TEXT),
        ("reader_version", TEXT),
        ("instrument", TEXT),
        ("metrics", TEXT),
    ]
)

SAMPLES = pa.schema(
    [
        ("sample_id", TEXT),
        ("aliases", TEXTS),  # accessions that the same sample has in further submissions of its study
        ("submitter_id", TEXT),
        ("study_id", TEXT),
        ("submissions", TEXTS),
        ("dataset_ids", TEXTS),
        ("modalities", TEXTS),
        *term_columns(SAMPLE_FIELDS),
        ("tissue_type", TEXT),
        ("donor_id", TEXT),
        ("extra", TEXT),
    ]
)

# what may be known of an image of a set
IMAGE_FACTS = ("protein", "gene", "antibody", "treatment", "cell_line", "plate", "well", "region", "field")

IMAGES = pa.schema(
    [
        ("image_id", TEXT),
        ("dataset_id", TEXT),
        ("study_id", TEXT),
        ("name", TEXT),
        *((fact, TEXT) for fact in IMAGE_FACTS),
        ("channels", TEXTS),
        ("shape", pa.list_(pa.int64())),  # t, c, z, y, x
        ("dtype", TEXT),
        ("path", TEXT),
        ("pixel_digest", TEXT),
        ("source_files", TEXTS),  # in the submitted archive, with their checksums in the same order
        ("source_sha256", TEXTS),
    ]
)

# genes and proteins by name: a row for each feature of each set; datasets that measure the same share a set
FEATURES = pa.schema(
    [
        ("feature_set", TEXT),
        ("kind", TEXT),  # gene or protein
        ("feature_id", TEXT),  # Ensembl gene, UniProt accession
        (
            "gene",
            TEXT,
        ),  # symbol, or the name of the protein; in a row with an id where they belong together for certain
    ]
)

FILES = pa.schema(
    [
        ("path", TEXT),
        ("bytes", pa.int64()),
        ("sha256", TEXT),
        ("dataset_id", TEXT),
        ("submission", TEXT),
        ("kind", TEXT),
    ]
)

# files as descriptions list them, with what has become of each
DECLARED = pa.schema(
    [
        ("declared_id", TEXT),  # study/name
        ("study_id", TEXT),
        ("submission", TEXT),
        ("name", TEXT),
        ("title", TEXT),
        ("description", TEXT),
        ("media_type", TEXT),
        ("bytes", pa.int64()),
        ("md5", TEXT),
        ("sha256", TEXT),
        ("status", TEXT),
    ]
)

TERMS = pa.schema(
    [
        ("term_id", TEXT),
        ("label", TEXT),
        ("ontology", TEXT),
        ("ancestors", TEXTS),
        ("synonyms", TEXTS),
        ("fields", TEXTS),  # where this term, or one below it, is used
    ]
)

TABLES: dict[str, pa.Schema] = {
    "studies": STUDIES,
    "datasets": DATASETS,
    "samples": SAMPLES,
    "images": IMAGES,
    "files": FILES,
    "declared": DECLARED,
    "terms": TERMS,
    "features": FEATURES,
}

# the column that names a row of each table
KEYS = {
    "studies": "study_id",
    "datasets": "dataset_id",
    "samples": "sample_id",
    "images": "image_id",
    "files": "path",
    "declared": "declared_id",
    "terms": "term_id",
}
