"""A table that was made of runs is handed what the submission says of them; nothing else is."""

from __future__ import annotations

from pathlib import Path

from catchment.modalities import RECOGNISER
from catchment.schema.records import Asset, SubmittedRun
from catchment.storage import load
from catchment.submission.receive import receive

from .sdrf_text import ROW, tsv

MATRIX = "Protein.Group\tProtein.Names\tGenes\tD:\\x\\run1.raw\tD:\\x\\run2.raw\nP04637\tP53_HUMAN\tTP53\t10\t20\n"
RUNS = [
    ROW | {"comment[data file]": "run1.raw", "comment[fraction identifier]": "3"},
    ROW | {"comment[data file]": "run2.raw", "assay name": "run 2", "source name": "liver 2"},
]


def uploaded(folder: Path, *, sdrf: bool = True, asset: str = "{file: report.pg_matrix.tsv}") -> Path:
    folder.mkdir()
    (folder / "report.pg_matrix.tsv").write_text(MATRIX)
    (folder / "runs.sdrf.tsv").write_text(tsv(*RUNS))
    text = f"study: {{title: t}}\nsamples: [{{id: liver 2}}]\nassets: [{asset}]\n"
    (folder / "submission.yaml").write_text(text + ("sdrf: runs.sdrf.tsv\n" if sdrf else ""))
    return folder


def test_table_gets_the_runs_of_the_sdrf_and_their_samples(tmp_path: Path) -> None:
    (asset,) = receive(uploaded(tmp_path / "up"), tmp_path / "inbox", RECOGNISER).assets
    assert (asset.format, asset.files[0].path) == ("diann-pg-matrix", "raw/a0001.tsv")
    assert asset.runs == (
        SubmittedRun(
            file="run1.raw",
            assay="run 1",
            samples=("liver 1",),
            fraction="3",
            biological_replicate="1",
            technical_replicate="1",
        ),
        SubmittedRun(
            file="run2.raw",
            assay="run 2",
            samples=("liver 2",),
            fraction="1",
            biological_replicate="1",
            technical_replicate="1",
        ),
    )
    assert [sample.id for sample in asset.samples] == ["liver 1", "liver 2"]
    assert asset.samples[0].organism_ontology_term_id == "NCBITaxon:9606"
    kept = load(Asset, tmp_path / "inbox" / asset.accession / "massspec/a0001.json")
    assert kept == asset


def test_samples_that_a_table_names_itself_stand(tmp_path: Path) -> None:
    up = uploaded(tmp_path / "up", asset="{file: report.pg_matrix.tsv, samples: [liver 2]}")
    (asset,) = receive(up, tmp_path / "inbox", RECOGNISER).assets
    assert [sample.id for sample in asset.samples] == ["liver 2"]
    assert len(asset.runs) == 2


def test_without_sdrf_files_named_as_runs_are_the_runs(tmp_path: Path) -> None:
    up = uploaded(
        tmp_path / "up", sdrf=False, asset="{file: report.pg_matrix.tsv}, {file: run1.raw, samples: [liver 2]}"
    )
    table, run = receive(up, tmp_path / "inbox", RECOGNISER).assets
    assert table.runs == (SubmittedRun(file="run1.raw", samples=("liver 2",)),)
    assert run.runs == ()
    assert "runs" not in (tmp_path / "inbox" / run.accession / "massspec/a0002.json").read_text()
