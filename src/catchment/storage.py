"""Places, stores, records and digests: the only file that knows local disk from object storage.

A record is the commit: it is written last, whole, by rename. A store is a folder under its content key, written in a
scratch folder beside it and renamed when complete, its files made read-only; a store without a record does not exist.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, overload

from pydantic import TypeAdapter, ValidationError

from catchment.errors import BadInput, EnvironmentFault, NothingKept, RecordUnreadable, WorkdirLocked
from catchment.schema.migrate import climb
from catchment.schema.records import Shape, StoredFile

BLOCK_BYTES = 1 << 20
NOTE = "store.json"
T = TypeVar("T")
S = TypeVar("S", bound=Shape)


# --- places ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A folder, wherever it is. Today on local disk; other schemes come in through this door."""

    root: str

    def __post_init__(self) -> None:
        if "://" in self.root:
            scheme = self.root.split("://", 1)[0]
            raise BadInput(f"{self.root}: storage scheme {scheme}:// is not supported yet; give a local folder")

    def __truediv__(self, part: str) -> Place:
        return Place(str(Path(self.root) / part))

    @property
    def path(self) -> Path:
        """The folder on local disk."""
        return Path(self.root)

    @property
    def uri(self) -> str:
        """What readers of this store are given (TileDB, Zarr)."""
        return str(self.path)


# --- digests and keys --------------------------------------------------------------------------------------------


def digest_bytes(data: bytes) -> str:
    """Return the sha256 of some bytes, in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def digest_json(value: Any) -> str:
    """Return the sha256 of a JSON value in canonical form (sorted keys, no spaces): equal values, equal digests."""
    return digest_bytes(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def digest_file(path: Path) -> str:
    """Return the sha256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_key(inputs: Mapping[str, str], step_version: int, settings: Any) -> str:
    """Return the key a store lives under: what went in, by which version of the step, with which settings."""
    return digest_json({"inputs": dict(inputs), "step_version": step_version, "settings": settings})[:32]


def files_below(root: Path) -> list[Path]:
    """Return every regular file below a folder, sorted by its path.

    Raises
    ------
    NothingKept
        At a link, pipe or device: what a confined child left behind must not lead out of its folder.
    """
    found = []
    for folder, folders, names in os.walk(root, followlinks=False):
        for name in (*folders, *names):
            path = Path(folder) / name
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise NothingKept(f"{path.relative_to(root)}: found a link, pipe or device, expected files and folders")
        found += [Path(folder) / name for name in names]
    return sorted(found)


def stored_files(root: Path) -> tuple[StoredFile, ...]:
    """Return path, size and sha256 of every file below a folder, sorted by path."""
    return tuple(
        StoredFile(path=str(PurePosixPath(p.relative_to(root))), bytes=p.stat().st_size, sha256=digest_file(p))
        for p in files_below(root)
    )


def digest_of_files(files: Iterable[StoredFile]) -> str:
    """Return the digest of a tree: of its sorted `sha256  path` lines."""
    lines = sorted(f"{file.sha256}  {file.path}\n" for file in files)
    return digest_bytes("".join(lines).encode())


# --- writing so that nothing is half there -----------------------------------------------------------------------


def environment_fault(error: OSError, path: Path) -> EnvironmentFault:
    """Return the fault to raise where the disk refused: what, where, and how much is free."""
    try:
        free_mb = shutil.disk_usage(path if path.exists() else path.parent).free // 1_000_000
        room = f"{free_mb} MB free"
    except OSError:
        room = "free space unknown"
    reason = os.strerror(error.errno) if error.errno else str(error)
    return EnvironmentFault(f"{path}: {reason} ({room}); make room or mend the permissions, then run again")


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the whole new one, also after a crash."""
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise environment_fault(error, path) from error


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def link(source: Path, target: Path) -> None:
    """Give a file a second name (hard link); copy where the file systems differ. The target is new."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise environment_fault(error, target) from error
        copy(source, target)


