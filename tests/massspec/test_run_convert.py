from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny_mzml import (
    asset_of,
    converted,
    dataset_of,
    opened,
    run,
    schema_errors,
    spectrum,
    written,
)

from catchment.demonstration.massspec import write_mzml, write_short_mzml
from catchment.massspec import MODALITY
from catchment.massspec import convert as convert_file
from catchment.schema.records import Description, Sample, Unreadable
from catchment.storage import Place

LEVEL_2 = '<cvParam cvRef="MS" accession="MS:1000511" name="ms level" value="2"/>'
TIC = (
    '<chromatogramList count="1" defaultDataProcessingRef="DP">'
    '<chromatogram index="0" id="TIC" defaultArrayLength="0"/></chromatogramList>'
)


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demonstration") / "run.mzML"
    write_mzml(path, seed=7, spectra=60)
    return path


def document_of(data: bytes) -> bytes:
    """Return the bytes from `<mzML` to `</mzML>`."""
    return data[data.index(b"<mzML") : data.index(b"</mzML>") + 7]


def test_document_is_kept_byte_for_byte_inside_the_wrapper(tmp_path: Path) -> None:
    text = "\ufeff" + run(spectrum(0), "<!-- kept  as it is -->", spectrum(1), declared=2, tail=TIC).replace(
        "\n", "\r\n"
    )
    _, path = converted(written(tmp_path, text), tmp_path / "out")
    assert document_of(path.read_bytes()) == document_of(text.encode())
    assert path.read_bytes().startswith(text.encode()[: text.encode().index(b"<mzML")] + b"<indexedmzML ")


def test_written_run_is_valid_by_its_schema(tmp_path: Path, demonstration: Path) -> None:
    _, path = converted(asset_of(demonstration), tmp_path)
    assert schema_errors(path) == []


def test_every_array_is_read_alike_by_pyteomics_from_both_files(tmp_path: Path, demonstration: Path) -> None:
    _, path = converted(asset_of(demonstration), tmp_path)
    with opened(demonstration, by_index=False) as sent, opened(path) as kept:
        count = 0
        for one in sent:
            other = kept.get_by_id(one["id"])
            assert np.array_equal(one.pop("m/z array"), other.pop("m/z array"))
            assert np.array_equal(one.pop("intensity array"), other.pop("intensity array"))
            assert one == other
            count += 1
        assert count == len(kept) == 60


def test_every_offset_points_at_its_element_and_the_checksum_fits(tmp_path: Path, demonstration: Path) -> None:
    _, path = converted(asset_of(demonstration), tmp_path)
    data = path.read_bytes()
    offsets = re.findall(rb'<offset idRef="([^"]+)">(\d+)</offset>', data)
    assert len(offsets) == 61
    for id_, offset in offsets:
        assert re.match(rb'<(spectrum|chromatogram) index="\d+" id="' + id_ + rb'"', data[int(offset) :])
    start = int(re.findall(rb"<indexListOffset>(\d+)<", data)[0])
    assert data[start:].startswith(b'<indexList count="2">')
    covered, _, rest = data.partition(b"<fileChecksum>")
    assert hashlib.sha1(covered + b"<fileChecksum>", usedforsecurity=False).hexdigest().encode() == rest[:40]


@pytest.mark.parametrize("id_", ["a &amp; b", "&lt;a&gt;", "it's", "x=&quot;1&quot;", "größe=1", "scan=1\u00a0"])
def test_odd_ids_are_found_again_through_the_index(tmp_path: Path, id_: str) -> None:
    _, path = converted(written(tmp_path, run(spectrum(0, id_=id_), spectrum(1))), tmp_path / "out")
    with opened(path) as reader:
        assert len(reader) == 2
        assert reader[0]["m/z array"].tolist() == [100.0, 200.0, 300.0]


def test_latin_1_stays_latin_1(tmp_path: Path) -> None:
    text = run(spectrum(0, id_="größe=1")).replace('"utf-8"', '"ISO-8859-1"').encode("latin-1")
    product, path = converted(written(tmp_path, text), tmp_path / "out")
    assert document_of(path.read_bytes()) == document_of(text)
    assert b'idRef="gr&#246;&#223;e=1"' in path.read_bytes()
    as_utf8, _ = converted(written(tmp_path, run(spectrum(0, id_="größe=1")), "b.mzML"), tmp_path / "b")
    assert product.logical_digest == as_utf8.logical_digest


