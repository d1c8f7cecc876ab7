"""Writes `timsrust.json`: what timsrust reads in the frames of real Bruker TDF runs, to hold our reader against.

    python -m venv ask && ask/bin/pip install timsrust_pyo3 && ask/bin/python tests/real/ask_timsrust.py

Of each frame it keeps the SHA-256 of its flight times, of its counts, and of where each scan starts, as 32-bit words.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from importlib.metadata import version
from pathlib import Path
from typing import Any

FILES = Path(__file__).parents[2].parent / "shared" / "data" / "massspec" / "bruker"
ANSWERS = Path(__file__).with_name("timsrust.json")


def digest(numbers: Any) -> str:
    """Return the SHA-256 of some whole numbers as little-endian 32-bit words."""
    words = array("I", numbers)
    return hashlib.sha256(words.tobytes()).hexdigest()


def main() -> None:
    """Ask for every frame of every run, and write the answers."""
    import timsrust_pyo3

    found = {}
    for folder in sorted(path.parent for path in FILES.glob("*.d/analysis.tdf")):
        frames = timsrust_pyo3.FrameReader(str(folder)).read_all_frames()
        found[f"bruker/{folder.name}"] = [
            {
                "frame": frame.index,
                "rt_s": frame.rt,
                "tof": digest(frame.tof_indices),
                "counts": digest(frame.intensities),
                "scan_starts": digest(frame.scan_offsets),
            }
            for frame in frames
        ]
    answers = {"reader": f"timsrust {version('timsrust_pyo3')}", "files": found}
    ANSWERS.write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
