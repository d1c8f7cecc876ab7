"""Every record of an asset that one step writes and another reads, in its current shape.

Those of submissions stand in `submission_records.py`, those of a census and a release in `build_records.py`.

Records are frozen and refuse unknown keys; a later stage is a new type, never a half-filled one. A record carries
`schema_version` (raised with a migration in `migrations/`), `made_by` (step, versions, digests of what went in) and,
apart from these, `times`, which no key and no comparison reads.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

ACCESSION_PATTERN = r"CAT[0-9]{8}[A-Z](\.v[0-9]+)?"
ASSET_ID_PATTERN = r"[a-z0-9][a-z0-9-]*"

Accession = Annotated[str, StringConstraints(pattern=f"^{ACCESSION_PATTERN}$")]
AssetId = Annotated[str, StringConstraints(pattern=f"^{ASSET_ID_PATTERN}$", max_length=80)]
ModalityName = Literal["imaging", "massspec", "singlecell"]
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
MODALITY_NAMES: tuple[ModalityName, ...] = ("imaging", "massspec", "singlecell")
MODALITY_WORDS: dict[str, str] = {
    "imaging": "imaging",
    "massspec": "mass spectrometry",
    "singlecell": "single-cell",
}
# QC plots of a dataset: a file beside its last record, and among its derived files
PLOTS = "qc.svg"
Level = Literal["error", "warning", "info"]
StoreKind = Literal["soma", "ome-zarr", "mzml", "h5ad"]
Stage = Literal["raw", "validated", "standardised"]


class Shape(BaseModel):
    """Base of everything that is kept as JSON: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


def is_blank(value: object) -> bool:
    """Tell whether a field says nothing: records that were kept before it was declared are saved as they were."""
    return not value


class Finding(Shape):
    """One thing wrong with an asset. Data, never an exception. Codes are stable; see `docs/findings.md`."""

    code: str
    level: Level
    where: str
    found: str
    expected: str
    fix: str
    count: int = 1


class StoredFile(Shape):
    """One file of a store or release: path relative to its root, with `/`."""

    path: str
    bytes: int
    sha256: Sha256


# --- what was sent -----------------------------------------------------------------------------------------------


class SourceFile(Shape):
    """One submitted file as received.

    `path` is relative to the submission's inbox folder (`raw/...`) or absolute where the upload was referenced, not
    copied. `name` is the submitter's own name, relative to the upload: it is shown (escaped), never opened.
    """

    path: str
    name: str
    bytes: int
    sha256: Sha256


class Sample(Shape):
    """Biological material, in terms of cross-modality metadata 1.1.0. `id` is the submitter's, unique in its study."""

    id: str
    accession: str
    organism_ontology_term_id: str = "unknown"
    tissue_ontology_term_id: str = "unknown"
    tissue_type: str = "unknown"
    disease_ontology_term_id: str = "unknown"
    development_stage_ontology_term_id: str = "unknown"
    sex_ontology_term_id: str = "unknown"
    donor_id: str = "unknown"
    extra: dict[str, str] = {}


class SubmittedRun(Shape):
    """What a submission says of one of its runs: of what a table that was made of several runs has to be joined to.

    `file` is the run's file as listed; `samples` are the submitter's ids. Nothing is said where a field is empty.
    """

    file: str
    assay: str = ""
    samples: tuple[str, ...] = ()
    fraction: str = ""
    biological_replicate: str = ""
    technical_replicate: str = ""


class ColumnRecipe(Shape):
    """Where a schema column comes from: one value for all cells (`constant`), or a column of the author's (`column`).

    Of the author's values `pattern` (a regular expression with one group) takes a part; `values` says what each becomes
    (empty: as it is). They may come from a table of the upload: its column `key` names the author's value, its column
    `value` what it becomes; `receive` reads it into `values`. The column `index` is the names of the cells.
    """

    constant: str = ""
    column: str = ""
    pattern: str = ""
    values: dict[str, str] = {}
    table: str = ""
    key: str = ""
    value: str = ""


