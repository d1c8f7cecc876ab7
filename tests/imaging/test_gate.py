"""The correctness gate: planted disagreements hold an image, whoever is asked, wherever they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catchment.imaging.readers import Scene
from catchment.imaging.readers.gate import PLANES, region_of, sampled_planes
from tests.imaging.conftest import Carry, Passage, ramp
from tests.imaging.optional_stand_ins import tell
from tests.imaging.vendor_files import czi, spe

FIRST, SECOND = "ZeissCZIReader", "bioio_czi"
PIXELS = ramp(3, 2, 1, 9, 8) + 1
DIFFERS = "sees other values in 1 of 6 sampled planes of image 0"


def image(folder: Path, **readers: np.ndarray | dict[str, Any]) -> Path:
    """A CZI of 3 time points and 2 channels; what the optional readers see in it, or how they fail."""
    tiles = [({"X": 0, "Y": 0, "T": t, "C": c}, PIXELS[t, c, 0]) for t in range(3) for c in range(2)]
    path = folder / "a.czi"
    path.write_bytes(czi(*tiles))
    for opens, seen in readers.items():
        how = {"pixels": PIXELS, **seen} if isinstance(seen, dict) else {"pixels": seen}
        scene = {"channel_names": ["a"] * how["pixels"].shape[1], "colours": [None] * how["pixels"].shape[1]}
        tell(path, opens, how.pop("pixels"), scene, **how)
    return path


def changed(*at: int) -> np.ndarray:
    """The pixels with one of them changed by one."""
    pixels = PIXELS.copy()
    pixels[at] += 1
    return pixels


def judged(passage: Passage) -> tuple[list[str], str]:
    """What was found wrong, and what the independent readers said."""
    assert passage.admission is not None
    said = str(passage.admission.statistics["independent_readers"])
    return [f"{finding.code}: {finding.found}" for finding in passage.findings if finding.level == "error"], said


@pytest.mark.usefixtures("reader")
def test_an_image_that_the_first_independent_reader_sees_too_goes_on(tmp_path: Path, through: Carry) -> None:
    passage = through(image(tmp_path, **{FIRST: PIXELS}))
    assert judged(passage) == ([], "Bio-Formats 0.1: agrees")
    assert np.array_equal(passage.pixels(), PIXELS)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("planted", "found"),
    [
        (changed(0, 0, 0, 0, 0), DIFFERS),
        (changed(2, 1, 0, 8, 7), DIFFERS),
        (PIXELS[:, ::-1], "sees other values in 6 of 6 sampled planes of image 0"),
        (PIXELS * (np.arange(3) != 1)[:, None, None, None, None].astype(np.uint16),
         "sees other values in 2 of 6 sampled planes of image 0"),
        (PIXELS[[0, 2, 1]], "sees other values in 4 of 6 sampled planes of image 0"),
        (PIXELS[..., ::-1], "sees other values in 6 of 6 sampled planes of image 0"),
        (PIXELS.byteswap(), "sees other values in 6 of 6 sampled planes of image 0"),
        (PIXELS.astype("<i2"), "sees image 0 as int16 (3, 2, 1, 9, 8), not uint16 (3, 2, 1, 9, 8)"),
        (PIXELS[:2], "sees image 0 as uint16 (2, 2, 1, 9, 8), not uint16 (3, 2, 1, 9, 8)"),
        ({"told": {}, "scenes": [{"shape": PIXELS.shape, "channel_names": ["a"] * 2, "colours": [None] * 2}] * 2},
         "sees 2 images, not 1"),
    ],
)  # fmt: skip
def test_a_planted_disagreement_holds_the_image(tmp_path: Path, through: Carry, planted: Any, found: str) -> None:
    findings, said = judged(through(image(tmp_path, **{FIRST: planted})))
    assert findings == [f"IMG-011: Bio-Formats 0.1 {found}"]
    assert said == "Bio-Formats 0.1: differs; bioio-czi: does not take it"


@pytest.mark.usefixtures("reader")
def test_a_second_independent_reader_settles_it(tmp_path: Path, through: Carry) -> None:
    wrong = changed(1, 1, 0, 3, 3)
    assert judged(through(image(tmp_path, **{FIRST: wrong, SECOND: PIXELS}))) == (
        [],
        "Bio-Formats 0.1: differs; bioio-czi 0.1: agrees",
    )
    findings, said = judged(through(image(tmp_path, **{FIRST: wrong, SECOND: changed(0, 0, 0, 0, 0)})))
    assert findings == [f"IMG-011: Bio-Formats 0.1 {DIFFERS}; bioio-czi 0.1 {DIFFERS}"]
    assert said == "Bio-Formats 0.1: differs; bioio-czi 0.1: differs"


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("failure", [{"open": "raf is null"}, {"open": "die"}, {"window": "no tile"}])
def test_a_reader_that_fails_has_no_say(tmp_path: Path, through: Carry, failure: dict[str, str]) -> None:
    findings, said = judged(through(image(tmp_path, **{FIRST: failure, SECOND: PIXELS})))
    assert findings == []
    assert said.endswith("; bioio-czi 0.1: agrees")
    assert judged(through(image(tmp_path, **{FIRST: failure, SECOND: failure})))[0] == []


def test_a_reader_that_is_not_set_up_has_no_say(tmp_path: Path, through: Carry) -> None:
    assert judged(through(image(tmp_path))) == ([], "Bio-Formats: not set up; bioio-czi: not set up")


@pytest.mark.usefixtures("reader")
def test_other_names_of_axes_are_no_disagreement_another_order_of_planes_is_one(tmp_path: Path, through: Carry) -> None:
    frames = ramp(4, 9, 8) + 1
    path = tmp_path / "a.spe"
    path.write_bytes(spe(frames))
    tell(path, "SPEReader", frames.reshape(1, 1, 4, 9, 8))
    assert judged(through(path)) == ([], "Bio-Formats 0.1: agrees")
    tell(path, "SPEReader", frames[::-1].reshape(1, 1, 4, 9, 8))
    (finding,) = judged(through(path))[0]
    assert finding == "IMG-011: Bio-Formats 0.1 sees other values in 4 of 4 sampled planes of image 0"


@pytest.mark.usefixtures("reader")
def test_what_an_optional_reader_converts_is_held_until_another_confirms_it(tmp_path: Path, through: Carry) -> None:
    path = image(tmp_path, **{FIRST: PIXELS})
    tiles = [({"X": 0, "Y": 0, "T": t, "C": c}, PIXELS[t, c, 0]) for t in range(3) for c in range(2)]
    path.write_bytes(czi(*tiles, compression=4))
    (finding,) = judged(through(path))[0]
    assert finding == "IMG-012: Bio-Formats alone reads it; bioio-czi: does not take it"
    tell(path, SECOND, PIXELS, {"channel_names": ["", ""], "colours": [None, None]})
    passage = through(path)
    assert judged(passage) == ([], "bioio-czi 0.1: agrees")
    assert np.array_equal(passage.pixels(), PIXELS)


def test_sampled_planes_are_spread_with_first_and_last() -> None:
    scene = Scene("", (7, 6, 5, 30_000, 4_000), np.dtype(np.uint16), ("",) * 6, (None,) * 6, samples=3)
    planes = sampled_planes(scene)
    assert (len(planes), planes[0], planes[-1]) == (PLANES, 0, 69)
    t, c, z, y, x = region_of(scene, 69)
    assert (t, c, z, x) == (slice(6, 7), slice(3, 6), slice(4, 5), slice(0, 4_000))
    assert y.stop - y.start == (1 << 26) // 24_000
    assert y.start == (30_000 - (1 << 26) // 24_000) // 2
