"""An upload as it lies there: which files it has, what they begin with, and copies of them with their checksums.

Links inside an upload are not followed; a listed path must stay below the upload's folder.
"""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from catchment.archive.directory import first_name, names_in
from catchment.contract import HEAD_BYTES, Head
from catchment.errors import BadInput, EnvironmentFault
from catchment.storage import BLOCK_BYTES, environment_fault

Progress = Callable[[int], None]
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Upload:
    """A folder with files, or one file: `names` are paths relative to `root`, with `/`, sorted."""

    root: Path
    names: tuple[str, ...]

    def path(self, name: str) -> Path:
        """Return where a file of the upload is."""
        return self.root / name


def look_at(given: Path) -> Upload:
    """Return the upload at a path: every regular file below a folder, or the one file.

    Raises
    ------
    BadInput
        Where there is nothing, nothing but links, or a name that no record can hold.
    """
    try:
        found = given.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "a link that leads back to itself"
        raise BadInput(f"{given}: {reason}; check the path") from None
    if found.is_dir():
        root, names = found, names_below(found)
    else:
        root, names = found.parent, [found.name] if found.is_file() else []
    if not names:
        raise BadInput(f"{given}: found no regular file; expected data files, with or without a submission.yaml")
    require_names(given, names)
    return Upload(root, tuple(sorted(names)))


def require_names(given: Path, names: Iterable[str]) -> None:
    """Refuse a name that no record can hold."""
    for name in names:
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
            raise BadInput(f"{given}: file name {name!r} has control characters or is not UTF-8; rename it")


def names_below(root: Path) -> list[str]:
    """Return the path, below a folder, of every regular file in it; links are left where they are."""
    names = []
    try:
        for folder, _, files in os.walk(root, followlinks=False, onerror=stop):
            paths = (Path(folder) / file for file in files)
            names += [path.relative_to(root).as_posix() for path in paths if stat.S_ISREG(path.lstat().st_mode)]
    except OSError as error:
        raise environment_fault(error, Path(error.filename or root)) from error
    return names


def plain_names(folder: Path) -> frozenset[str]:
    """Return the names of the files and folders right inside a folder, links left out; none where it is closed."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(
                entry.name
                for entry in entries
                if entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)
            )
    except PermissionError:
        return frozenset()
    except OSError as error:
        raise environment_fault(error, folder) from error


def stop(error: OSError) -> None:
    """Raise what `os.walk` would keep to itself: a folder that cannot be read is not an empty one."""
    raise error


def stays_inside(name: str) -> bool:
    """Tell whether a listed name is a plain path below the upload: relative, no `..`, no scheme, no drive."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or name != str(path):
        return False
    return not (".." in path.parts or "\\" in name or ":" in path.parts[0])


def head(path: Path, name: str) -> Head:
    """Return what `recognise` may look at: the first 64 KiB, decompressed where it is gzip; the names in a ZIP."""
    try:
        with path.open("rb") as file:
            start = file.read(HEAD_BYTES)
    except OSError as error:
        raise environment_fault(error, path) from error
    gzipped = start.startswith(GZIP_MAGIC)
    if gzipped:
        start = inflated_start(start)
    archived = (names_in(path) or (first,)) if (first := first_name(start)) else ()
    return Head(name=name, size=path.stat().st_size, start=start, gzipped=gzipped, archived=archived)


def inflated_start(data: bytes) -> bytes:
    """Return the first 64 KiB inside gzip data, as much as there is of it; nothing where it is not gzip after all."""
    try:
        return zlib.decompressobj(wbits=31).decompress(data, HEAD_BYTES)
    except zlib.error:
        return b""


def md5_of(path: Path) -> str:
    """Return the md5 of a file: weak, but what older descriptions declare."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise environment_fault(error, path) from error


def take(source: Path, target: Path | None, progress: Progress = lambda _: None) -> tuple[int, str]:
    """Copy a file (or only read it, without target) in one pass; return its size in bytes and its sha256.

    Raises
    ------
    EnvironmentFault
        Where the disk refuses, or the source changes while it is read.
    """
    digest = hashlib.sha256()
    try:
        before = source.stat()
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as file, open(target or os.devnull, "wb") as copy:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
                if target is not None:
                    copy.write(block)
                progress(len(block))
            if target is not None:
                copy.flush()
                os.fsync(copy.fileno())
        after = source.stat()
    except OSError as error:
        raise environment_fault(error, target or source) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise EnvironmentFault(
            f"{source}: changed while it was read; wait until the upload is complete, then try again"
        )
    if target is not None:
        target.chmod(0o444)
    return after.st_size, digest.hexdigest()
