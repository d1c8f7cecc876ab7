"""Which files of an upload are those that a description lists. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath


class Arrived:
    """The names of an upload, to be asked for listed paths; an answer costs the same however many there are."""

    def __init__(self, names: Iterable[str]) -> None:
        self._files = frozenset(names)
        self._folders = frozenset(str(folder) for name in self._files for folder in PurePosixPath(name).parents)
        self._by_own_name: dict[str, list[str]] = {}
        for name in sorted(self._files):
            self._by_own_name.setdefault(name.rpartition("/")[2], []).append(name)

    def file(self, path: str) -> str:
        """Return which file a listed path is: the one there, else the only one so named; empty where there is none."""
        if path in self._files:
            return path
        alike = self._by_own_name.get(path.rpartition("/")[2], [])
        return alike[0] if len(alike) == 1 else ""

    def is_folder(self, path: str) -> bool:
        """Tell whether a listed path is a folder of the upload."""
        return path in self._folders
