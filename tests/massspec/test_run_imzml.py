"""imzML images become mzML with the numbers of their .ibd and the place of each pixel, or are held with a finding."""

from __future__ import annotations

import random
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow.parquet as pq
import pytest
from tiny_imzml import IDENTIFIER, Image, checksum, pair_of, term, three_pixels
from tiny_mzml import admitted, asset_of, converted, opened, schema_errors

from catchment import trial
from catchment.config import Config
from catchment.massspec import MODALITY
from catchment.schema.records import Asset, Description, Finding, Unreadable

PIXELS = ((1, 1), (2, 1), (1, 2))


def findings_of(asset: Asset, **settings: Any) -> list[Finding]:
    description = MODALITY.describe(asset)
    if not isinstance(description, Description):
        return list(description.findings)
    return list(MODALITY.validate(description, asset, MODALITY.admit_settings(**settings)).findings)


def only(asset: Asset, **settings: Any) -> tuple[str, str, str]:
    """Return code, place and words of the one finding that there has to be."""
    (found,) = findings_of(asset, **settings)
    return found.code, found.where, found.found


def spectra_of(path: Path) -> list[dict[str, Any]]:
    with opened(path) as run:
        return list(run)


def positions_of(path: Path) -> list[tuple[int, int]]:
    scans = [spectrum["scanList"]["scan"][0] for spectrum in spectra_of(path)]
    return [(int(scan["position x"]), int(scan["position y"])) for scan in scans]


@pytest.mark.parametrize("how", [{}, {"continuous": True}, {"compressed": True}, {"identifier": IDENTIFIER.bytes_le}])
def test_an_image_becomes_mzml_with_numbers_and_positions(tmp_path: Path, how: dict[str, Any]) -> None:
    asset = three_pixels(**how).written(tmp_path)
    description, statistics, findings = admitted(asset)
    assert (description.format, description.shape, description.instrument) == ("imzml", (3,), "Q Exactive")
    assert description.facts["mode"] == ("continuous" if how.get("continuous") else "processed")
    assert (description.facts["pixels_x"], description.facts["pixels_y"]) == (2, 2)
    assert findings == {}
    assert statistics["ms_levels"] == {"1": 3}
    product, path = converted(asset, tmp_path / "out")
    assert product.facts["converted_from"] == "imzml"
    assert schema_errors(path) == []
    for number, found in enumerate(spectra_of(path), start=1):
        assert found["id"] == f"spectrum={number}"
        assert found["m/z array"].tolist() == [100.5, 200.25, 300.125]
        assert found["intensity array"].tolist() == [1.0 * number, 7.0 * number, 2.0 * number]
        assert "centroid spectrum" in found
    assert positions_of(path) == list(PIXELS)


def test_mode_and_compression_leave_no_trace_in_the_digest(tmp_path: Path) -> None:
    ways: list[dict[str, Any]] = [{}, {"continuous": True}, {"compressed": True}]
    runs = [
        converted(three_pixels(**how).written(tmp_path / f"in{number}"), tmp_path / f"out{number}")[0].logical_digest
        for number, how in enumerate(ways)
    ]
    assert len(set(runs)) == 1


def test_how_the_image_was_taken_is_kept_with_its_vocabulary(tmp_path: Path) -> None:
    text = converted(three_pixels().written(tmp_path), tmp_path / "out")[1].read_text()
    assert '<cvList count="3">' in text
    assert '<cv id="IMS" fullName="Imaging MS Ontology"' in text
    size = 'accession="IMS:1000046" name="pixel size (x)" value="50.0" unitCvRef="UO" unitAccession="UO:0000017"'
    assert size in text
    assert 'accession="IMS:1000413" name="flyback"' in text
    sources = [checksum("sha1", (tmp_path / f"slice.{end}").read_bytes()) for end in ("imzML", "ibd")]
    assert [f'value="{sha1}"' in text for sha1 in sources] == [True, True]


def test_numbers_of_every_width_come_out_as_they_are(tmp_path: Path) -> None:
    for number, types in enumerate(
        ({"mz": "<f4", "intensity": "<i4"}, {"mz": "<f8", "intensity": "<i8"}, {"mz": "<f4", "intensity": "<i2"})
    ):
        image = Image(types=types).add(1, 1, (100.1, 200.2), (3, 30_000))
        (found,) = spectra_of(converted(image.written(tmp_path / f"in{number}"), tmp_path / f"out{number}")[1])
        assert found["m/z array"].tolist() == np.array([100.1, 200.2]).astype(types["mz"]).astype("<f8").tolist()
        assert found["intensity array"].tolist() == [3.0, 30_000.0]


def test_fragments_times_and_mobility_are_kept(tmp_path: Path) -> None:
    kind = term("MS:1000580", "MSn spectrum") + term("MS:1000511", "ms level", 2) + term("MS:1000130", "positive scan")
    ion = (
        '<precursorList count="1"><precursor><isolationWindow>'
        f"{term('MS:1000827', 'isolation window target m/z', 700.5)}"
        f"{term('MS:1000828', 'isolation window lower offset', 0.5)}</isolationWindow>"
        f'<selectedIonList count="1"><selectedIon>{term("MS:1000744", "selected ion m/z", 700.25)}'
        f"{term('MS:1000041', 'charge state', 1)}</selectedIon></selectedIonList>"
        f"<activation>{term('MS:1000422', 'beam-type collision-induced dissociation')}</activation>"
        "</precursor></precursorList>"
    )
    scan = term("MS:1000016", "scan start time", 1.5, "UO:0000031")
    image = Image().add(3, 4, (100.0, 90.0), (1, 2), kind=kind, extra=ion, scan=scan, more={"mobility": (0.8, 0.9)})
    asset = image.written(tmp_path)
    assert findings_of(asset) == []
    product, path = converted(asset, tmp_path / "out")
    assert product.facts["chromatograms"] == 2
    (found,) = spectra_of(path)
    assert (found["ms level"], "positive scan" in found) == (2, True)
    assert found["raw inverse reduced ion mobility array"].tolist() == [0.8, 0.9]
    time = found["scanList"]["scan"][0]["scan start time"]
    assert (float(time), time.unit_info) == (90.0, "second")
    precursor = found["precursorList"]["precursor"][0]
    assert precursor["isolationWindow"]["isolation window target m/z"] == 700.5
    assert precursor["selectedIonList"]["selectedIon"][0] == {"selected ion m/z": 700.25, "charge state": 1}
    assert "beam-type collision-induced dissociation" in precursor["activation"]


def test_an_empty_pixel_is_kept(tmp_path: Path) -> None:
    image = three_pixels().add(2, 2, (), (), mz=(0, 0, 0), intensity=(0, 0, 0))
    asset = image.written(tmp_path)
    assert findings_of(asset) == []
    path = converted(asset, tmp_path / "out")[1]
    assert len(spectra_of(path)[3]["m/z array"]) == 0
    assert positions_of(path) == [*PIXELS, (2, 2)]


def test_what_is_not_carried_is_said(tmp_path: Path) -> None:
    image = Image().add(1, 1, (1.0, 2.0), (1, 2), id_="first", more={"charge": (1, 1)})
    asset = image.written(tmp_path, tail='<chromatogramList count="1"><chromatogram id="c"/></chromatogramList>')
    found = [(one.code, one.level, one.where, one.found) for one in findings_of(asset)]
    assert found == [
        ("MZ-053", "info", "spectrum 0", "the id 'first'"),
        ("MZ-053", "info", "spectrum index=0", "an array of another kind"),
        ("MZ-053", "info", "chromatogram c", "a chromatogram"),
    ]
    assert [one["id"] for one in spectra_of(converted(asset, tmp_path / "out")[1])] == ["index=0"]


def test_levels_and_ids_that_are_not_stated_are_said(tmp_path: Path) -> None:
    image = Image().add(1, 1, (1.0, 2.0), (1, 2), kind="")
    found = [(one.code, one.where, one.found) for one in findings_of(image.written(tmp_path, content=""))]
    assert found == [
        ("MZ-022", "fileContent", "no identifier of the .ibd"),
        ("MZ-022", "spectrum spectrum=1", "no MS level"),
    ]


def test_the_picture_is_the_ion_current_of_the_pixels(tmp_path: Path) -> None:
    image = Image()
    for x, y, intensity in ((11, 5, 100), (12, 5, 50), (11, 6, 0)):
        image.add(x, y, (100.0, 200.0), (intensity, 0))
    product, path = converted(image.written(tmp_path), tmp_path / "out")
    table = pq.read_table(path.with_name(product.side_cars["spectra"]))
    assert (table["pixel_x"].to_pylist(), table["pixel_y"].to_pylist()) == ([11, 12, 11], [5, 5, 6])
    with PIL.Image.open(path.with_name(product.side_cars["thumbnail"])) as picture:
        assert picture.size == (256, 256)
        seen = [picture.getpixel(place) for place in ((64, 64), (192, 64), (64, 192), (192, 192))]
    # 50 of the 99th percentile of (0, 50, 100), which is 99: 0.1 + 0.9 * 50 / 99 of the way from paper to ink
    assert seen == [(31, 78, 121), (131, 157, 181), (233, 237, 242), (255, 255, 255)]


def test_pixels_far_apart_take_no_more_room_than_a_picture(tmp_path: Path) -> None:
    image = Image().add(1, 1, (1.0,), (1,)).add(10**17, 3, (1.0,), (1,))
    path = converted(image.written(tmp_path), tmp_path / "out")[1]
    with PIL.Image.open(path.with_name("thumbnail.png")) as picture:
        assert picture.size == (256, 1)


def test_the_whole_way_and_what_comes_of_it_sent_again(tmp_path: Path) -> None:
    three_pixels(continuous=True).written(tmp_path / "up")
    ((name, state, findings),) = trial.run([tmp_path / "up"], tmp_path / "out", Config(), lambda _: None)
    assert (name, state[:5], findings) == ("slice.imzML", "done:", ())
    (written,) = (tmp_path / "out").glob("*/a0001.mzML")
    again = asset_of(written)
    description, _, codes = admitted(again)
    assert (description.format, codes) == ("mzml", {})
    assert positions_of(converted(again, tmp_path / "again")[1]) == list(PIXELS)


# --- what is wrong -----------------------------------------------------------------------------------------------


def test_without_its_arrays_an_image_is_not_read(tmp_path: Path) -> None:
    three_pixels().written(tmp_path)
    found = MODALITY.describe(asset_of(tmp_path / "slice.imzML"))
    assert isinstance(found, Unreadable)
    assert [(one.code, one.where, one.found) for one in found.findings] == [("SET-001", "slice.imzML", "no slice.ibd")]


def test_the_arrays_of_another_image_are_refused(tmp_path: Path) -> None:
    other = three_pixels(identifier=uuid.UUID(int=7).bytes)
    asset = three_pixels().written(tmp_path, ibd=other.ibd)
    (found,) = findings_of(asset)
    assert (found.code, found.where) == ("MZ-011", ".ibd")
    assert found.found == "a file that starts with 00000000000000000000000000000007"
    assert found.expected == f"the identifier {IDENTIFIER.hex} in its first 16 bytes"
    assert only(three_pixels().written(tmp_path, ibd=b""))[2] == "a file that starts with nothing"


@pytest.mark.parametrize(("accession", "name"), [("IMS:1000091", "sha1"), ("IMS:1000090", "md5")])
def test_an_array_that_was_changed_is_found_by_the_checksum(tmp_path: Path, accession: str, name: str) -> None:
    image = three_pixels()
    right = checksum(name, image.ibd)
    content = term("IMS:1000080", "uuid", str(IDENTIFIER)) + term(accession, "checksum", right)
    changed = bytearray(image.ibd)
    changed[-1] ^= 1
    (found,) = findings_of(image.written(tmp_path, ibd=bytes(changed), content=content))
    assert (found.code, found.level, found.where) == ("MZ-011", "error", ".ibd")
    assert found.found == f"{name} {checksum(name, bytes(changed))}"
    assert found.expected == f"{name} {right}, as the imzML declares"
    assert findings_of(image.written(tmp_path, content=content)) == []


@pytest.mark.parametrize(
    ("places", "found"),
    [
        ({"mz": (16, 24, 4)}, "offset 16, encoded length 24, array length 4"),
        ({"mz": (-8, 24, 3)}, "offset -8, encoded length 24, array length 3"),
        ({"mz": (0, 24, 3)}, "offset 0, encoded length 24, array length 3"),
        ({"mz": (17, 8 * 10**15, 10**15)}, "offset 17, encoded length 8000000000000000, array length 1000000000000000"),
        ({"intensity": (10**17, 12, 3)}, "offset 100000000000000000, encoded length 12, array length 3"),
        ({"intensity": ("x", 12, 3)}, "offset x, encoded length 12, array length 3"),
        ({"intensity": (16, 12, 10**30)}, f"offset 16, encoded length 12, array length {10**30}"),
    ],
)
def test_an_array_outside_of_its_file_is_named(tmp_path: Path, places: dict[str, Any], found: str) -> None:
    image = three_pixels().add(2, 2, (1.0, 2.0, 3.0), (1, 2, 3), **places)
    assert only(image.written(tmp_path)) == ("MZ-051", "spectrum spectrum=4", found)


def test_a_file_of_arrays_that_was_cut_off_names_its_first_spectra(tmp_path: Path) -> None:
    image = three_pixels(continuous=True)  # 24 bytes of m/z, and 12 of intensities for each pixel
    (found,) = findings_of(image.written(tmp_path, ibd=image.ibd[:-20]))
    assert (found.code, found.where, found.count) == ("MZ-051", "spectrum spectrum=2; spectrum spectrum=3", 2)
    assert found.expected == f"bytes 16 to {len(image.ibd) - 20:,} of the .ibd"


def test_spectra_may_share_their_mz_and_not_their_intensities(tmp_path: Path) -> None:
    image = Image()
    image.add(1, 1, range(1, 21), range(20))
    place = (16 + 160, 80, 20)
    for number in range(5):
        image.add(2, number, (), (), mz=(16, 160, 20), intensity=place)
    code, where, found = only(image.written(tmp_path))
    assert (code, where) == ("MZ-051", "spectrum spectrum=4; spectrum spectrum=5; spectrum spectrum=6")
    assert found == "arrays that overlap: intensities of 320 bytes so far, in a file of 256"


def test_an_array_that_inflates_beyond_its_declaration_is_not_inflated(tmp_path: Path) -> None:
    image = Image(compressed=True)
    start, size, _ = image.place(np.zeros(10_000_000), "<f8")
    image.add(1, 1, (1.0, 2.0, 3.0), (1, 2, 3), mz=(start, size, 700))
    code, where, found = only(image.written(tmp_path))
    assert (code, where) == ("MZ-051", "spectrum spectrum=1")
    assert found == f"offset 16, encoded length {size}, array length 700"
    image = Image(compressed=True)
    place = image.place(np.zeros(10_000_000), "<f8")[:2]
    image.add(1, 1, (1.0, 2.0), np.ones(5_000), mz=(*place, 5_000))
    code, where, found = only(image.written(tmp_path))
    assert (code, where) == ("MZ-018", "spectrum spectrum=1")
    assert found.startswith("an array that inflates to ")


def test_arrays_of_more_than_a_spectrum_may_have_are_not_read(tmp_path: Path) -> None:
    image = Image().add(1, 1, np.arange(100_000.0), np.ones(100_000))
    asset = image.written(tmp_path)
    assert only(asset, max_spectrum_mb=1)[::2] == ("MZ-018", "100,000 values declared (1,600,000 bytes)")
    assert findings_of(asset, max_spectrum_mb=2) == []


