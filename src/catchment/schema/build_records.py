"""The records of a census and a release, in their current shape; those of one asset stand in `records.py`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from catchment.schema.records import Accession, Finding, ModalityName, Record, Sha256, Shape, StoredFile, is_blank

# --- the census --------------------------------------------------------------------------------------------------


class CellGroup(Shape):
    """Cells of one dataset that inclusion rules do not tell apart."""

    assay_ontology_term_id: str
    tissue_type: str
    is_primary_data: bool
    cells: int


class PlannedDataset(Shape):
    """One dataset of the plan: where its store is and, for a matrix, which rows of the census it fills.

    `left_out`: the groups of its cells that inclusion rules leave out; `rows` are those that stay.
    """

    accession: Accession
    dataset: str
    modality: ModalityName
    organism: str | None
    store: str
    path: str
    logical_digest: Sha256
    joinid: int
    first_row: int = 0
    rows: int = 0
    left_out: tuple[CellGroup, ...] = Field((), exclude_if=is_blank)


class Allotment(Shape):
    """Rows that the census gave to a dataset once, and gives to no other.

    `selection` is the digest of the groups of cells that were left out; empty where all cells are there.
    """

    dataset: str
    organism: str
    joinid: int
    first_row: int
    rows: int
    selection: str
    logical_digest: Sha256


class EarlierGenes(Shape):
    """The table of an earlier release that says which gene has which id; its path is relative to the build folder."""

    path: str
    sha256: Sha256


class Plan(Shape):
    """Which datasets, which rows, which ids; what was left out, and why.

    `organisms`: census name (`homo_sapiens`) -> cells. `earlier`: rows that earlier releases allotted and this one does
    not fill (withdrawn, revised): holes. `genes`: what the ids of genes go on from. `dense`: no holes, one fragment an
    array.
    """

    datasets: tuple[PlannedDataset, ...]
    excluded: tuple[Finding, ...]
    organisms: dict[str, int]
    earlier: tuple[Allotment, ...] = Field((), exclude_if=is_blank)
    genes: EarlierGenes | None = Field(None, exclude_if=is_blank)
    dense: bool = Field(False, exclude_if=is_blank)


class Planned(Record):
    """`plan.json`. `assets`: every asset that the plan saw, through or held; the release is made of these.

    `findings`: what is to be said of datasets that the census takes all the same.
    """

    plan: Plan
    assets: tuple[str, ...]
    findings: tuple[Finding, ...] = Field((), exclude_if=is_blank)


class Census(Shape):
    """An assembled census: paths relative to its store (`soma/`, `measurements.parquet`, `ledger.parquet`).

    `genes`: which gene has which id; `exclusions`: what the census goes without, by which rule; `pieces`: which rows
    were written together, and the key that they are kept under.
    """

    soma: str
    measurements: str
    ledger: str
    logical_digest: Sha256
    cells: dict[str, int]
    genes: str = Field("", exclude_if=is_blank)
    exclusions: str = Field("", exclude_if=is_blank)
    pieces: str = Field("", exclude_if=is_blank)


class Assembled(Record):
    """`assemble.json`: the census store."""

    store: str
    files: tuple[StoredFile, ...]
    census: Census


class Verification(Shape):
    """Each claim that was checked on the assembled census -> how many things it was checked on."""

    checks: dict[str, int]


class Verified(Record):
    """`verify.json`: written only where every claim held."""

    logical_digest: Sha256
    verification: Verification


class Placement(Shape):
    """A folder of the release and the folder of the build it is linked from; both relative, files below alike."""

    path: str
    source: str
    kind: Literal["dataset", "derived", "raw", "census", "catalogue"]
    files: tuple[StoredFile, ...]


class Layout(Shape):
    """What `index` keeps in its store: rows of each table, and where every folder of the release comes from."""

    rows: dict[str, int]
    placements: tuple[Placement, ...]


class Indexed(Record):
    """`index.json`: the catalogue's tables, and the layout of the release that they describe.

    `without_assets`: submissions that describe what has not arrived.
    """

    store: str
    files: tuple[StoredFile, ...]
    rows: dict[str, int]
    placements: tuple[Placement, ...]
    without_assets: tuple[Accession, ...] = Field(default=(), exclude_if=is_blank)


class Released(Record):
    """`release.json`: what was published."""

    release: str
    path: str
    manifest_sha256: Sha256
    content_digest: Sha256
    published_at: str
    files: int
    bytes: int
    datasets: dict[str, int]
    held: tuple[str, ...]