class Curation(Shape):
    """A recipe that makes an author's file fit the schema.

    raw_counts
        where the raw counts are: `X`, `raw` or `layers/<name>`; empty where they are where the schema has them.
    gene_ids, gene_values
        the column of var that holds Ensembl ids, with or without version (`index`: the names of the rows; empty: left
        as they are); and the id of single names, where the column does not say it.
    gene_symbols
        the column of var that holds gene names of the pinned annotation, where no column holds ids.
    feature_is_filtered
        the column of var that marks genes which were filtered out of X, or `false` where none was. Where there is but
        one matrix no gene can be, and nothing needs to be said.
    """

    columns: dict[str, ColumnRecipe] = {}
    raw_counts: str = ""
    gene_ids: str = ""
    gene_values: dict[str, str] = {}
    gene_symbols: str = ""
    feature_is_filtered: str = ""


class Suggestion(Shape):
    """The draft of a recipe, drawn from what a file has; `remarks` say what only a person can."""

    curation: Curation
    remarks: tuple[str, ...] = ()


class Asset(Shape):
    """One measurement of a submission; all that `admit` reads. Holds no time: received again it is byte-identical.

    `constants` are values of schema columns that the submission gives for every row of the asset;
    `annotations` is file-level metadata (SDRF row, channel names). `assay_ontology_term_id` is an EFO term.

    `runs` are the runs of the submission, where the asset is a table that was made of such.

    Where the asset is a folder, `folder` is the submitter's name of it and `files` are all files below it, sorted by
    name. Else the first file is the asset, and others are what lay beside it and belongs to it.
    """

    schema_version: Literal[1] = 1
    accession: Accession
    modality: ModalityName
    asset: AssetId
    dataset: str
    format: str
    files: tuple[SourceFile, ...]
    samples: tuple[Sample, ...] = ()
    assay_ontology_term_id: str = "unknown"
    constants: dict[str, str | bool] = {}
    annotations: dict[str, str] = {}
    findings: tuple[Finding, ...] = ()
    # left out where there is none: an asset of one file is kept as it was before there were folders
    folder: str = Field("", exclude_if=lambda folder: not folder)
    curation: Curation | None = Field(None, exclude_if=lambda curation: curation is None)
    runs: tuple[SubmittedRun, ...] = Field((), exclude_if=is_blank)

    @property
    def name(self) -> str:
        """What the asset is shown as: the submitter's name of its folder or file, its id where nothing was sent."""
        return self.folder or (self.files[0].name if self.files else self.asset)

    def file(self, inner: str) -> SourceFile | None:
        """Return the file of a name (in any case) inside the asset's folder, or beside its first file; else None."""
        start = self.folder or str(PurePosixPath(self.name).parent)
        path = PurePosixPath(start, inner)
        return next((file for file in self.files if file.name.lower() == str(path).lower()), None)


# --- how a record was made ---------------------------------------------------------------------------------------


class MadeBy(Shape):
    """The stamp from which keys and provenance are drawn."""

    step: str
    step_version: int
    catchment: str
    inputs: dict[str, str]
    settings: JsonValue = None


class Times(Shape):
    """When and how long; no key or comparison reads it."""

    started_at: str
    seconds: float


class Record(Shape):
    """Base of what steps write."""

    schema_version: Literal[1] = 1
    made_by: MadeBy
    times: Times


# --- per asset ---------------------------------------------------------------------------------------------------


class Description(Shape):
    """What an asset's headers say, read without loading the data.

    `axes` names the axes of `shape` in order (`obs,var`, `t,c,z,y,x`, `spectrum`); `units` maps an axis or quantity
    to its unit.
    """

    format: str
    reader: str
    reader_version: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    units: dict[str, str] = {}
    instrument: str | None = None
    facts: dict[str, JsonValue] = {}


class Unreadable(Shape):
    """Why an asset cannot be described or converted at all; at least one finding is an error."""

    findings: tuple[Finding, ...]


class Preparation(Shape):
    """What `prepare` made of an asset: the asset to go on with (the same where nothing was to do), and what to tell."""

    asset: Asset
    findings: tuple[Finding, ...] = ()