def test_gzip_and_plain_give_the_same_bytes(tmp_path: Path) -> None:
    data = run(spectrum(0), spectrum(1, level=LEVEL_2)).encode()
    plain, first = converted(written(tmp_path, data), tmp_path / "a")
    zipped, second = converted(written(tmp_path, gzip.compress(data), "tiny.mzML.gz"), tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    assert plain == zipped


def test_converting_again_gives_the_same_bytes_in_every_file(tmp_path: Path, demonstration: Path) -> None:
    converted(asset_of(demonstration), tmp_path / "a")
    converted(asset_of(demonstration), tmp_path / "b")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["qc.mzqc.json", "run.mzML", "spectra.parquet", "survey_map.parquet", "thumbnail.png"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_converting_its_own_output_changes_nothing(tmp_path: Path, demonstration: Path) -> None:
    _, first = converted(asset_of(demonstration), tmp_path / "a")
    product, second = converted(asset_of(first), tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    assert product.facts["submitted_index"] == "right"


def test_wrong_index_is_replaced_and_the_document_kept(tmp_path: Path, demonstration: Path) -> None:
    _, right = converted(asset_of(demonstration), tmp_path / "a")
    text = right.read_text()
    wrong = re.sub(r"(<offset[^>]*>)\d+", r"\g<1>99999999999", text)
    product, mended = converted(written(tmp_path, wrong, "wrong.mzML"), tmp_path / "b")
    assert product.facts["submitted_index"] == "wrong"
    assert mended.read_text() == text


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(1, 1e4), st.floats(0, 1e12)), max_size=20).map(sorted), min_size=1, max_size=4
    )
)
def test_arrays_survive_whatever_they_hold(
    tmp_path_factory: pytest.TempPathFactory, runs: list[list[tuple[float, float]]]
) -> None:
    folder = tmp_path_factory.mktemp("arrays")
    spectra = [
        spectrum(n, [mz for mz, _ in peaks], [intensity for _, intensity in peaks]) for n, peaks in enumerate(runs)
    ]
    _, path = converted(written(folder, run(*spectra)), folder / "out")
    with opened(path) as reader:
        for n, peaks in enumerate(runs):
            found = reader.get_by_id(f"scan={n + 1}")
            assert found["m/z array"].tolist() == [mz for mz, _ in peaks]
            assert found["intensity array"].tolist() == [intensity for _, intensity in peaks]


# --- what must not become a dataset ------------------------------------------------------------------------------


def unreadable(asset_path: Path, folder: Path) -> dict[str, str]:
    asset = asset_of(asset_path)
    description = MODALITY.describe(asset)
    assert isinstance(description, Description)
    folder.mkdir()
    found = MODALITY.convert(asset, description, Place(str(folder)), MODALITY.convert_settings())
    assert isinstance(found, Unreadable)
    texts: dict[str, list[str]] = {}
    for finding in found.findings:
        texts.setdefault(finding.code, []).append(finding.found)
    return {code: "; ".join(words) for code, words in texts.items()}


def test_run_with_fewer_spectra_than_declared_is_held(tmp_path: Path) -> None:
    write_short_mzml(tmp_path / "short.mzML", declared=20, missing=5)
    assert unreadable(tmp_path / "short.mzML", tmp_path / "out") == {"MZ-001": "15 spectrum elements"}


def test_run_cut_off_after_admission_is_held(tmp_path: Path, demonstration: Path) -> None:
    (tmp_path / "cut.mzML").write_bytes(demonstration.read_bytes()[:-5_000])
    assert list(unreadable(tmp_path / "cut.mzML", tmp_path / "out")) == ["MZ-002"]


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        ((b'<offset idRef="controllerType=0 controllerNumber=1 scan=3">', b'<offset idRef="other">'), "other at byte"),
        ((b"</mzML>", b"</mzML >"), "at byte"),
        ((b'unitName="minute"', b'unitName="Minute"'), "checksum"),
        ((b"<run ", b"<run"), "cannot be read"),
    ],
)
def test_damage_in_what_was_written_is_noticed(
    tmp_path: Path, demonstration: Path, monkeypatch: pytest.MonkeyPatch, edit: tuple[bytes, bytes], found: str
) -> None:
    copy = convert_file.copy_run

    def damaged(source: Path, document: object, target: Path) -> None:
        copy(source, document, target)  # type: ignore[arg-type]
        target.write_bytes(target.read_bytes().replace(*edit))

    monkeypatch.setattr(convert_file, "copy_run", damaged)
    assert found in unreadable(demonstration, tmp_path / "out")["MZ-020"]


