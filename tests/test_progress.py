"""What people see of a build is what its records say: done, held and why, failed and where to look, pending."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catchment.errors import RecordUnreadable
from catchment.progress import (
    as_rows,
    build_status,
    closing_summary,
    findings_of,
    first_fault,
    known_accessions,
    plots_of,
    seconds_spent,
)
from catchment.schema.build_records import Released
from catchment.schema.records import Admitted, Asset, Converted, Finding, Held, Normalised
from catchment.schema.rules import NAME_LIES
from catchment.schema.submission_records import Manifest
from catchment.storage import load, save

from .schema.kept import EXAMPLES

KEPT = EXAMPLES / "v1"
ASSET = load(Asset, KEPT / "asset.json")
KEY = f"{ASSET.accession}/{ASSET.modality}/{ASSET.asset}"
ERROR = NAME_LIES.broken("liver.h5ad", "an HTML page")


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    """A build folder with one asset received, nothing done yet."""
    inbox = tmp_path / "inbox"
    save(ASSET, inbox / f"{KEY}.json")
    save(load(Manifest, KEPT / "manifest.json"), inbox / ASSET.accession / "manifest.json")
    return tmp_path


def write(workdir: Path, step: str, record: Admitted | Converted | Normalised | Held) -> None:
    save(record, workdir / "work" / KEY / f"{step}.json")


def write_log(workdir: Path, step: str, text: str) -> Path:
    log = workdir / "logs" / KEY / f"{step}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(text)
    return log


def states(workdir: Path) -> tuple[str, str, str, str]:
    (status,) = build_status(workdir, workdir / "inbox")
    return status.admit, status.convert, status.normalise, status.why


def a_held(*findings: Finding) -> Held:
    return load(Held, KEPT / "held.json").model_copy(update={"findings": findings})


def test_an_asset_that_was_received_is_pending(workdir: Path) -> None:
    assert states(workdir) == ("pending", "pending", "pending", "")
    (status,) = build_status(workdir, workdir / "inbox")
    assert (status.accession, status.dataset, status.file) == (ASSET.accession, ASSET.dataset, "liver é.h5ad")


def test_a_step_with_a_record_is_done(workdir: Path) -> None:
    write(workdir, "admit", load(Admitted, KEPT / "admitted.json"))
    assert states(workdir) == ("done", "pending", "pending", "")
    write(workdir, "convert", load(Converted, KEPT / "converted.json"))
    write(workdir, "normalise", load(Normalised, KEPT / "normalised.json"))
    assert states(workdir) == ("done", "done", "done", "")


def test_a_held_asset_says_why_from_the_step_that_held_it(workdir: Path) -> None:
    for step in ("admit", "convert", "normalise"):
        write(workdir, step, a_held(ERROR, ERROR))
    assert states(workdir) == ("held", "held", "held", "FMT-001 liver.h5ad: an HTML page (+1 more)")


def test_a_step_with_a_log_and_no_record_failed_and_names_its_log(workdir: Path) -> None:
    log = write_log(workdir, "admit", "Traceback")
    assert states(workdir) == ("failed", "pending", "pending", f"see {log}")


def test_while_a_build_is_under_way_such_a_step_is_running(workdir: Path) -> None:
    write_log(workdir, "admit", "starts")
    (workdir / ".snakemake/locks").mkdir(parents=True)
    (workdir / ".snakemake/locks/0.input.lock").write_text("")
    assert states(workdir) == ("running", "pending", "pending", "")


def test_an_empty_log_is_a_step_that_has_not_begun(workdir: Path) -> None:
    write_log(workdir, "admit", "")
    assert states(workdir) == ("pending", "pending", "pending", "")


def test_a_record_that_cannot_be_read_is_named(workdir: Path) -> None:
    (workdir / "work" / KEY).mkdir(parents=True)
    (workdir / "work" / KEY / "admit.json").write_text("{")
    with pytest.raises(RecordUnreadable, match=r"admit\.json: not JSON"):
        build_status(workdir, workdir / "inbox")


def test_the_first_fault_is_the_first_error() -> None:
    warning = ERROR.model_copy(update={"level": "warning", "where": "elsewhere"})
    assert first_fault((warning, ERROR)) == "FMT-001 liver.h5ad: an HTML page"
    assert first_fault((warning,)) == ""


def test_findings_are_those_of_the_upload_and_of_the_last_step_of_each_asset(workdir: Path) -> None:
    inbox = workdir / "inbox"
    upload, asset = findings_of(ASSET.accession, workdir, inbox)
    assert upload == ("the upload", "received", load(Manifest, KEPT / "manifest.json").findings)
    assert asset == (f"{ASSET.dataset} (liver é.h5ad)", "received", ASSET.findings)
    write(workdir, "admit", load(Admitted, KEPT / "admitted.json"))
    assert findings_of(ASSET.accession, workdir, inbox)[1][1] == "admit done"
    write(workdir, "convert", a_held(ERROR))
    assert findings_of(ASSET.accession, workdir, inbox)[1][1:] == ("held at admit", (ERROR,))


def test_the_accessions_known_are_those_received_whole(workdir: Path) -> None:
    assert known_accessions(workdir / "inbox") == [ASSET.accession]
    (workdir / "inbox" / ASSET.accession).rename(workdir / "inbox" / f".{ASSET.accession}.receiving")
    assert known_accessions(workdir / "inbox") == []


def test_the_summary_of_a_build_counts_names_the_held_and_says_where_to_look(workdir: Path) -> None:
    for step in ("admit", "convert", "normalise"):
        write(workdir, step, a_held(ERROR))
    save(load(Released, KEPT / "released.json"), workdir / "work/release/release.json")
    text = closing_summary(workdir, workdir / "inbox")
    assert text.splitlines()[0] == "0 of 1 assets through, 1 held"
    assert f"held: {ASSET.dataset} (liver é.h5ad): FMT-001 liver.h5ad: an HTML page" in text
    assert f"release 2025.1: 9 files, 0.0 MB, in {workdir}/releases/2025.1" in text
    assert f"look at {workdir}/releases/2025.1/index.html" in text
    assert f"catchment findings {ASSET.accession} --workdir {workdir}" in text


def test_the_summary_of_a_build_without_a_release_does_not_name_one(workdir: Path) -> None:
    for step, name in (("admit", "admitted"), ("convert", "converted"), ("normalise", "normalised")):
        kinds = {"admitted": Admitted, "converted": Converted, "normalised": Normalised}
        write(workdir, step, load(kinds[name], KEPT / f"{name}.json"))
    assert closing_summary(workdir, workdir / "inbox") == "1 of 1 assets through, 0 held"


def test_the_time_spent_is_that_of_the_records_and_not_of_what_is_half_there(workdir: Path) -> None:
    write(workdir, "admit", load(Admitted, KEPT / "admitted.json"))
    write(workdir, "convert", load(Converted, KEPT / "converted.json"))
    scratch = workdir / "work" / KEY / ".normalise.json.abc.tmp"
    scratch.mkdir()
    (scratch / "list.json").write_text("[]")
    assert seconds_spent(workdir) == 2.5


def test_rows_for_a_table_are_plain(workdir: Path) -> None:
    (row,) = as_rows(build_status(workdir, workdir / "inbox"))
    assert json.loads(json.dumps(row)) == row
    assert list(row) == ["accession", "modality", "asset", "dataset", "file", "admit", "convert", "normalise", "why"]


def test_plots_are_those_of_assets_that_are_through(workdir: Path) -> None:
    plots = workdir / "work" / KEY / "qc.svg"
    write(workdir, "normalise", a_held(ERROR))
    plots.write_bytes(b"<svg/>")
    assert plots_of(ASSET.accession, workdir, workdir / "inbox") == {}
    write(workdir, "normalise", load(Normalised, KEPT / "normalised.json"))
    found = plots_of(ASSET.accession, workdir, workdir / "inbox")
    ((what, _, _),) = [page for page in findings_of(ASSET.accession, workdir, workdir / "inbox") if page[0] in found]
    assert found == {what: b"<svg/>"}
    assert plots_of("CAT00000009A", workdir, workdir / "inbox") == {}
