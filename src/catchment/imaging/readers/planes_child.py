"""Planes of images from a library that has an environment of its own: the script that `readers/streamed.py` asks.

It imports nothing of Catchment. The first request names the library (`bioformats` or `czi`: `LIBRARY_planes.py` beside
this file; one library a process, since their licences do not go together) and the file; its answer describes the
file's images. Each further request is a window of one plane; its answer is that window's bytes as they are stored.
"""

from __future__ import annotations

import json
import os
import runpy
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

Answer = tuple[dict[str, Any], bytes]


def main() -> None:
    """Answer one request a line until there are no more, or until one fails."""
    with os.fdopen(int(sys.argv[1]), "wb") as pipe:
        window: Callable[..., bytes] | None = None
        for line in sys.stdin:
            request = json.loads(line)
            try:
                if window is None:
                    library = runpy.run_path(str(Path(__file__).with_name(f"{request.pop('library')}_planes.py")))
                    told, window = library["opened"](**request)
                    answer: Answer = told, b""
                else:
                    answer = {}, window(**request)
            except MemoryError:
                send(pipe, {"error": "MemoryError"})
                break
            except Exception as error:  # noqa: BLE001 - the boundary: Java and C++ raise what has no base of ours
                name = type(error).__name__
                send(pipe, {"error": "MemoryError" if "OutOfMemory" in name else name, "message": first_line(error)})
                break
            send(pipe, *answer)
            send(pipe, {"end": 1})
    sys.stderr.flush()
    os._exit(0)  # a virtual machine's own end takes longer than anything else


def send(pipe: BinaryIO, header: dict[str, Any], payload: bytes = b"") -> None:
    """Write one item."""
    text = json.dumps(header).encode()
    pipe.write(struct.pack("<IQ", len(text), len(payload)) + text + payload)
    pipe.flush()


def first_line(error: Exception) -> str:
    """Return the first line of what a library says: its stack does not belong in a finding."""
    return next((line.strip()[:300] for line in str(error).splitlines() if line.strip()), "")


if __name__ == "__main__":
    main()