def test_other_numbers_in_what_was_written_are_noticed(
    tmp_path: Path, demonstration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.mzML"
    write_mzml(other, seed=8, spectra=60)
    read = convert_file.read_run

    def swapped(path: Path, max_bytes: int | None) -> object:
        table, document, findings = read(path, max_bytes)
        table.digests = read(other, None)[0].digests
        return table, document, findings

    monkeypatch.setattr(convert_file, "read_run", swapped)
    assert unreadable(demonstration, tmp_path / "out") == {"MZ-020": "other numbers than were sent"}


def test_what_the_independent_reader_cannot_read_is_held(tmp_path: Path) -> None:
    nameless = spectrum(0).replace(' name="ms level"', "")
    (tmp_path / "odd.mzML").write_text(run(nameless, spectrum(1)))
    assert unreadable(tmp_path / "odd.mzML", tmp_path / "out") == {"MZ-020": "pyteomics cannot read it: 'name'"}


def test_term_that_no_vocabulary_has_is_no_fault(tmp_path: Path) -> None:
    unknown = '<cvParam cvRef="MS" accession="MS:9999999" name="none such" value="1"/>'
    product, _ = converted(written(tmp_path, run(spectrum(0, extra=unknown))), tmp_path / "out")
    assert product.facts["spectra"] == 1


# --- side-cars and what is made of them --------------------------------------------------------------------------


def test_table_has_a_row_for_each_spectrum_with_its_numbers(tmp_path: Path) -> None:
    precursor = (
        '<precursorList count="1"><precursor><selectedIonList count="1"><selectedIon>'
        '<cvParam cvRef="MS" accession="MS:1000744" name="selected ion m/z" value="445.5"/>'
        '<cvParam cvRef="MS" accession="MS:1000041" name="charge state" value="2"/>'
        "</selectedIon></selectedIonList></precursor></precursorList>"
    )
    kind = (
        '<cvParam cvRef="MS" accession="MS:1000127" name="centroid spectrum"/>'
        '<cvParam cvRef="MS" accession="MS:1000129" name="negative scan"/>'
    )
    second = spectrum(2, [], [], level=LEVEL_2, kind=kind).replace("</scanList>", "</scanList>" + precursor)
    product, _ = converted(written(tmp_path, run(spectrum(1), second)), tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / product.side_cars["spectra"]).to_pylist()
    assert rows == [
        {
            "index": 0,
            "native_id": "scan=2",
            "ms_level": 1,
            "rt_s": 60.0,
            "points": 3,
            "tic": 8.0,
            "declared_tic": None,
            "base_peak_mz": 200.0,
            "base_peak_intensity": 5.0,
            "mz_min": 100.0,
            "mz_max": 300.0,
            "precursor_mz": None,
            "charge": None,
            "polarity": None,
            "centroid": "profile",
        },
        {
            "index": 1,
            "native_id": "scan=3",
            "ms_level": 2,
            "rt_s": 120.0,
            "points": 0,
            "tic": 0.0,
            "declared_tic": None,
            "base_peak_mz": None,
            "base_peak_intensity": None,
            "mz_min": None,
            "mz_max": None,
            "precursor_mz": 445.5,
            "charge": 2,
            "polarity": "-",
            "centroid": "centroid",
        },
    ]


def test_metrics_come_from_the_table_and_agree_with_admission(tmp_path: Path, demonstration: Path) -> None:
    asset = asset_of(demonstration)
    product, _ = converted(asset, tmp_path)
    metrics = MODALITY.measure(product, Place(str(tmp_path)))
    description = MODALITY.describe(asset)
    assert isinstance(description, Description)
    statistics = MODALITY.validate(description, asset, MODALITY.admit_settings()).statistics
    assert metrics == {key: statistics[key] for key in metrics}
    assert (metrics["n_spectra"], metrics["n_ms1"], metrics["n_ms2"]) == (60, 12, 48)


def test_mzqc_names_terms_with_their_values(tmp_path: Path, demonstration: Path) -> None:
    product, path = converted(asset_of(demonstration), tmp_path)
    report = json.loads((tmp_path / product.side_cars["qc"]).read_text())["mzQC"]
    assert (report["version"], report["creationDate"]) == ("1.0.0", "2026-01-15T09:30:00Z")
    quality = report["runQualities"][0]
    values = {metric["accession"]: metric["value"] for metric in quality["qualityMetrics"]}
    assert (values["MS:4000059"], values["MS:4000060"]) == (12, 48)
    file = quality["metadata"]["inputFiles"][0]
    assert file["name"] == path.name
    assert file["fileProperties"][0]["value"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_thumbnail_shows_a_curve(tmp_path: Path, demonstration: Path) -> None:
    product, _ = converted(asset_of(demonstration), tmp_path)
    with Image.open(tmp_path / product.side_cars["thumbnail"]) as image:
        assert image.size == (256, 96)
        assert len(set(image.convert("L").tobytes())) == 2


def test_normalise_makes_intensities_parts_of_the_survey_current(tmp_path: Path, demonstration: Path) -> None:
    asset = asset_of(demonstration)
    product, path = converted(asset, tmp_path / "store")
    before = path.read_bytes()
    dataset = dataset_of(asset, product, tmp_path / "store")
    derived = MODALITY.normalise(
        dataset, asset, Place(str(tmp_path / "store")), Place(str(tmp_path / "view")), MODALITY.normalise_settings()
    )
    rows = pq.read_table(tmp_path / "view" / derived.side_cars["intensity_factors"]).to_pylist()
    assert len(rows) == 60
    assert sum(row["tic"] * row["factor"] for row in rows if row["ms_level"] == 1) == pytest.approx(1.0)
    assert derived.recipe["factor"] == rows[0]["factor"]
    assert path.read_bytes() == before


def test_run_without_signal_has_no_factor(tmp_path: Path) -> None:
    asset = written(tmp_path, run(spectrum(0, [], [])))
    product, _ = converted(asset, tmp_path / "store")
    dataset = dataset_of(asset, product, tmp_path / "store")
    place = Place(str(tmp_path / "store"))
    derived = MODALITY.normalise(dataset, asset, place, Place(str(tmp_path / "view")), MODALITY.normalise_settings())
    assert derived.recipe["factor"] is None


def test_contribution_has_terms_levels_and_analyte(tmp_path: Path, demonstration: Path) -> None:
    liver = {"tissue_ontology_term_id": "UBERON:0002107", "tissue_type": "tissue"}
    samples = tuple(
        Sample(id=id_, accession=f"CAT00000017A.S000{n}", organism_ontology_term_id=organism, **liver)
        for n, (id_, organism) in enumerate([("a", "NCBITaxon:9606"), ("b", "NCBITaxon:10090"), ("c", "unknown")])
    )
    more = {"samples": samples, "annotations": {"technology type": "Lipidomic profiling by mass spectrometry"}}
    asset = asset_of(demonstration, **more)
    product, _ = converted(asset, tmp_path)
    found = MODALITY.contribute(dataset_of(asset, product, tmp_path), asset, Place(str(tmp_path)))
    assert found.terms == {
        "organism_ontology_term_id": ("NCBITaxon:10090", "NCBITaxon:9606"),
        "tissue_ontology_term_id": ("UBERON:0002107",),
        "tissue_type": ("tissue",),
    }
    assert (found.counts, found.analyte, found.title) == ({"runs": 1, "spectra": 60}, "lipid", "run.mzML")
    assert [(m.id, m.kind, m.label, m.count, m.unit) for m in found.measurements] == [
        ("CAT00000017A.D0001.MS1", "acquisition", "MS1", 12, "spectra"),
        ("CAT00000017A.D0001.MS2", "acquisition", "MS2", 48, "spectra"),
    ]
