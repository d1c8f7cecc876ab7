"""`manifest.json`: every file of a release but itself, with its size and sha256, and what its stores hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from catchment.release.contents import Contents, Store
from catchment.schema.records import Sha256, Shape, StoredFile, StoreKind

NAME = "manifest.json"


class SealedStore(Shape):
    """A store of the release, and the digest of what it holds."""

    path: str
    kind: StoreKind
    logical_digest: Sha256


class ReleaseManifest(Shape):
    """The seal of a release: with it, every byte can be checked without anything else."""

    release: str
    files: tuple[StoredFile, ...]
    stores: tuple[SealedStore, ...]


def draw_manifest(contents: Contents, documents: Iterable[StoredFile]) -> ReleaseManifest:
    """Return the manifest of a release: its contents and its documents, in order of their paths."""

    def sealed(store: Store) -> SealedStore:
        return SealedStore(path=store.path, kind=store.kind, logical_digest=store.logical_digest)

    return ReleaseManifest(
        release=contents.release,
        files=tuple(sorted((*contents.files, *documents), key=lambda file: file.path)),
        stores=tuple(map(sealed, contents.stores)),
    )
