"""Stores that no record and no release points at, and what killed processes left: found, and removed where told so.

What may still be wanted stays: whatever a record below `work/` names or a release has a file of, the stores of an
asset or census whose records are not all there (they would be made again from it), pieces of a census that stays, and
everything younger than a day, which a running step may be about to name.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from catchment.errors import BadInput, RecordUnreadable, WorkdirLocked
from catchment.schema.build_records import Assembled
from catchment.schema.records import Admitted, Held
from catchment.steps import admission_store
from catchment.storage import NOTE, environment_fault, load, locked
from catchment.submission.inbox import asset_keys

YOUNG_S = 24 * 3600
UNFINISHED = re.compile(r"\..+\.(begun|[0-9a-f]{8}\.tmp)")  # as `storage` names what is not whole yet
LEFT_IN = {"releases": re.compile(r"\.staging-[0-9a-f]{12}"), "inbox": re.compile(r"\.CAT.*\.receiving")}
ADMISSION = "admit.json"
ASSET_RECORDS = (ADMISSION, "convert.json", "normalise.json")
BUILD_RECORDS = {"census": "census/assemble.json", "release": "release/index.json"}
CENSUSES, PIECES = "store/census/assemble/", "store/census/pieces/"
VERIFIED, AXES = "store/census/verified-", "store/census/axes/"
FileId = tuple[int, int]


@dataclass(frozen=True)
class Orphan:
    """A folder or file that nothing points at; its path is relative to the build folder."""

    path: str
    what: Literal["store", "unfinished"]
    bytes: int
    changed_at: str


@dataclass(frozen=True)
class Tree:
    """What lies below a folder: its bytes, when it last changed (s since 1970), which files they are."""

    bytes: int
    changed_s: float
    files: frozenset[FileId]


def find_orphans(workdir: Path, now_s: float) -> tuple[list[Orphan], int]:
    """Return what may be removed, in order of paths, and how many more are too young to be.

    Raises
    ------
    BadInput
        Where this is no build folder, or a record cannot be read: what it names is not known.
    """
    if not (workdir / "store").is_dir():
        raise BadInput(f"{workdir}: no stores here; give the folder of a build with --workdir")
    candidates = [(path, "store", tree_of(path)) for path in unwanted_stores(workdir)]
    candidates += [(path, "unfinished", tree_of(path)) for path in unfinished(workdir) if not in_use(path)]
    old = [one for one in candidates if now_s - one[2].changed_s >= YOUNG_S]
    orphans = [
        Orphan(
            path.relative_to(workdir).as_posix(),
            "store" if what == "store" else "unfinished",
            tree.bytes,
            datetime.fromtimestamp(tree.changed_s, UTC).isoformat(timespec="seconds"),
        )
        for path, what, tree in old
    ]
    return sorted(orphans, key=lambda orphan: orphan.path), len(candidates) - len(old)


def remove_orphans(workdir: Path, now_s: float) -> tuple[list[Orphan], int]:
    """Remove what may be removed, and return it and how many are too young; nobody may build here meanwhile.

    Raises
    ------
    WorkdirLocked
        Where a build, a `receive` or a publication is at work, or Snakemake was killed and its lock is left.
    """
    with contextlib.ExitStack() as held:
        for folder, what in ((workdir, "release"), (workdir / "inbox", "receive"), (workdir / "releases", "publish")):
            if folder.is_dir():
                held.enter_context(locked(folder, what))
        stop_where_a_build_runs(workdir)
        orphans, young = find_orphans(workdir, now_s)
        for orphan in orphans:
            stop_where_a_build_runs(workdir)
            remove(workdir / orphan.path)
    return orphans, young


def stop_where_a_build_runs(workdir: Path) -> None:
    """Stop at Snakemake's lock.

    Raises
    ------
    WorkdirLocked
        Where it is there.
    """
    if any((workdir / ".snakemake/locks").glob("*")):
        raise WorkdirLocked(
            f"{workdir}: a build is running here; wait for it to end, or run `snakemake --unlock` if it was killed"
        )


def remove(path: Path) -> None:
    """Remove a folder or file: first its name, so that nobody finds half a store."""
    aside = path.with_name(f".{path.name.strip('.')}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        path.rename(aside)
        if aside.is_dir():
            shutil.rmtree(aside)
        else:
            aside.unlink()
    except OSError as error:
        raise environment_fault(error, path) from error


# --- what is there -----------------------------------------------------------------------------------------------


def whole_stores(workdir: Path) -> Iterator[Path]:
    """Yield every store that was committed; what lies below `store/` and is none is not looked at."""
    for here, folders, _ in os.walk(workdir / "store"):
        for name in sorted(folders):
            path = Path(here, name)
            if UNFINISHED.fullmatch(name) or path.is_symlink():
                folders.remove(name)
            elif (path / NOTE).is_file():
                folders.remove(name)
                yield path


def unfinished(workdir: Path) -> Iterator[Path]:
    """Yield what a process was writing when it was killed, or is writing now."""
    for root in (workdir / "store", workdir / "work"):
        for here, folders, names in os.walk(root):
            found = [name for name in sorted((*folders, *names)) if UNFINISHED.fullmatch(name)]
            yield from (Path(here, name) for name in found)
            folders[:] = [name for name in folders if name not in found and not Path(here, name, NOTE).is_file()]
    for folder, pattern in LEFT_IN.items():
        if (workdir / folder).is_dir():
            yield from sorted(path for path in (workdir / folder).iterdir() if pattern.fullmatch(path.name))


def in_use(folder: Path) -> bool:
    """Tell whether a process holds a folder that it began to fill (`storage.begun_folder`)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def tree_of(root: Path) -> Tree:
    """Return size, last change and files of a folder or file; what goes meanwhile is not counted."""
    size, changed, files = 0, 0.0, set()
    below = (Path(here, name) for here, folders, names in os.walk(root) for name in (*folders, *names))
    for path in (root, *below):
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            # a rename or a link changes the second alone
            changed = max(changed, status.st_mtime, status.st_ctime)
            if not path.is_dir():
                size += status.st_size
                files.add((status.st_dev, status.st_ino))
    return Tree(size, changed, frozenset(files))


