"""Optional readers: refused without licence and environment; what they send is checked; zeros are never pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catchment.contract import Head
from catchment.imaging.estimate import JAVA_MB, estimate
from catchment.imaging.readers import Source, UnreadableImage, leased_reader, open_reader, release_readers, streamed
from catchment.imaging.readers.trust import converters, known_wrong, trusted
from catchment.imaging.recognise import companions, recognise
from catchment.schema.records import Description
from tests.imaging.conftest import Carry, ramp
from tests.imaging.optional_stand_ins import STACK, dv
from tests.imaging.vendor_files import czi
from tests.real.outcomes import FORMATS, marks, trust_lines

# --- set-up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepted", "built", "found"),
    [
        ("", False, "accept_licences does not name `gpl` and there is no environment .venv-bioformats"),
        ("thermo", True, "Bio-Formats is needed, and accept_licences does not name `gpl`"),
        ("gpl", False, "Bio-Formats is needed, and there is no environment .venv-bioformats"),
    ],
)
def test_what_is_missing_is_named_and_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, through: Carry, accepted: str, built: bool, found: str
) -> None:
    monkeypatch.setenv("CATCHMENT_READERS", str(tmp_path / "readers"))
    monkeypatch.setenv("CATCHMENT_ACCEPT_LICENCES", accepted)
    interpreter = tmp_path / "readers/.venv-bioformats/bin/python"
    if built:
        interpreter.parent.mkdir(parents=True)
        interpreter.touch()
    (finding,) = through(dv(tmp_path)).findings
    assert finding.code == "IMG-013"
    assert finding.found.endswith(found)
    assert "make readers ACCEPT_LICENCES=gpl" in finding.fix
    assert "accept_licences: [gpl]" in finding.fix


def test_what_our_reader_leaves_to_an_optional_one_is_said_with_what_is_missing(tmp_path: Path, through: Carry) -> None:
    path = tmp_path / "a.czi"
    path.write_bytes(czi(({"X": 0, "Y": 0}, ramp(5, 6)), compression=4))
    (finding,) = through(path).findings
    assert finding.code == "IMG-013"
    assert finding.found.startswith("pixels under JPEG XR compression; Bio-Formats is needed, and accept_licences")


def test_vsi_alone_is_held_for_its_frames(tmp_path: Path, through: Carry) -> None:
    path = tmp_path / "slide.vsi"
    path.write_bytes(b"II*\0\x10\0\0\0\x18\0IS" + bytes(100))
    assert recognise(Head(path.name, 112, path.read_bytes())).format == "vsi"  # type: ignore[union-attr]
    (finding,) = through(path).findings
    assert finding.code == "IMG-014"
    assert finding.found == "a VSI alone: in it are only pictures of the slide and its label"
    assert "`_NAME_`" in finding.fix


def test_the_frames_beside_a_vsi_belong_to_it() -> None:
    vsi = Head("b/slide.vsi", 112, b"II*\0\x10\0\0\0\x18\0IS" + bytes(100))
    assert companions(vsi, frozenset({"slide.vsi", "_slide_", "_other_"})) == ["_slide_"]
    assert companions(vsi, frozenset({"slide.vsi", "_other_"})) == []
    tiff = Head("slide.tif", 112, b"II*\0\x10\0\0\0" + bytes(100))
    assert companions(tiff, frozenset({"slide.tif", "_slide_"})) == []


def test_every_reader_of_the_table_is_there() -> None:
    roles = {row.role for row in trusted()}
    assert roles == {"converts", "compares", "converts and compares", "never"}
    assert {row.environment for row in trusted()} == {"base", "bioformats", "czi"}
    assert all(row.known_wrong != "-" for row in trusted() if row.role == "never")
    unread = {"oir", "oib", "ims"}
    for kind in {row.format for row in trusted()} - {"ome-tiff"} - unread:
        assert converters(kind), kind
    for kind in unread:
        assert (converters(kind), known_wrong(kind)[:11]) == ((), "Bio-Formats")


def test_the_page_has_the_table_of_readers_that_the_code_reads() -> None:
    page = FORMATS.read_text(encoding="utf-8")
    begin, end = marks("trust")
    assert page.partition(begin)[2].partition(end)[0].splitlines()[3:] == trust_lines()


# --- what the reader sends ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("reader")
def test_planes_of_an_optional_reader_become_ome_zarr(tmp_path: Path, through: Carry) -> None:
    passage = through(dv(tmp_path))
    assert [code for code in passage.codes if code != "IMG-020"] == []
    assert isinstance(passage.description, Description)
    assert (passage.description.reader, passage.description.reader_version) == ("Bio-Formats", "0.1")
    assert np.array_equal(passage.pixels(), STACK)
    alone = passage.description.model_copy(update={"reader": "own"})
    assert estimate(passage.description).memory_mb == estimate(alone).memory_mb + JAVA_MB


@pytest.mark.usefixtures("reader")
def test_colours_in_planes_of_samples_are_told_apart(tmp_path: Path, through: Carry) -> None:
    stored = ramp(1, 1, 1, 20, 31, 3, dtype=np.uint8) + 1
    scene = {"shape": (1, 3, 1, 20, 31), "samples": 3, "bits": 8}
    passage = through(dv(tmp_path, stored, scene=scene))
    assert np.array_equal(passage.pixels(), np.moveaxis(stored[:, 0], -1, 1))


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("how", "code", "found"),
    [
        ({"open": "raf is null"}, "IMG-006", "Bio-Formats: NullPointerException: raf is null"),
        ({"open": "die"}, "ISO-001", "Bio-Formats: the reader's process ended by SIGSEGV after 0 items"),
        ({"open": "memory"}, "ISO-003", "Bio-Formats: more than 4000 MB of memory"),
        ({"window": "no tile"}, "IMG-010", "Bio-Formats: NullPointerException: no tile"),
        ({"window": "die"}, "IMG-010", "Bio-Formats: the reader's process ended by SIGSEGV after 0 items"),
        ({"cut": 1}, "IMG-010", "Bio-Formats: 619 bytes in a window of 620"),
        ({"told": {"files": ["/etc/hostname"]}}, "IMG-004", "hostname"),
        ({"told": {"more": 1}}, "IMG-006", "Bio-Formats tells what cannot be: more: Extra inputs are not permitted"),
        ({"told": {"scenes": []}}, "IMG-006", "scenes: Tuple should have at least 1 item"),
        ({"scene": {"samples": 9}}, "IMG-006", "scenes.0.samples: Input should be less than or equal to 4"),
        ({"scene": {"channel_names": ["a", "b"]}}, "IMG-006", "tells what cannot be: 1 channels, 2 names, 1 colours"),
        ({"scene": {"shape": [2, 1, 3, 0, 31]}}, "IMG-006", "sizes t, c, z, y, x (2, 1, 3, 0, 31), 1 samples"),
    ],
)
def test_a_reader_that_fails_or_lies_holds_the_image(
    tmp_path: Path, through: Carry, how: dict[str, Any], code: str, found: str
) -> None:
    (finding,) = [finding for finding in through(dv(tmp_path, **how)).findings if finding.level == "error"]
    assert finding.code == code
    assert found in finding.found


@pytest.mark.usefixtures("reader")
def test_a_whole_plane_of_zeros_is_never_taken_for_pixels(tmp_path: Path, through: Carry) -> None:
    pixels = STACK.copy()
    pixels[1, 0, 2] = 0
    (finding,) = [finding for finding in through(dv(tmp_path, pixels)).findings if finding.level == "error"]
    assert finding.code == "IMG-010"
    assert finding.found == "Bio-Formats: a whole plane of 0 (t 1, group of channels 0, z 2)"
    pixels[1, 0, 2, 19, 30] = 1
    assert np.array_equal(through(dv(tmp_path, pixels, "b.dv")).pixels(), pixels)


@pytest.mark.usefixtures("reader")
def test_large_planes_are_asked_for_in_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, through: Carry) -> None:
    monkeypatch.setattr(streamed, "WINDOW_BYTES", 200)
    assert np.array_equal(through(dv(tmp_path)).pixels(), STACK)


@pytest.mark.usefixtures("reader")
def test_threads_share_one_reader_and_its_process_ends_with_the_last(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    source = Source(str(dv(tmp_path)), "a.dv")
    mine = leased_reader(source)
    whole = tuple(slice(0, size) for size in STACK.shape)
    with ThreadPoolExecutor(2) as pool:
        readers = list(pool.map(lambda _: leased_reader(source), range(2)))
        views = list(pool.map(lambda _: mine.region(0, whole), range(4)))  # type: ignore[arg-type]
    assert all(reader is mine for reader in readers)
    assert all(np.array_equal(view, STACK) for view in views)
    release_readers(source)
    with pytest.raises(ValueError, match="closed file"):
        mine.region(0, whole)  # type: ignore[arg-type]


@pytest.mark.usefixtures("reader")
def test_companions_lie_beside_the_file_under_their_own_names(tmp_path: Path) -> None:
    stored, frames = dv(tmp_path, name="a0001"), tmp_path / "b0002"
    frames.write_bytes(b"frames")
    names = ("_a_/frame_t.ets", str(frames)), ("a.dv.DeltavisionReader.json", f"{stored}.DeltavisionReader.json")
    source = Source(str(stored), "a.dv", companions=names)
    reader = open_reader(source)
    assert np.array_equal(reader.region(0, tuple(slice(0, n) for n in STACK.shape)), STACK)  # type: ignore[arg-type]
    reader.close()
    for name in ("../b", "/etc/b"):
        with pytest.raises(UnreadableImage) as caught:
            open_reader(Source(str(stored), "a.dv", companions=((name, str(frames)),)))
        assert caught.value.findings[0].code == "IMG-004"
