"""Under which names the files of a folder are kept in the inbox and in a release. Pure."""

from __future__ import annotations

from collections.abc import Iterable

MAX_PART = 120
MAX_PATH = 400
SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def safe_names(names: Iterable[str]) -> dict[str, str] | None:
    """Return, for each path inside an asset, the path it may be stored under; None where they cannot be told apart.

    Readers, ours and a consumer's, find the files of a folder by their names, so these are kept: every character but
    `A-Z a-z 0-9 . _ -` becomes `_`, and so does a dot or hyphen that starts a part. What was a prefix of another name
    stays one. None where two names or folders would fall together (also on a disk that ignores case), or one is too
    long: then no reader could be trusted to find the right one.
    """
    stored = {name: "/".join(map(safe_part, name.split("/"))) for name in names}
    places = {
        path: safe for name, kept in stored.items() for path, safe in zip(prefixes(name), prefixes(kept), strict=True)
    }
    fits = all(len(kept) <= MAX_PATH and max(map(len, kept.split("/"))) <= MAX_PART for kept in stored.values())
    if fits and len({safe.lower() for safe in places.values()}) == len(places):
        return stored
    return None


def numbered(names: Iterable[str]) -> dict[str, str]:
    """Return a number for each path, to be stored under: what is left where names cannot be kept."""
    return {name: f"{number:06d}" for number, name in enumerate(sorted(names), start=1)}


def safe_part(part: str) -> str:
    """Return one part of a path with nothing in it that a path of ours may not have."""
    kept = "".join(character if character in SAFE else "_" for character in part)
    return f"_{kept[1:]}" if kept[:1] in (".", "-") else kept


def prefixes(path: str) -> list[str]:
    """Return a path and every folder that it is in."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