# --- what is pointed at ------------------------------------------------------------------------------------------


def unwanted_stores(workdir: Path) -> Iterator[Path]:
    """Yield every store that no record and no release points at, and no record that is still to be made."""
    stores = {path.relative_to(workdir).as_posix(): path for path in whole_stores(workdir)}
    kept = (*incomplete_builds(workdir), AXES)
    wanted = {name for name in named_stores(workdir) if name in stores} | {
        name for name in stores if name.startswith(kept)
    }

    def sharing(files: frozenset[FileId], names: set[str]) -> set[str]:
        """Return those that have a file in common with some: releases and censuses are linked, not copied."""
        return {name for name in names if not files.isdisjoint(tree_of(stores[name]).files)}

    pieces = {name for name in stores if name.startswith(PIECES)}
    released, of_pieces = tree_of(workdir / "releases").files, files_of(stores[name] for name in pieces)
    # a later census has the files of its pieces too: they do not tell which census a release was linked from
    wanted |= sharing(released - of_pieces, stores.keys() - wanted - pieces)
    in_censuses = files_of(stores[name] for name in wanted if name.startswith(CENSUSES))
    wanted |= sharing(released | in_censuses, pieces - wanted)
    for name, path in stores.items():
        # what was learnt of a piece goes where the piece goes
        verified = name.startswith(VERIFIED) and f"{PIECES}{path.name}" in wanted
        if name not in wanted and not verified:
            yield path


def files_of(folders: Iterable[Path]) -> frozenset[FileId]:
    """Return the files of some folders."""
    return frozenset().union(*(tree_of(folder).files for folder in folders))


def incomplete_builds(workdir: Path) -> tuple[str, ...]:
    """Return where the stores lie of every asset, census and catalogue whose records are not all there."""
    inbox, work = workdir / "inbox", workdir / "work"
    assets = ["/".join(key) for key in asset_keys(inbox)] if inbox.is_dir() else []
    missing = [one for one in assets if not all((work / one / name).is_file() for name in ASSET_RECORDS)]
    missing += [name for name, record in BUILD_RECORDS.items() if not (work / record).is_file()]
    return tuple(f"store/{name}/" for name in missing)


def named_stores(workdir: Path) -> set[str]:
    """Return every store that a record below `work/` names or was made from, and the pieces of the census."""
    named: set[str] = set()
    for path in sorted((workdir / "work").rglob("*.json")):
        try:
            texts = texts_of(json.loads(path.read_bytes()))
            named |= {text.rstrip("/") for text in texts if text.startswith("store/")}
        except FileNotFoundError:
            continue
        except ValueError as error:
            raise RecordUnreadable(f"{path}: not JSON ({error}); delete it and run the step again") from error
        if path.name == ADMISSION:
            record: Admitted | Held = load(Admitted | Held, path)
            named.add(str(admission_store(record.asset, record.made_by.step_version, record.made_by.settings)))
    assembly = workdir / "work" / BUILD_RECORDS["census"]
    if assembly.is_file():
        named |= pieces_of(load(Assembled, assembly), workdir)
    return named


def texts_of(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_of(inner)


def pieces_of(assembled: Assembled, workdir: Path) -> set[str]:
    """Return the stores of the pieces of a census, where its table of them is there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = workdir / assembled.store / assembled.census.pieces
    if not assembled.census.pieces or not table.is_file():
        return set()
    try:
        with pq.ParquetFile(table) as file:
            keys = file.read(columns=["store_key"])["store_key"].to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise BadInput(
            f"{table}: not a readable table ({error}); its pieces are not known, nothing is swept"
        ) from error
    return {f"{PIECES}{key}" for key in keys}
