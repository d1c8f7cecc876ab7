"""Compressions of HDF5 that are no part of HDF5: zstd and blosc, done by imagecodecs, never by a plugin of the machine.

HDF5 would look for a shared library in a plugin folder, and run it. Instead a filter of our own is handed to the HDF5
library of this process, for exactly these compressions; a file with any other stays refused (H5-006).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import h5py

BLOSC, ZSTD = 32001, 32015  # numbers under which The HDF Group has registered them
CODECS = {BLOSC: "blosc", ZSTD: "zstd"}
BACKWARDS = 0x0100  # H5Z_FLAG_REVERSE: a chunk is being read

# what a filter is given: flags, parameters and their number, bytes in the buffer, its size, the buffer itself
FILTER = ctypes.CFUNCTYPE(
    ctypes.c_size_t,
    ctypes.c_uint,
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_uint),
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.POINTER(ctypes.c_void_p),
)


class FilterClass(ctypes.Structure):
    """`H5Z_class2_t`: a filter as HDF5 knows it."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("id", ctypes.c_int),
        ("encoder_present", ctypes.c_uint),
        ("decoder_present", ctypes.c_uint),
        ("name", ctypes.c_char_p),
        ("can_apply", ctypes.c_void_p),
        ("set_local", ctypes.c_void_p),
        ("filter", FILTER),
    )


@cache
def register_filters() -> tuple[FilterClass, ...]:
    """Make the HDF5 of this process know `CODECS`, and return what must stay in memory for that."""
    registered = []
    for number, name in CODECS.items():
        if h5py.h5z.filter_avail(number):
            continue
        own = FilterClass(1, number, 1, 1, name.encode(), None, None, FILTER(coder(name)))
        h5py.h5z.register_filter(ctypes.addressof(own))
        registered.append(own)
    return tuple(registered)


def coder(name: str) -> Callable[..., int]:
    """Return a function that decodes or encodes a chunk in HDF5's own buffer, and returns its bytes; 0 where it cannot.

    Encoding is asked for where an object that holds texts is copied into a file of ours.
    """
    memory = ctypes.CDLL(None)  # HDF5 frees a buffer with the C library's `free`
    memory.malloc.argtypes, memory.malloc.restype = (ctypes.c_size_t,), ctypes.c_void_p
    memory.free.argtypes, memory.free.restype = (ctypes.c_void_p,), None

    def code(flags: int, _count: int, _parameters: Any, stored: int, size: Any, buffer: Any) -> int:
        import imagecodecs

        run = getattr(imagecodecs, f"{name}_decode" if flags & BACKWARDS else f"{name}_encode")
        try:
            chunk = run(ctypes.string_at(buffer[0], stored))
        except (RuntimeError, ValueError, MemoryError):
            return 0  # HDF5 says which dataset it was
        room = memory.malloc(max(len(chunk), 1))
        if not room:
            return 0
        ctypes.memmove(room, chunk, len(chunk))
        memory.free(buffer[0])
        buffer[0], size[0] = room, len(chunk)
        return len(chunk)

    return code
