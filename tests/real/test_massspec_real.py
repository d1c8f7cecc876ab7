"""Every real run in the shared test data: converted equal to pyteomics' reading, or held with a finding."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "massspec"))

from tiny_mzml import asset_of, converted, opened, schema_errors

from catchment import trial
from catchment.config import Config
from catchment.isolation import Limits, call
from catchment.massspec import MODALITY
from catchment.modalities import inspect_asset
from catchment.schema.records import Unreadable
from catchment.streaming import interpreter_of
from tests.real.massspec_outcomes import equal_mzxml, outcome_of, real_runs, with_licence
from tests.real.outcomes import FORMATS, table_of, without_version

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "massspec"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data: {DATA} is absent"),
]


@pytest.fixture(autouse=True)
def no_licence_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CATCHMENT_ACCEPT_LICENCES", raising=False)


def names(folder: str) -> list[str]:
    return sorted(path.name for path in (DATA / folder).glob("*")) if DATA.is_dir() else ["absent"]


@pytest.fixture(scope="module")
def told() -> dict[str, list[str]]:
    """The table of docs/formats.md, without the readers' versions."""
    return table_of(FORMATS, "massspec")


@pytest.mark.parametrize("name", real_runs())
def test_the_outcome_is_the_one_in_the_table(name: str, tmp_path: Path, told: dict[str, list[str]]) -> None:
    assert outcome_of(name, tmp_path / "out").cells(version=False) == without_version(told[name])


def test_the_table_names_every_real_run(told: dict[str, list[str]]) -> None:
    assert set(told) == {*real_runs(), *filter(None, map(with_licence, real_runs()))}


@pytest.mark.usefixtures("thermo")
@pytest.mark.parametrize("name", [name for name in real_runs() if with_licence(name)])
def test_the_outcome_with_the_licence_accepted_is_the_one_in_the_table(
    name: str, tmp_path: Path, told: dict[str, list[str]]
) -> None:
    outcome = outcome_of(name, tmp_path / "out", licence=True)
    assert outcome.cells(version=False) == without_version(told[with_licence(name)])


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("bad_base64.mzML", {"MZ-004"}),
        ("bomb.mzML", {"XML-001"}),
        ("empty.RAW", {"MZ-024"}),
        ("mzml_named.raw", {"FMT-001"}),
        ("obsolete_mzML0.99.1_SRM.mzML", {"MZ-015"}),
        ("tester_corrupt.mgf", {"MZ-025"}),
        ("truncated.mzML", {"MZ-002"}),
        ("truncated.mzML.gz", {"MZ-017"}),
        ("truncated_5k.RAW", {"MZ-027"}),
        ("truncated_half.RAW", {"MZ-027"}),
        ("withEmptySpectra.mgf", set()),
        ("withZeros.mgf", set()),
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


def test_spectra_of_an_mzxml_that_is_held_for_its_count_are_pyteomics_spectra() -> None:
    equal_mzxml("other/pyteomics_test.mzXML")


@pytest.mark.parametrize(
    ("name", "part"),
    # the last frame of the file with the peaks ends at 0.915 of it
    [(name, part) for name in ("analysis.tdf", "analysis.tdf_bin") for part in (0.1, 0.5, 0.91)]
    + [("analysis.tdf", 0.999)],
)
def test_a_real_tdf_that_was_cut_is_always_held(name: str, part: float, tmp_path: Path) -> None:
    folder = tmp_path / "run.d"
    folder.mkdir()
    for path in (DATA / "bruker/diaPASEF.d").iterdir():
        data = path.read_bytes()
        (folder / path.name).write_bytes(data[: int(len(data) * part)] if path.name == name else data)
    assert outcome_of(str(folder), tmp_path / "out").outcome in ("held: MZ-040", "held: MZ-019")


@pytest.mark.parametrize("name", ["diaPASEF.d", "test.d"])
def test_what_is_written_of_a_tdf_is_valid_mzml(name: str, tmp_path: Path) -> None:
    assert schema_errors(converted(asset_of(DATA / "bruker" / name), tmp_path)[1]) == []


