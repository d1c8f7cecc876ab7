"""Vendors' files written byte by byte, so that each can lie about one thing."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np


def mrc(values: np.ndarray, order: str = "<", axes: tuple[int, int, int] = (1, 2, 3), **changed: int) -> bytes:
    """A map of values (sections, rows, columns); header words may be changed by their number, as `w4=...`."""
    mode = {"i1": 0, "i2": 1, "f4": 2, "u2": 6, "f2": 12}[values.dtype.str[1:]]
    sections, rows, columns = values.shape
    words: dict[int, int] = {1: columns, 2: rows, 3: sections, 4: mode, 8: columns, 9: rows, 10: sections, 23: 1, 24: 0}
    words |= dict(zip((17, 18, 19), axes, strict=True)) | {int(key[1:]): value for key, value in changed.items()}
    header = bytearray(1024)
    for word, value in words.items():
        struct.pack_into(order + "i", header, 4 * (word - 1), value)
    cell = [10.0 * words[word] for word in (8, 9, 10)]
    struct.pack_into(order + "3f", header, 40, *cell)
    header[208:212] = b"MAP "
    header[212:214] = b"\x44\x44" if order == "<" else b"\x11\x11"
    return bytes(header) + values.astype(values.dtype.newbyteorder(order)).tobytes()


def spe(frames: np.ndarray, /, **changed: int) -> bytes:
    """An SPE of frames (t, y, x) of uint16."""
    told = {"x": frames.shape[2], "y": frames.shape[1], "frames": frames.shape[0], "kind": 3} | changed
    header = bytearray(4100)
    for place, code, key in ((42, "H", "x"), (656, "H", "y"), (1446, "i", "frames"), (108, "h", "kind")):
        struct.pack_into("<" + code, header, place, told[key])
    header[2996:3000] = b"\x67\x45\x23\x01"
    return bytes(header) + frames.astype("<u2").tobytes()


def segment(kind: bytes, data: bytes) -> bytes:
    """A segment of a CZI, padded to whole 32 bytes."""
    room = -(-len(data) // 32) * 32
    return struct.pack("<16sqq", kind, room, len(data)) + data.ljust(room, b"\0")


def entry(place: int, where: Mapping[str, tuple[int, int]], kind: int, compression: int, part: int = 0) -> bytes:
    """The entry of a block: start and size along each dimension."""
    fixed = struct.pack("<2siqiiB5si", b"DV", kind, place, part, compression, 0, b"", len(where))
    return fixed + b"".join(
        struct.pack("<4siifi", name.encode(), start, size, 0.0, size) for name, (start, size) in where.items()
    )


def czi(
    *tiles: tuple[dict[str, int], np.ndarray],
    kind: int = 1,
    compression: int = 0,
    xml: bytes = b"",
    attachments: tuple[bytes, ...] = (),
    encode: object = None,
) -> bytes:
    """A CZI of tiles: start along each dimension, and pixels y, x (of uint16 where `kind` is not told)."""
    data = segment(b"ZISRAWFILE", bytes(80 + 432))
    entries = []
    for starts, pixels in tiles:
        where = {name: (start, 1) for name, start in starts.items() if name not in "XY"}
        where = {"X": (starts["X"], pixels.shape[1]), "Y": (starts["Y"], pixels.shape[0]), **where}
        own = entry(len(data), where, kind, compression)
        stored = pixels.tobytes() if encode is None else encode(pixels)  # type: ignore[operator]
        block = (struct.pack("<iiq", 0, 0, len(stored)) + own).ljust(256, b"\0") + stored
        data += segment(b"ZISRAWSUBBLOCK", block)
        entries.append(own)
    places = {"directory": len(data)}
    data += segment(b"ZISRAWDIRECTORY", struct.pack("<i", len(entries)).ljust(128, b"\0") + b"".join(entries))
    places["metadata"] = len(data) if xml else 0
    data += segment(b"ZISRAWMETADATA", struct.pack("<ii", len(xml), 0).ljust(256, b"\0") + xml) if xml else b""
    places["attachments"] = len(data) if attachments else 0
    if attachments:
        told = b"".join(bytes(48) + name.ljust(80, b"\0") for name in attachments)
        data += segment(b"ZISRAWATTDIR", struct.pack("<i", len(attachments)).ljust(256, b"\0") + told)
    header = struct.pack(
        "<iiii16s16siqqiq", 1, 0, 0, 0, b"", b"", 0, places["directory"], places["metadata"], 0, places["attachments"]
    )
    return data[:32] + header + data[32 + len(header) :]


def dv(stack: np.ndarray, edge_um: float = 0.1) -> bytes:
    """A DeltaVision file of t, c, z, y, x (uint16): wavelengths innermost, then z, then time."""
    t, c, z, y, x = stack.shape
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, x, y, t * c * z, 6)
    struct.pack_into("<3f", header, 40, edge_um, edge_um, 2 * edge_um)
    struct.pack_into("<h", header, 96, -16224)
    struct.pack_into("<hh", header, 180, t, 1)
    struct.pack_into("<h5h", header, 196, c, 457, 528, 617, 0, 0)
    return bytes(header) + stack.transpose(0, 2, 1, 3, 4).astype("<u2").tobytes()


def ets(places: list[tuple[int, ...]], tile: np.ndarray, levels: bool = False, **changed: int) -> bytes:
    """An .ets file: the places of its tiles (x, y, ...), which all have the same pixels (y, x, samples of uint8)."""
    told = {"tiles": len(places), "axes": len(places[0]) if places else 4} | changed
    height, width, samples = tile.shape
    table = b"".join(struct.pack(f"<i{told['axes']}iqii", 0, *place, 292, tile.nbytes, 0) for place in places)
    head = struct.pack("<4s3iqiiqi", b"SIS\0", 64, 2, told["axes"], 64, 228, 0, 292 + tile.nbytes, told["tiles"])
    further = struct.pack("<4s9i", b"ETS\0", 0, 2, samples, 4, 0, 90, width, height, 1) + bytes(4 * 17 + 40 + 4)
    further += struct.pack("<i", levels)
    return head.ljust(64, b"\0") + further.ljust(228, b"\0") + tile.tobytes() + table
