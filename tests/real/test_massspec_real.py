"""Every real run in the shared test data: converted equal to pyteomics' reading, or held with a finding."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "massspec"))

from tiny_mzml import admitted, asset_of, converted, opened

from catchment.isolation import Limits, call
from catchment.massspec import MODALITY
from catchment.modalities import inspect_asset
from catchment.schema.records import Unreadable

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "massspec"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data: {DATA} is absent"),
]
OBSOLETE = "1min.mzML"


def names(folder: str) -> list[str]:
    return sorted(path.name for path in (DATA / folder).glob("*")) if DATA.is_dir() else ["absent"]


@pytest.mark.parametrize("name", [name for name in names("mzml") if name != OBSOLETE])
def test_real_run_is_converted_equal_to_pyteomics_reading(tmp_path: Path, name: str) -> None:
    source = DATA / "mzml" / name
    asset = asset_of(source)
    _, statistics, findings = admitted(asset)
    assert set(findings.values()) <= {"warning"}
    product, path = converted(asset, tmp_path)
    inflated = tmp_path / "inflated.mzML"
    if name.endswith(".gz"):
        import gzip

        inflated.write_bytes(gzip.decompress(source.read_bytes()))
        source = inflated
    with opened(source, by_index=False) as sent, opened(path) as kept:
        count = 0
        for one in sent:
            other = kept.get_by_id(one["id"])
            for key in ("m/z array", "intensity array"):
                assert np.array_equal(one.pop(key), other.pop(key))
            assert one.keys() == other.keys()
            assert (one["index"], one.get("ms level")) == (other["index"], other.get("ms level"))
            count += 1
    assert count == product.facts["spectra"] == statistics["spectra"] > 0


def test_obsolete_mzml_is_held() -> None:
    found = MODALITY.describe(asset_of(DATA / "mzml" / OBSOLETE))
    assert isinstance(found, Unreadable)
    assert [finding.code for finding in found.findings] == ["MZ-015"]


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("bad_base64.mzML", {"MZ-004"}),
        ("bomb.mzML", {"XML-001"}),
        ("empty.RAW", {"MZ-024"}),
        ("mzml_named.raw", {"FMT-001"}),
        ("obsolete_mzML0.99.1_SRM.mzML", {"MZ-015"}),
        ("tester_corrupt.mgf", {"MZ-019"}),
        ("truncated.mzML", {"MZ-002"}),
        ("truncated.mzML.gz", {"MZ-017"}),
        ("truncated_5k.RAW", {"MZ-019"}),
        ("truncated_half.RAW", {"MZ-019"}),
        ("withEmptySpectra.mgf", {"MZ-019"}),
        ("withZeros.mgf", {"MZ-019"}),
        ("xxe.mzML", {"XML-001"}),
    ],
)
def test_bad_file_is_held_quickly_for_its_reason(name: str, codes: set[str]) -> None:
    asset = asset_of(DATA / "bad" / name)
    start = time.process_time()
    found = MODALITY.describe(asset)
    findings = (
        found.findings
        if isinstance(found, Unreadable)
        else MODALITY.validate(found, asset, MODALITY.admit_settings()).findings
    )
    assert {finding.code for finding in findings if finding.level == "error"} == codes
    assert time.process_time() - start < 2


def test_every_bad_file_is_covered_above() -> None:
    covered = test_bad_file_is_held_quickly_for_its_reason.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert names("bad") == sorted(name for name, _ in covered)


@pytest.mark.parametrize("name", ["small.mgf", "withIntensity.mgf", "pyteomics_test.mzXML"])
def test_other_formats_are_held_with_their_name(name: str) -> None:
    found = MODALITY.describe(asset_of(DATA / "other" / name))
    assert isinstance(found, Unreadable)
    assert [finding.code for finding in found.findings] == ["MZ-019"]


def test_bomb_is_held_in_the_confined_child_as_well(tmp_path: Path) -> None:
    found = call(
        inspect_asset,
        asset_of(DATA / "bad" / "bomb.mzML"),
        str(tmp_path),
        {},
        limits=Limits(memory_mb=2_000, cpu_seconds=20),
    )
    assert [finding.code for finding in found.findings] == ["XML-001"]
