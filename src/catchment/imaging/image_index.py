"""The index of a set: one row for each image of the store, with all that is known of where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from catchment.imaging.member_names import FACTS
from catchment.imaging.readers import Scene

NAME = "images.parquet"
MEMBER = pa.struct(
    [("file", pa.string()), ("sha256", pa.string()), ("channel", pa.string()), ("z", pa.int32()), ("t", pa.int32())]
)
INDEX = pa.schema(
    [
        ("image", pa.int32()),  # from 1 on
        ("path", pa.string()),  # inside the store; empty where the image is the store itself
        ("name", pa.string()),
        *((fact, pa.string()) for fact in FACTS),
        ("row", pa.string()),  # of a plate, as the store has them
        ("column", pa.string()),
        ("acquisition", pa.int32()),
        ("channels", pa.list_(pa.string())),
        ("targets", pa.list_(pa.string())),  # what each channel shows, as the names of files or their template say
        ("shape", pa.list_(pa.int64())),  # t, c, z, y, x
        ("dtype", pa.string()),
        ("digest", pa.string()),  # of the pixels, whatever their chunks
        ("members", pa.list_(MEMBER)),
    ]
)


def write_index(path: Path, scenes: Sequence[Scene], paths: Sequence[str], digests: Sequence[str]) -> None:
    """Write the index of the images of a set, in the order of the store. What is not known is null."""
    rows = [
        {
            "image": number,
            "path": own,
            "name": scene.name,
            **scene.facts,
            **({} if scene.spot is None else asdict(scene.spot)),
            "channels": list(scene.channel_names),
            "targets": list(scene.channel_targets),
            "shape": list(scene.shape),
            "dtype": scene.dtype.name,
            "digest": digest,
            "members": [
                {"file": member.name, "sha256": member.sha256, "channel": member.channel, "z": member.z, "t": member.t}
                for member in scene.members
            ],
        }
        for number, (scene, own, digest) in enumerate(zip(scenes, paths, digests, strict=True), start=1)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=INDEX), path, compression="zstd", compression_level=3)


def read_index(path: Path) -> list[dict[str, Any]]:
    """Return the rows of an index."""
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows
