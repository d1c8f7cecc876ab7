"""What is different between two releases, and why, as far as the newer one's catalogue says. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from catchment.release.published import DATASET_COLUMNS, STUDY_COLUMNS, Published, Row, Table
from catchment.schema.records import StoredFile

SUMMED = ("cells", "images", "spectra")
PART = re.compile(r"(?P<accession>.+?)(?:\.v(?P<revision>\d+))?\.(?P<part>D\d+)")
# said by the stage, or what explains it
TOLD_BY_STAGE = {"in_census", "held_at", "held_reasons", "left_out_reasons"}
CONVERTED_ANEW = "what was sent is the same; it was converted by another version, or with other settings"


@dataclass(frozen=True)
class Change:
    """One study or dataset that came, went, or has another value in one field."""

    of: Literal["study", "dataset"]
    id: str
    change: Literal["added", "removed", "changed"]
    field: str
    before: Any
    after: Any
    why: str


@dataclass(frozen=True)
class Count:
    """How many there are of something, before and after; None where a release does not say."""

    what: str
    before: int | None
    after: int | None


@dataclass(frozen=True)
class FolderChange:
    """What became of the files below a folder; `changed`: those with another sha256 under the same path."""

    folder: str
    added: int
    removed: int
    changed: int
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True)
class Difference:
    """All that tells two releases apart; `before` and `after` are their versions."""

    before: str
    after: str
    counts: tuple[Count, ...]
    changes: tuple[Change, ...]
    files: tuple[FolderChange, ...]


def difference(before: Published, after: Published) -> Difference:
    """Return what was added, changed and removed from one release to another, each in order of its id."""
    return Difference(
        before.release,
        after.release,
        counts=tuple(count_changes(before, after)),
        changes=(*study_changes(before, after), *dataset_changes(before, after)),
        files=tuple(file_changes(before.files, after.files)),
    )


# --- studies and datasets ----------------------------------------------------------------------------------------


def study_changes(before: Published, after: Published) -> Iterator[Change]:
    """Yield what became of each study; nothing where one of the releases has no table of them."""
    if before.studies is None or after.studies is None:
        return
    for id_, old, new in paired(before.studies, after.studies):
        if old is None and new is not None:
            yield Change("study", id_, "added", "", None, new.get("title"), "")
        elif old is not None and new is None:
            yield Change("study", id_, "removed", "", old.get("title"), None, why_study_left(old, after.studies))
        elif old is not None and new is not None:
            for field in shared(STUDY_COLUMNS, before.studies, after.studies):
                if old[field] != new[field]:
                    yield Change("study", id_, "changed", field, old[field], new[field], "")


def dataset_changes(before: Published, after: Published) -> Iterator[Change]:
    """Yield what became of each dataset; of one that is held now, or was before, only its stage."""
    fields = shared(DATASET_COLUMNS, before.datasets, after.datasets)
    for id_, old, new in paired(before.datasets, after.datasets):
        if old is None and new is not None:
            yield Change("dataset", id_, "added", "stage", None, new.get("stage"), why_stage({}, new))
        elif old is not None and new is None:
            yield Change("dataset", id_, "removed", "stage", old.get("stage"), None, why_left(id_, old, after))
        elif old is not None and new is not None:
            moved = old.get("stage") != new.get("stage")
            if moved:
                yield Change(
                    "dataset", id_, "changed", "stage", old.get("stage"), new.get("stage"), why_stage(old, new)
                )
            if moved and "raw" in (old.get("stage"), new.get("stage")):
                continue
            for field in fields:
                if old[field] == new[field] or field == "stage" or (moved and field in TOLD_BY_STAGE):
                    continue
                why = CONVERTED_ANEW if field == "logical_digest" else ""
                yield Change("dataset", id_, "changed", field, old[field], new[field], why)


def paired(before: Table, after: Table) -> Iterator[tuple[str, Row | None, Row | None]]:
    """Yield each id with its row in either table, in order."""
    for id_ in sorted({*before.rows, *after.rows}):
        yield id_, before.rows.get(id_), after.rows.get(id_)


def shared(wanted: Iterable[str], before: Table, after: Table) -> list[str]:
    """Return the columns that both tables have: what a version did not write yet did not change."""
    return [column for column in wanted if column in before.columns and column in after.columns]


def why_stage(old: Row, new: Row) -> str:
    """Return why a dataset is held, or why the census goes without it; nothing for one that came further."""
    if new.get("stage") == "raw":
        return f"held at {new.get('held_at') or 'an unknown step'}: {'; '.join(new.get('held_reasons') or ())}"
    if old.get("stage") == "standardised" and new.get("stage") == "validated":
        return f"the census goes without it: {'; '.join(new.get('left_out_reasons') or ())}"
    return ""


def why_left(dataset: str, old: Row, after: Published) -> str:
    """Return why a dataset has no row any more, as far as the newer catalogue tells."""
    successor = later_revision(dataset, after.datasets.rows)
    if successor is not None:
        return f"revised: {successor} stands for it"
    if after.studies is None or old.get("submission") is None:
        return ""
    sent = {accession for study in after.studies.rows.values() for accession in study.get("submissions") or ()}
    there = "is in this release without it" if old["submission"] in sent else "is not in this release"
    return f"its submission {old['submission']} {there}"


def why_study_left(old: Row, after: Table) -> str:
    """Return where the submissions of a study went."""
    own = old.get("submissions") or ()
    others = [id_ for id_, row in after.rows.items() if set(own) & set(row.get("submissions") or ())]
    if others:
        return f"its submissions belong to {', '.join(sorted(others))} now"
    return f"none of its submissions ({', '.join(own)}) is in this release" if own else ""


def later_revision(dataset: str, known: Iterable[str]) -> str | None:
    """Return the latest revision of a dataset that is known and later than it; None without one."""
    own = PART.fullmatch(dataset)
    if own is None:
        return None
    found = (PART.fullmatch(name) for name in known)
    later = [
        (int(other["revision"] or 1), other[0])
        for other in found
        if other and (other["accession"], other["part"]) == (own["accession"], own["part"])
    ]
    revision, name = max(later, default=(0, ""))
    return name if revision > int(own["revision"] or 1) else None


# --- counts and files --------------------------------------------------------------------------------------------


def count_changes(before: Published, after: Published) -> Iterator[Count]:
    """Yield how many studies, datasets, cells, images and spectra there are, and the census's cells by organism."""

    def rows_of(table: Table | None) -> int | None:
        return None if table is None else len(table.rows)

    yield Count("studies", rows_of(before.studies), rows_of(after.studies))
    yield Count("datasets", rows_of(before.datasets), rows_of(after.datasets))
    yield Count("held datasets", count_held(before.datasets), count_held(after.datasets))
    for what in SUMMED:
        yield Count(what, summed(before.datasets, f"n_{what}"), summed(after.datasets, f"n_{what}"))
    old, new = census_cells(before.datasets), census_cells(after.datasets)
    for organism in sorted({*(old or ()), *(new or ())}):
        found = (None if cells is None else cells[organism] for cells in (old, new))
        yield Count(f"cells of datasets in the census, {organism}", *found)


def count_held(table: Table) -> int | None:
    """Return how many datasets are held; None where the table has no stages."""
    if "stage" not in table.columns:
        return None
    return sum(1 for row in table.rows.values() if row["stage"] == "raw")


def summed(table: Table, column: str) -> int | None:
    """Return the sum of a column; None where the table has none."""
    return sum(int(row[column] or 0) for row in table.rows.values()) if column in table.columns else None


def census_cells(table: Table) -> Counter[str] | None:
    """Return the cells of datasets that the census took, by organism; None where the table does not say."""
    if not {"in_census", "n_cells", "organism"} <= table.columns:
        return None
    cells: Counter[str] = Counter()
    for row in table.rows.values():
        if row["in_census"] and row["n_cells"]:
            cells[" + ".join(row["organism"] or ()) or "unknown"] += row["n_cells"]
    return cells


def file_changes(before: Mapping[str, StoredFile], after: Mapping[str, StoredFile]) -> Iterator[FolderChange]:
    """Yield each folder in which a file came, went or has other bytes, in order of its path."""
    counts: dict[str, Counter[str]] = {}
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        own = counts.setdefault(folder_of(path), Counter())
        own["bytes_before"] += old.bytes if old else 0
        own["bytes_after"] += new.bytes if new else 0
        own["added"] += old is None
        own["removed"] += new is None
        own["changed"] += old is not None and new is not None and old.sha256 != new.sha256
    for folder in sorted(counts):
        own = counts[folder]
        if own["added"] or own["removed"] or own["changed"]:
            numbers = (own[name] for name in ("added", "removed", "changed", "bytes_before", "bytes_after"))
            yield FolderChange(folder, *numbers)


def folder_of(path: str) -> str:
    """Return the folder that a file is counted in: at most two levels deep, `.` for the release itself."""
    return "/".join(path.split("/")[:-1][:2]) or "."