def test_a_real_folder_given_by_itself_goes_the_whole_way(tmp_path: Path) -> None:
    pages = trial.run([DATA / "bruker/diaPASEF.d"], tmp_path / "out", Config(), lambda _: None)
    ((name, state, findings),) = pages
    assert (name, [finding.code for finding in findings]) == ("diaPASEF.d", ["MZ-043"])
    assert state.startswith("done: ")


# --- Thermo: only where its reader was built ----------------------------------------------------------------------


@pytest.fixture
def thermo(monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = Path(__file__).parents[2]
    if not interpreter_of("thermo").is_file() and (checkout / ".venv-thermo").is_dir():
        monkeypatch.setenv("CATCHMENT_READERS", str(checkout))
    if not interpreter_of("thermo").is_file():
        pytest.skip('no Thermo reader: make readers ACCEPT_LICENCES="thermo"')
    monkeypatch.setenv("CATCHMENT_ACCEPT_LICENCES", "thermo")


@pytest.mark.usefixtures("thermo")
def test_raw_by_two_workers_gives_the_same_bytes(tmp_path: Path) -> None:
    from catchment.massspec.readers.thermo import ThermoRun
    from catchment.massspec.runs import write_run

    source = DATA / "thermo/small.RAW"
    written = []
    for scans_per_piece, threads in ((5_000, 1), (10, 2)):
        run = ThermoRun(source)
        run.scans_per_piece = scans_per_piece
        target = tmp_path / str(threads) / "run.mzML"
        write_run(run, asset_of(source).files, source.name, target, threads)
        written.append(target.read_bytes())
    assert written[0] == written[1]


@pytest.mark.usefixtures("thermo")
def test_raw_with_a_supplemental_activation_is_converted(tmp_path: Path) -> None:
    _, path = converted(asset_of(DATA / "thermo/sliced_ethcd.raw"), tmp_path)
    with opened(path) as kept:
        spectrum = kept.get_by_id("controllerType=0 controllerNumber=1 scan=6")
    precursor = spectrum["precursorList"]["precursor"][0]
    assert precursor["spectrumRef"].endswith("scan=1")
    assert precursor["activation"] == {
        "electron transfer dissociation": "",
        "supplemental beam-type collision-induced dissociation": "",
        "supplemental collision energy": 25.0,
    }


@pytest.mark.usefixtures("thermo")
@pytest.mark.parametrize("how", ["truncated_5k", "truncated_half", "flipped", "tail", "magic-only"])
def test_damaged_raw_is_held(tmp_path: Path, how: str) -> None:
    path = DATA / "bad" / f"{how}.RAW"
    if not path.is_file():
        data = bytearray((DATA / "thermo/small.RAW").read_bytes())
        path = tmp_path / "a.raw"
        if how == "flipped":
            data[600_000:600_400] = bytes(byte ^ 0xFF for byte in data[600_000:600_400])
        path.write_bytes(data[:-200] if how == "tail" else data[:18] if how == "magic-only" else data)
    found = MODALITY.describe(asset_of(path))
    findings = (
        found.findings
        if isinstance(found, Unreadable)
        else MODALITY.validate(found, asset_of(path), MODALITY.admit_settings()).findings
    )
    assert [finding.code for finding in findings if finding.level == "error"] == ["MZ-028"]


@pytest.mark.usefixtures("thermo")
def test_raw_is_admitted_in_the_confined_child_as_well(tmp_path: Path) -> None:
    found = call(inspect_asset, asset_of(DATA / "thermo/small.RAW"), str(tmp_path), {}, limits=Limits())
    assert (found.findings, found.description.shape) == ((), (48,))


def test_bomb_is_held_in_the_confined_child_as_well(tmp_path: Path) -> None:
    found = call(
        inspect_asset,
        asset_of(DATA / "bad" / "bomb.mzML"),
        str(tmp_path),
        {},
        limits=Limits(memory_mb=2_000, cpu_seconds=20),
    )
    assert [finding.code for finding in found.findings] == ["XML-001"]
