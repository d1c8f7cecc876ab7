"""The bytes of a submitted run, plain or gzip, read once from front to back; inflated under a bound."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from catchment.massspec import rules
from catchment.massspec.faults import Broken

GZIP_MAGIC = b"\x1f\x8b"
BLOCK_BYTES = 1 << 20
# base64 of real spectra shrinks 1.3 to 5 times; only above this size is a ratio held against the bound
RATIO_FROM_BYTES = 64 << 20
MAX_RATIO = 200
KEPT_BYTES = 1 << 16


class Source(Protocol):
    """Bytes that are read once, from front to back."""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end."""


class GzipSource:
    """What is inside a gzip file (of one or more members)."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.inflated = 0
        self.inside = gzip.GzipFile(fileobj=file, mode="rb")

    def read(self, size: int) -> bytes:
        """Return up to `size` decompressed bytes, none at the end.

        Raises
        ------
        Broken
            Where the file is cut off, damaged, or inflates beyond measure.
        """
        try:
            data = self.inside.read(size)
        except EOFError:
            raise Broken(rules.GZIP_DAMAGED, f"a gzip file that ends after {self.inflated:,} inflated bytes") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise Broken(rules.GZIP_DAMAGED, f"{error}, after {self.inflated:,} inflated bytes") from None
        self.inflated += len(data)
        if self.inflated > RATIO_FROM_BYTES and self.inflated > MAX_RATIO * self.file.tell():
            raise Broken(rules.GZIP_BOMB, f"{self.inflated:,} bytes and more out of {self.file.tell():,}")
        return data


@contextlib.contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Yield the run's bytes, decompressed where the file is gzip by its content."""
    with path.open("rb") as file:
        gzipped = file.read(2) == GZIP_MAGIC
        file.seek(0)
        yield GzipSource(file) if gzipped else file


class Passed:
    """The bytes that have gone by: their SHA-1 up to any byte of the last ones, which are kept."""

    def __init__(self) -> None:
        self.sha1 = hashlib.sha1(usedforsecurity=False)
        self.kept = b""
        self.kept_from = 0

    def add(self, block: bytes) -> None:
        """Take the next block; it is kept whole until it is let go."""
        self.kept += block

    def let_go(self) -> None:
        """Hash what is kept but for its end: a tag may begin in one block and end in the next."""
        surplus = max(len(self.kept) - KEPT_BYTES, 0)
        self.sha1.update(memoryview(self.kept)[:surplus])
        self.kept_from += surplus
        self.kept = self.kept[surplus:]

    def tag_end(self, start: int) -> int:
        """Return the byte after the tag that starts at a byte, which is whole among the kept ones."""
        return self.kept_from + self.kept.index(b">", max(start - self.kept_from, 0)) + 1

    def sha1_up_to(self, byte: int) -> str:
        """Return the SHA-1 of everything before a byte, in lower-case hex."""
        digest = self.sha1.copy()
        digest.update(self.kept[: byte - self.kept_from])
        return digest.hexdigest()


def head_of(path: Path, size: int) -> tuple[bytes, bool]:
    """Return the first bytes (decompressed where the file is gzip, as much as is whole) and whether it is gzip."""
    with path.open("rb") as file:
        start = file.read(size)
    if not start.startswith(GZIP_MAGIC):
        return start, False
    try:
        return zlib.decompressobj(wbits=31).decompress(start, size), True
    except zlib.error:
        return b"", True