def test_arrays_that_do_not_fit_each_other_are_named(tmp_path: Path) -> None:
    image = three_pixels().add(2, 2, (1.0, 2.0, 3.0), (1, 2))
    assert only(image.written(tmp_path)) == ("MZ-006", "spectrum spectrum=4", "arrays of 2, 3 values")
    text = three_pixels().document().replace('ref="mz"', 'ref="charge"')
    code, _, found = [(one.code, one.where, one.found) for one in findings_of(image.written(tmp_path, text=text))][-1]
    assert (code, found) == ("MZ-021", "no m/z array")
    image = three_pixels(types={"mz": "<f4", "intensity": "<f4"})
    text = image.document().replace('ref="mz"', 'ref="intensity"')
    code, _, found = only(image.written(tmp_path, text=text))
    assert (code, found) == ("MZ-021", "two arrays of one kind, or two kinds of one array")


@pytest.mark.parametrize(
    ("compression", "found"), [("IMS:1005003", "compression IMS:1005003"), ("MS:1001479", "an array of text")]
)
def test_arrays_that_cannot_be_read_are_named(tmp_path: Path, compression: str, found: str) -> None:
    image = three_pixels()
    text = image.document().replace("MS:1000576", compression)
    if compression == "MS:1001479":
        text = text.replace("MS:1000523", compression).replace("MS:1000521", compression)
    assert only(image.written(tmp_path, text=text))[::2] == ("MZ-007", found)


def test_what_is_no_number_and_what_falls_is_said_like_of_any_run(tmp_path: Path) -> None:
    image = three_pixels().add(2, 2, (1.0, 2.0, 3.0), (1, np.nan, 3))
    assert only(image.written(tmp_path))[:2] == ("MZ-023", "spectrum spectrum=4")
    image = three_pixels().add(2, 2, (1.0, 3.0, 2.0), (1, 2, 3))
    assert only(image.written(tmp_path)) == ("MZ-008", "spectrum spectrum=4", "1 of 3 m/z values below the one before")


@pytest.mark.parametrize(("x", "y"), [(None, 1), ("", 1), (1, "1.5"), (1, -1)])
def test_a_spectrum_that_is_no_pixel_is_named(tmp_path: Path, x: object, y: object) -> None:
    image = three_pixels().add(x, y, (1.0,), (1,))
    assert only(image.written(tmp_path)) == ("MZ-052", "spectrum spectrum=4", "no position x, or no position y")


def test_spectra_are_counted_and_told_apart(tmp_path: Path) -> None:
    assert only(three_pixels().written(tmp_path, declared=4)) == ("MZ-001", "run", "3 spectra")
    twice = three_pixels().add(2, 2, (1.0,), (1,), id_="spectrum=1")
    assert only(twice.written(tmp_path))[:2] == ("MZ-012", "spectrum spectrum=1")
    text = three_pixels().document()
    assert only(three_pixels().written(tmp_path, text=text[:-100]))[0] in ("MZ-002", "MZ-003")


def test_a_doctype_is_refused(tmp_path: Path) -> None:
    text = three_pixels().document().replace("<mzML", '<!DOCTYPE m [<!ENTITY a "b">]><mzML', 1)
    assert only(three_pixels().written(tmp_path, text=text))[0] == "XML-001"


def test_damage_anywhere_is_found_or_does_no_harm(tmp_path: Path) -> None:
    chance = random.Random(7)
    image = three_pixels(compressed=True)
    text, ibd = image.document().encode(), image.ibd
    undamaged = converted(image.written(tmp_path), tmp_path / "good")[0].logical_digest
    for number in range(150):
        damaged = bytearray(ibd if number % 3 == 0 else text)
        place = chance.randrange(len(damaged))
        if number % 5 == 0:
            del damaged[place:]
        else:
            damaged[place] ^= 1 << chance.randrange(8)
        (tmp_path / "slice.imzML").write_bytes(text if number % 3 == 0 else damaged)
        (tmp_path / "slice.ibd").write_bytes(damaged if number % 3 == 0 else ibd)
        asset = pair_of(tmp_path / "slice.imzML")
        found = findings_of(asset)
        if number % 3 == 0:
            assert [one.level for one in found] == ["error"]
        elif not any(one.level == "error" for one in found):
            description = MODALITY.describe(asset)
            assert isinstance(description, Description)
            if description.format == "imzml":
                _, statistics, _ = admitted(asset)
                assert statistics["spectra"] == 3
    assert converted(image.written(tmp_path), tmp_path / "same")[0].logical_digest == undamaged
