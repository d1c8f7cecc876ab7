"""Optional readers without their libraries: a stand-in is told, image by image, what it shall see."""

from __future__ import annotations

import json
import shutil
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catchment import streaming
from catchment.imaging.readers import streamed
from tests.imaging.conftest import ramp

STACK = ramp(2, 1, 3, 20, 31) + 1


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Accept the licence, and put the stand-in where the libraries of optional readers are looked for."""
    folder.mkdir()
    shutil.copy(streamed.SCRIPT, folder)
    for library in ("bioformats", "czi"):
        shutil.copy(Path(__file__).with_name("stand_in_planes.py"), folder / f"{library}_planes.py")
    monkeypatch.setenv("CATCHMENT_ACCEPT_LICENCES", "gpl")
    monkeypatch.setattr(streaming, "interpreter_of", lambda _: Path(sys.executable))
    monkeypatch.setattr(streamed, "SCRIPT", folder / streamed.SCRIPT.name)


def dv_header(x: int = 31, y: int = 20, planes: int = 6) -> bytes:
    """The header of a DeltaVision file."""
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, x, y, planes, 6)
    struct.pack_into("<h", header, 96, -16224)
    return bytes(header)


def dv(folder: Path, pixels: np.ndarray = STACK, name: str = "a.dv", scene: Any = None, **how: Any) -> Path:
    """A file that is recognised as DeltaVision, and beside it what its reader shall say."""
    path = folder / name
    path.write_bytes(dv_header())
    tell(path, "DeltavisionReader", pixels, scene, **how)
    return path


def tell(path: Path, opens: str, pixels: np.ndarray, scene: Any = None, **how: Any) -> None:
    """Write down what a reader shall say of a file."""
    own = {"shape": pixels.shape, "dtype": pixels.dtype.newbyteorder("<").str.replace("|", "<"), **(scene or {})}
    told = {"scenes": [own], "pixels": [pixels.astype(own["dtype"]).tobytes().hex()], **how}
    Path(f"{path}.{opens}.json").write_text(json.dumps(told))
