"""What a submission says of its runs, for the tables that were made of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from catchment.schema.records import ModalityName, SubmittedRun
from catchment.submission.draft import Draft
from catchment.submission.sdrf import MULTIPLEX, NOT_GIVEN

FIELDS = {
    "assay": "assay name",
    "fraction": "comment[fraction identifier]",
    "biological_replicate": "characteristics[biological replicate]",
    "technical_replicate": "comment[technical replicate]",
}


def runs_of_rows(rows: Mapping[str, Mapping[str, str]]) -> tuple[SubmittedRun, ...]:
    """Return the runs of an SDRF, by its rows for each data file; what rows of a multiplex differ in is left out."""
    return tuple(
        SubmittedRun(
            file=file,
            samples=tuple(row.get("source name", "").split(MULTIPLEX)),
            **{field: plain(row.get(column, "")) for field, column in FIELDS.items()},
        )
        for file, row in rows.items()
    )


def plain(value: str) -> str:
    """Return a value where there is one, and only one."""
    return "" if MULTIPLEX in value or value.lower() in NOT_GIVEN else value


def submitted_runs(draft: Draft, by_name: Callable[[str], ModalityName | None]) -> tuple[SubmittedRun, ...]:
    """Return the runs of a submission: those of its SDRF, and its files that are named as runs; samples as listed."""
    listed = {asset.file: asset.samples for asset in draft.assets}
    known = [
        run.model_copy(update={"samples": listed[run.file]}) if listed.get(run.file) else run for run in draft.runs
    ]
    named = {run.file for run in known}
    others = [
        SubmittedRun(file=file, samples=samples)
        for file, samples in listed.items()
        if file not in named and by_name(file) == "massspec"
    ]
    return (*known, *others)


def samples_of(runs: Iterable[SubmittedRun]) -> tuple[str, ...]:
    """Return the ids of the samples of some runs, each once, in their order."""
    return tuple(dict.fromkeys(sample for run in runs for sample in run.samples))