class Prepared(Shape):
    """What `admit` kept for later steps, in the folder `store` of its content key.

    `path` is the file to read in place of those that were submitted, and a product of its own (a labelled H5AD); None
    where the submitted files are read.
    """

    store: str
    path: str | None
    files: tuple[StoredFile, ...]


class Resources(Shape):
    """What the steps to come need at most: peak memory in MB, CPU time in seconds, independent pieces."""

    memory_mb: int
    seconds: int
    pieces: int


class Admission(Shape):
    """What `validate` learnt: every fault in one pass, and statistics for later steps.

    `side_cars`: small files for later steps by name, each drawn up when it is asked for; an empty one is none.
    """

    findings: tuple[Finding, ...]
    statistics: dict[str, JsonValue] = {}
    side_cars: dict[str, Callable[[], bytes]] = {}


class Product(Shape):
    """What a modality wrote into a place: `path` is the store itself, `side_cars` name -> small file beside it.

    `logical_digest` identifies the content whatever the bytes (SOMA: ordered values of every array; else of the bytes).
    """

    kind: StoreKind
    path: str
    logical_digest: Sha256
    side_cars: dict[str, str] = {}
    findings: tuple[Finding, ...] = ()
    facts: dict[str, JsonValue] = {}


class Derived(Shape):
    """What `normalise` wrote: a view (recipe and its side-cars), never a changed archival dataset."""

    recipe: dict[str, JsonValue]
    side_cars: dict[str, str] = {}


Metrics = dict[str, float | int | str | list[float] | None]


class Dataset(Shape):
    """An asset in its open format. `store` is the folder of its content key, relative to the build folder."""

    accession: Accession
    modality: ModalityName
    asset: AssetId
    dataset: str
    store: str
    product: Product
    files: tuple[StoredFile, ...]
    metrics: Metrics


class Measurement(Shape):
    """One row of the census's table over every modality: a matrix, an image channel, an acquisition level of a run."""

    id: str
    kind: str
    label: str
    analyte: str
    count: int
    unit: str


class Contribution(Shape):
    """What census and catalogue take from a dataset.

    `terms`: cross-modality field (`tissue_ontology_term_id`, ...) -> distinct term ids, sorted.
    `counts`: what there is to count (`cells`, `genes`, `images`, `spectra`).
    """

    modality: ModalityName
    title: str
    analyte: str
    terms: dict[str, tuple[str, ...]]
    counts: dict[str, int]
    measurements: tuple[Measurement, ...]


class Admitted(Record):
    """`admit.json` of an asset that may go on."""

    outcome: Literal["done"] = "done"
    asset: Asset
    description: Description
    statistics: dict[str, JsonValue]
    estimate: Resources
    findings: tuple[Finding, ...]
    prepared: Prepared | None = Field(None, exclude_if=lambda prepared: prepared is None)


class Converted(Record):
    """`convert.json`: the archival dataset, read back and measured."""

    outcome: Literal["done"] = "done"
    asset: Asset
    description: Description
    dataset: Dataset
    findings: tuple[Finding, ...]
    prepared: Prepared | None = Field(None, exclude_if=lambda prepared: prepared is None)


class Normalised(Record):
    """`normalise.json`: the derived view, and what census and catalogue take. `publish_bytes` as in `Held`."""

    outcome: Literal["done"] = "done"
    asset: Asset
    description: Description
    dataset: Dataset
    derived: Derived
    derived_store: str
    derived_files: tuple[StoredFile, ...]
    contribution: Contribution
    findings: tuple[Finding, ...]
    publish_bytes: bool
    prepared: Prepared | None = Field(None, exclude_if=lambda prepared: prepared is None)


class Held(Record):
    """What a step writes for an asset that does not go on; every later step passes it through.

    `publish_bytes` is False where container or security rules failed: such bytes never reach a release.
    """

    outcome: Literal["held"] = "held"
    held_at: str
    asset: Asset
    findings: tuple[Finding, ...]
    publish_bytes: bool


AssetRecord = Admitted | Converted | Normalised | Held
