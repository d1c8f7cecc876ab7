"""Stands in for a library of an optional reader: tells and hands out what the file beside the image says it shall.

A test copies it, and `planes_child.py`, to where the reader's script is looked for: `LIBRARY_planes.py`.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any


class NullPointerException(Exception):
    """As Java has it."""


def opened(path: str, opens: str) -> tuple[dict[str, Any], Callable[..., bytes]]:
    how = json.loads(Path(f"{path}.{opens.rpartition('.')[2]}.json").read_text())
    misbehave(how.get("open"))
    scenes = [{**SCENE, **scene} for scene in how["scenes"]]
    told = {"version": "0.1", "files": [path], "scenes": scenes, **how.get("told", {})}

    def window(scene: int, t: int, group: int, z: int, y: int, x: int, height: int, width: int) -> bytes:
        misbehave(how.get("window"))
        _, channels, depth, rows, columns = scenes[scene]["shape"]
        samples, size = scenes[scene]["samples"], int(scenes[scene]["dtype"][-1])
        data = bytes.fromhex(how["pixels"][scene])
        plane = (t * channels // samples + group) * depth + z
        row = columns * samples * size
        start = (plane * rows + y) * row
        picked = [data[start + i * row :][x * samples * size : (x + width) * samples * size] for i in range(height)]
        return b"".join(picked)[how.get("cut", 0) :]

    return told, window


SCENE = {
    "name": "",
    "samples": 1,
    "dtype": "<u2",
    "interleaved": True,
    "picture": False,
    "bits": 16,
    "channel_names": ["a"],
    "colours": [None],
    "sizes_um": [None, 0.1, 0.1],
    "time_increment_s": None,
}


def misbehave(how: str | None) -> None:
    if how == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "memory":
        raise type("OutOfMemoryError", (Exception,), {})
    elif how is not None:
        raise NullPointerException(how)