def copy(source: Path, target: Path) -> None:
    """Copy a file so that the target is never half there; the copy is read-only."""
    scratch = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        shutil.copyfile(source, scratch)
        scratch.chmod(0o444)
        scratch.rename(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise environment_fault(error, target) from error


def commit_folder(scratch: Path, final: Path) -> None:
    """Make a finished folder visible under its final name: files read-only and durable, then one rename."""
    try:
        files = files_below(scratch)
        for path in files:
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
                os.fchmod(handle, 0o444)
            finally:
                os.close(handle)
        for folder in {path.parent for path in files}:
            sync_folder(folder)
        final.parent.mkdir(parents=True, exist_ok=True)
        scratch.rename(final)
        sync_folder(final.parent)
    except OSError as error:
        raise environment_fault(error, final) from error


@contextlib.contextmanager
def scratch_folder(final: Path) -> Iterator[Path]:
    """Yield a folder to fill beside `final`, for `commit_folder`; whatever is still there at the end is removed."""
    scratch = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        scratch.mkdir(parents=True)
    except OSError as error:
        raise environment_fault(error, scratch) from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def begun_folder(final: Path) -> Iterator[Path]:
    """Yield the folder that a killed process was filling for `final`, or a new one; gone at the end, unless killed.

    Where another process is at it, a scratch folder of its own.
    """
    begun = final.with_name(f".{final.name}.begun")
    with contextlib.ExitStack() as held:
        try:
            begun.mkdir(parents=True, exist_ok=True)
            handle = os.open(begun, os.O_RDONLY)
            held.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield held.enter_context(scratch_folder(final))
            return
        except OSError as error:
            raise environment_fault(error, begun) from error
        try:
            yield begun
        finally:
            interrupted = isinstance(sys.exc_info()[1], KeyboardInterrupt)
            # once it has its final name, what lies under this one is another's
            with contextlib.suppress(FileNotFoundError):
                if not interrupted and os.path.samestat(os.fstat(handle), begun.stat()):
                    shutil.rmtree(begun, ignore_errors=True)


def kept(store: Path, kind: type[S], make: Callable[[Path], S], *, resumed: bool = False) -> S:
    """Return the note of the store under a content key; nothing is made where the key is there.

    `make` fills a scratch folder and returns the note to keep in it; what it raises leaves no store behind. Where two
    processes make one store at the same time, the first to end is kept: equal keys, equal contents. `resumed`: the
    folder may hold what a killed process had done, and `make` knows what of it is good.
    """
    if not (store / NOTE).exists():
        with (begun_folder if resumed else scratch_folder)(store) as scratch:
            save(make(scratch), scratch / NOTE)
            try:
                commit_folder(scratch, store)
            except EnvironmentFault:
                if not (store / NOTE).exists():
                    raise
    return kind.model_validate_json((store / NOTE).read_bytes())


@contextlib.contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Hold a build folder for one writer; the lock goes with the process, so a killed one leaves nothing behind.

    Raises
    ------
    WorkdirLocked
        Where another process holds it.
    """
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = held.enter_context((folder / f".{what}.lock").open("a+"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkdirLocked(
                f"{folder}: another process is busy with {what} here; wait for it to end, then run again"
            ) from None
        except OSError as error:
            raise environment_fault(error, folder) from error
        yield


# --- records -----------------------------------------------------------------------------------------------------


def to_json(shape: Shape) -> bytes:
    """Return a record as it is kept: UTF-8 JSON, two spaces, keys in the order of the type, newline at the end."""
    return (shape.model_dump_json(indent=2) + "\n").encode()


def save(shape: Shape, path: Path) -> None:
    """Write a record: last, whole, by rename. One that is there already with the same bytes is left untouched."""
    data = to_json(shape)
    try:
        same = path.read_bytes() == data
    except OSError:
        same = False  # not there, or not to be read: writing it says which
    if not same:
        write_atomically(path, data)


@overload
def load(kind: type[T], path: Path) -> T: ...
@overload
def load(kind: Any, path: Path) -> Any: ...
def load(kind: Any, path: Path) -> Any:
    """Read a record of one kind (or of a union of kinds), through the migration ladder.

    Raises
    ------
    RecordUnreadable
        With the file and, where a field is wrong, the field.
    """
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise RecordUnreadable(f"{path}: no such record; run the step that writes it first") from None
    except OSError as error:
        raise environment_fault(error, path) from error
    except (ValueError, RecursionError) as error:
        raise RecordUnreadable(f"{path}: not JSON ({error}); delete it and run the step again") from error
    if not isinstance(document, dict):
        raise RecordUnreadable(f"{path}: found a JSON {type(document).__name__}, expected an object")
    try:
        return TypeAdapter(kind).validate_python(climb(document))
    except RecordUnreadable as error:
        raise RecordUnreadable(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise RecordUnreadable(f"{path}: {field}: {first['msg']}; expected a record of this version") from error
