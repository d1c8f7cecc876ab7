from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "massspec"))

from tiny_mzml import admitted, asset_of, opened, schema_errors

from catchment.demonstration.massspec import RESIDUES, acquired, write_mzml, write_sdrf, write_short_mzml
from catchment.submission.sdrf import read_sdrf, rows_by_file, sample_facts


def test_run_is_valid_mzml_without_index(tmp_path: Path) -> None:
    write_mzml(tmp_path / "run.mzML", seed=3, spectra=40)
    assert schema_errors(tmp_path / "run.mzML") == []
    assert b"indexedmzML" not in (tmp_path / "run.mzML").read_bytes()
    description, statistics, findings = admitted(asset_of(tmp_path / "run.mzML"))
    assert findings == {}
    assert (description.shape, statistics["index"]) == ((40,), "absent")


def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        write_mzml(tmp_path / name / "run.mzML", seed=seed, spectra=20)
    first, second, third = ((tmp_path / name / "run.mzML").read_bytes() for name in "abc")
    assert first == second != third


def test_written_spectra_are_those_that_were_acquired(tmp_path: Path) -> None:
    write_mzml(tmp_path / "run.mzML", seed=3, spectra=30)
    with opened(tmp_path / "run.mzML", by_index=False) as reader:
        for scan, found in zip(acquired(3, 30), reader, strict=True):
            assert np.array_equal(found["m/z array"], scan.peaks[0])
            assert np.array_equal(found["intensity array"], scan.peaks[1].astype("f4"))
            assert found["ms level"] == (1 if scan.peptide is None else 2)
            assert np.all(np.diff(found["m/z array"]) >= 0)


def test_fragments_are_of_peptides_that_show_in_the_survey_scan() -> None:
    scans = {scan.number: scan for scan in acquired(5, 100)}
    fragmented = [scan for scan in scans.values() if scan.peptide is not None]
    assert len(fragmented) > 50
    for scan in fragmented:
        assert scan.peptide is not None
        nearest = np.abs(scans[scan.survey].peaks[0] - scan.peptide.mz).min()
        assert nearest < 10e-6 * scan.peptide.mz
        assert set(scan.peptide.sequence) <= set(RESIDUES)
        assert not set(scan.peptide.sequence[:-1]) & {"K", "R"}


def test_short_run_declares_more_than_it_holds(tmp_path: Path) -> None:
    write_short_mzml(tmp_path / "short.mzML")
    assert admitted(asset_of(tmp_path / "short.mzML"))[2] == {"MZ-001": "error"}


@pytest.mark.parametrize("disease", ["normal", "healthy"])
def test_sdrf_is_without_fault_and_says_what_the_sample_is(tmp_path: Path, disease: str) -> None:
    write_sdrf(tmp_path / "run.sdrf.tsv", "run.mzML", "liver-1", disease=disease)
    table = read_sdrf((tmp_path / "run.sdrf.tsv").read_text(), "run.sdrf.tsv")
    assert table.findings == ()
    row = rows_by_file(table)["run.mzML"]
    assert row["source name"] == "liver-1"
    assert sample_facts(row) == {
        "organism_ontology_term_id": "NCBITaxon:9606",
        "tissue_ontology_term_id": "UBERON:0002107",
        "tissue_type": "tissue",
        "disease_ontology_term_id": "PATO:0000461",
        "development_stage_ontology_term_id": "HsapDv:0000226",
        "sex_ontology_term_id": "PATO:0000384",
    }
