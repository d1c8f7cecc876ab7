"""Real runs cut off anywhere and with any bit flipped: a finding with its place, or every spectrum that was there."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "massspec"))

from tiny_mzml import asset_of

from catchment.massspec import MODALITY
from catchment.schema.records import Asset, Description, Finding, Product, Unreadable
from catchment.schema.rules import is_error
from catchment.storage import Place
from catchment.streaming import interpreter_of

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "massspec"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data: {DATA} is absent"),
]

TRUNCATIONS, FLIPS = 20, 200
# file, and the spectra in it; of a folder, the file that is damaged
RUNS = {
    "mzml/tiny.pwiz.1.1.mzML": 4,
    "mzml/noPrecursorScans.mzML": 10,
    "mzml/three_test_scans.mzML": 3,
    "mzml/small.mzML.gz": 48,
    "other/small.mgf": 35,
    "bruker/diaPASEF.d/analysis.tdf": 9,
    "bruker/diaPASEF.d/analysis.tdf_bin": 9,
}
QUICK = ("mzml/tiny.pwiz.1.1.mzML", "mzml/noPrecursorScans.mzML", "bruker/diaPASEF.d/analysis.tdf")
QUICK_EACH = 12


def damaged(data: bytes, how: str, rng: random.Random) -> bytes:
    """Cut off at a random byte, or flip a random bit."""
    place = rng.randrange(1, len(data))
    if how == "cut":
        return data[:place]
    return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]


def carried(asset: Asset, folder: Path) -> Product | list[Finding]:
    """Carry an asset through the modality: what was written of it, or the errors that hold it."""
    description = MODALITY.describe(asset)
    if isinstance(description, Unreadable):
        return list(description.findings)
    admission = MODALITY.validate(description, asset, MODALITY.admit_settings())
    errors = [*filter(is_error, admission.findings)]
    if errors:
        return errors
    assert isinstance(description, Description)
    product = MODALITY.convert(asset, description, Place(str(folder)), MODALITY.convert_settings())
    return product if isinstance(product, Product) else list(product.findings)


def hold_to_it(name: str, how: str, count: int, tmp_path: Path) -> None:
    rng = random.Random(f"{name} {how}")  # the same damage each time
    source = DATA / name
    folder = source.parent if source.parent.suffix == ".d" else None
    for number in range(count):
        here = tmp_path / str(number)
        if folder is None:
            here.mkdir()
            path = here / source.name
        else:
            shutil.copytree(folder, here / folder.name)
            here.joinpath(folder.name).chmod(0o755)
            path = here / folder.name / source.name
            path.unlink()
        path.write_bytes(damaged(source.read_bytes(), how, rng))
        result = carried(asset_of(path if folder is None else path.parent), here / "out")
        if isinstance(result, Product):
            assert result.facts["spectra"] == RUNS[name], f"{how} {number}"
        else:
            assert result, f"{how} {number}: neither written nor a finding"
            assert all(finding.where and finding.found for finding in result)
        shutil.rmtree(here)


@pytest.mark.parametrize("how", ["cut", "flipped"])
@pytest.mark.parametrize("name", QUICK)
def test_some_damage_is_found_or_harmless(name: str, how: str, tmp_path: Path) -> None:
    hold_to_it(name, how, QUICK_EACH, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("how", ["cut", "flipped"])
@pytest.mark.parametrize("name", RUNS)
def test_any_damage_is_found_or_harmless(name: str, how: str, tmp_path: Path) -> None:
    hold_to_it(name, how, TRUNCATIONS if how == "cut" else FLIPS, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_any_damage_to_a_thermo_run_is_found_or_harmless(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not interpreter_of("thermo").is_file():
        pytest.skip('no Thermo reader: make readers ACCEPT_LICENCES="thermo"')
    monkeypatch.setenv("CATCHMENT_ACCEPT_LICENCES", "thermo")
    monkeypatch.setitem(RUNS, "thermo/small.RAW", 48)
    hold_to_it("thermo/small.RAW", how, TRUNCATIONS, tmp_path)
