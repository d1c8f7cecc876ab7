"""The optional readers themselves, where they are built, on files whose pixels are known."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from catchment import streaming
from catchment.imaging.readers import Source, UnreadableImage, open_reader
from catchment.imaging.readers.gate import independent_opinions
from catchment.imaging.readers.streamed import StreamedReader
from catchment.imaging.readers.trust import trusted
from catchment.schema.records import Description
from tests.imaging.conftest import Carry, ramp
from tests.imaging.vendor_files import czi, dv, ets

BUILT = all(streaming.interpreter_of(name).is_file() for name in ("bioformats", "czi"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BUILT, reason="the optional readers are not built: make readers ACCEPT_LICENCES=gpl"),
]
REAL = Path(__file__).parents[2].parent / "shared/data/imaging"
# bioio-czi takes no file without these
XML = b"""<ImageDocument><Metadata><Information><Image><SizeX>60</SizeX><SizeY>50</SizeY></Image></Information>
<Scaling><Items><Distance Id="X"><Value>1e-7</Value></Distance><Distance Id="Y"><Value>1e-7</Value></Distance></Items>
</Scaling></Metadata></ImageDocument>"""
COLOURS = ramp(1, 1, 50, 60, 3, dtype=np.uint8)[0, 0]


@pytest.fixture(autouse=True)
def accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATCHMENT_ACCEPT_LICENCES", "gpl")


def said(passage: object) -> str:
    return str(passage.admission.statistics["independent_readers"])  # type: ignore[attr-defined]


def test_deltavision_has_the_pixels_and_sizes_that_were_written(tmp_path: Path, through: Carry) -> None:
    stack = ramp(2, 3, 4, 21, 34) + 1
    (tmp_path / "a.dv").write_bytes(dv(stack))
    passage = through(tmp_path / "a.dv")
    assert not passage.held, passage.findings
    assert isinstance(passage.description, Description)
    assert (passage.description.reader, passage.description.reader_version) == ("Bio-Formats", "7.3.1")
    assert passage.description.facts["physical_size_um"] == pytest.approx({"z": 0.2, "y": 0.1, "x": 0.1})
    # the origin of a DeltaVision image is at the bottom left
    assert np.array_equal(passage.pixels(), stack[..., ::-1, :])


def test_a_cut_deltavision_file_is_held(tmp_path: Path, through: Carry) -> None:
    data = dv(ramp(2, 3, 4, 21, 34) + 1)
    (tmp_path / "a.dv").write_bytes(data[: len(data) // 2])
    passage = through(tmp_path / "a.dv")
    assert passage.held


@pytest.mark.parametrize(("dtype", "level"), [pytest.param(np.uint16, 1.0, marks=pytest.mark.long), (np.uint8, 0.8)])
def test_jpeg_xr_in_czi_is_converted_where_two_libraries_agree(
    tmp_path: Path, through: Carry, dtype: type, level: float
) -> None:
    tile = np.random.default_rng(7).integers(1, 250, (50, 60)).astype(dtype)
    stored = imagecodecs.jpegxr_encode(tile, level=level)
    kind = 0 if dtype is np.uint8 else 1
    data = czi(({"X": 0, "Y": 0, "C": 0}, tile), kind=kind, compression=4, xml=XML, encode=lambda _: stored)
    (tmp_path / "a.czi").write_bytes(data)
    passage = through(tmp_path / "a.czi")
    assert not passage.held, passage.findings
    assert said(passage) == "bioio-czi 3.0.1: agrees"
    assert np.array_equal(passage.pixels().squeeze(), imagecodecs.jpegxr_decode(stored))


def colours_in_two_channels() -> bytes:
    """A CZI of two channels, each in red, green and blue."""
    tiles = [({"X": 0, "Y": 0, "C": c}, np.ascontiguousarray(COLOURS[:: 1 - 2 * c, :, ::-1])) for c in (0, 1)]
    return czi(*tiles, kind=3, xml=XML)


@pytest.mark.parametrize("name", ["RGB-8bit.czi", "RGB-multichannel.czi"])
def test_the_gate_catches_what_bioio_czi_makes_of_colours(tmp_path: Path, through: Carry, name: str) -> None:
    path = REAL / "czi" / name
    if name == "RGB-multichannel.czi":
        path = tmp_path / name
        path.write_bytes(colours_in_two_channels())
    elif not path.is_file():
        pytest.skip("the real images are not in ../shared/data/imaging")
    source = Source(str(path), name)
    (bioio,) = [row for row in trusted() if row.reader == "bioio-czi"]
    reader = StreamedReader(source, bioio)
    try:
        findings, opinion = independent_opinions(name, reader, source)
    finally:
        reader.close()
    assert [finding.code for finding in findings] == ["IMG-011"]
    assert opinion == "Bio-Formats 7.3.1: differs"
    ours = through(path)
    assert not ours.held
    assert said(ours) == "Bio-Formats 7.3.1: agrees"


# --- a real VSI, whose .ets files are planted: the frames of no VSI are among the real files -----------------------

SLIDE = "Image_Mouse13_PB_H7.vsi"
TILE = ramp(1024, 1024, 3, dtype=np.uint8) + 1
OVERVIEW = [(x, y, 0, 0) for y in range(8) for x in range(16)]
SCAN = [(x, y, 0, 0) for y in range(13) for x in range(13)]


def slide(folder: Path, scan: list[tuple[int, ...]]) -> Source:
    """The VSI with the tiles of its overview (7,598 x 16,045 pixels) and some of its scan (12,757 x 12,758)."""
    if not (REAL / "wsi" / SLIDE).is_file():
        pytest.skip("the real images are not in ../shared/data/imaging")
    companions = []
    for stack, places in (("stack1", OVERVIEW), ("stack10001", scan)):
        path = folder / f"{stack}.ets"
        path.write_bytes(ets(places, TILE))
        companions.append((f"_{Path(SLIDE).stem}_/{stack}/frame_t.ets", str(path)))
    return Source(str(REAL / "wsi" / SLIDE), SLIDE, companions=tuple(companions))


def test_a_vsi_with_its_frames_is_its_scan_without_the_pictures_of_the_slide(tmp_path: Path) -> None:
    reader = open_reader(slide(tmp_path, [place for place in SCAN if place != (3, 4, 0, 0)]))
    try:
        (scene,) = reader.scenes
        assert (scene.shape, scene.samples) == ((1, 3, 1, 12_757, 12_758), 3)
        assert scene.physical_um["x"] == pytest.approx(0.17165035)
        found = {finding.code: finding.found for finding in reader.container.findings}
        assert found == {
            "IMG-024": "1 tiles were never stored, and are 0 here",
            "IMG-022": "pictures of the slide",
        }
        wanted = slice(0, 1), slice(0, 3), slice(0, 1), slice(2048, 3072), slice(1024, 2048)
        assert np.array_equal(reader.region(0, wanted)[0, :, 0], np.moveaxis(TILE, -1, 0))
    finally:
        reader.close()


def test_tiles_that_a_vsi_declares_and_lacks_are_no_zeros_but_a_finding(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage) as caught:
        open_reader(slide(tmp_path, SCAN[: 13 * 7]))
    (finding,) = caught.value.findings
    assert finding.code == "IMG-008"
    assert finding.found == "12,757 x 12,758 pixels, and no .ets file with tiles for these"
