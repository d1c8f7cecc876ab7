"""Which files beside an H5AD are its fragments and their index, told by name. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from pathlib import PurePosixPath

from catchment.schema.records import Asset, SourceFile

ENDINGS = ("fragments.tsv.gz", "fragments.tsv.bgz")
INDEX = ".tbi"
PACKED = "fragments.tsv.gz"  # what the schema calls the processed file, after the asset's name
H5AD = ".h5ad"
JOINTS = ("-", "_", ".")


def beside_h5ad(name: str, beside: AbstractSet[str]) -> list[str]:
    """Return the names beside an H5AD that are its fragments, and their index.

    Those that start with the H5AD's name; where it is the only one in its folder and none does, all that say
    `fragments`.
    """
    own = PurePosixPath(name).name
    stems = {stem_of(other) for other in {own, *beside} if other.lower().endswith(H5AD)}
    found = [other for other in sorted(beside) if is_fragments(other)]
    ours = [other for other in found if owner(other, stems) == stem_of(own)]
    if not ours and len(stems) == 1:
        ours = found
    return [other for one in ours for other in (one, one + INDEX) if other in beside]


def owner(name: str, stems: Iterable[str]) -> str | None:
    """Return the longest of some names of H5ADs, without ending, that a file's name starts with; None without one."""
    return max(
        (stem for stem in stems if name.startswith(tuple(stem + joint for joint in JOINTS))), key=len, default=None
    )


def stem_of(name: str) -> str:
    """Return the name of an H5AD without its ending."""
    return name[: -len(H5AD)]


def is_fragments(name: str) -> bool:
    """Tell whether a file is named as fragments are."""
    return name.lower().endswith(ENDINGS)


def fragment_files(asset: Asset) -> tuple[SourceFile, ...]:
    """Return the fragments files of an asset: none where it is no H5AD, one where all is well."""
    return () if asset.folder else tuple(file for file in asset.files[1:] if is_fragments(file.name))


def index_of(asset: Asset, file: SourceFile) -> SourceFile | None:
    """Return the index that was sent with a fragments file."""
    return next((other for other in asset.files if other.name == file.name + INDEX), None)
