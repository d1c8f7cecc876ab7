"""A conversion that is killed and started again does what is left, and leaves what an undisturbed one leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from catchment.imaging.layout import Slab
from catchment.imaging.progress import Written
from catchment.imaging.slabs import SlabWriter
from catchment.storage import stored_files

from .conftest import Write
from .convert_child import convert_into

ROOT = Path(__file__).parents[2]
SLABS = 6  # three channels, four planes in shards of two


@pytest.fixture
def image(write: Write) -> Path:
    pixels = np.random.default_rng(1).integers(0, 4000, (3, 4, 300, 70), dtype=np.uint16)
    return write(pixels, metadata={"axes": "CZYX"})


@pytest.fixture
def done_again(monkeypatch: pytest.MonkeyPatch) -> list[Slab]:
    """The slabs that this process writes."""
    slabs: list[Slab] = []
    original = SlabWriter.write

    def write(self: SlabWriter, slab: Slab) -> Written:
        slabs.append(slab)
        return original(self, slab)

    monkeypatch.setattr(SlabWriter, "write", write)
    return slabs


def killed(image: Path, store: Path, slabs: int) -> Path:
    """Leave what a conversion left that was killed after some slabs; return where it lies."""
    command = [sys.executable, "-m", "tests.imaging.convert_child", str(image), str(store), str(slabs)]
    assert subprocess.run(command, cwd=ROOT, env={**os.environ, "CATCHMENT_THREADS": "1"}).returncode == -signal.SIGKILL
    assert not store.exists()
    return store.with_name(f".{store.name}.begun")


def test_a_killed_conversion_goes_on_where_it_stopped(image: Path, tmp_path: Path, done_again: list[Slab]) -> None:
    whole = convert_into(image, tmp_path / "whole")
    assert len(done_again) == SLABS
    done_again.clear()
    begun = killed(image, tmp_path / "store", slabs=4)
    assert convert_into(image, tmp_path / "store") == whole
    assert len(done_again) == SLABS - 4
    assert stored_files(tmp_path / "store") == stored_files(tmp_path / "whole")
    assert not begun.exists()


def test_a_file_that_is_not_as_it_was_written_is_written_again(
    image: Path, tmp_path: Path, done_again: list[Slab]
) -> None:
    convert_into(image, tmp_path / "whole")
    done_again.clear()
    begun = killed(image, tmp_path / "store", slabs=4)
    shards = sorted(path for path in begun.glob("*.ome.zarr/0/c/**/*") if path.is_file())
    shards[0].write_bytes(shards[0].read_bytes()[:-1])
    convert_into(image, tmp_path / "store")
    assert len(done_again) == SLABS - 4 + 1
    assert stored_files(tmp_path / "store") == stored_files(tmp_path / "whole")


def test_one_killed_before_its_arrays_were_there_begins_anew(
    image: Path, tmp_path: Path, done_again: list[Slab]
) -> None:
    convert_into(image, tmp_path / "whole")
    begun = killed(image, tmp_path / "store", slabs=0)
    (begun / ".progress/0/created").unlink()
    next(begun.glob("*.ome.zarr/zarr.json")).write_text("{")
    convert_into(image, tmp_path / "store")
    assert stored_files(tmp_path / "store") == stored_files(tmp_path / "whole")
