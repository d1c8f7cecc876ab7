"""What lies in an upload: which of its files and folders are one asset, and what modality and format each has."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from catchment.contract import Confidence, Head, Recogniser
from catchment.schema.records import Finding, ModalityName
from catchment.submission import rules
from catchment.submission.native import FILE_NAME
from catchment.submission.upload import Upload, head, look_at, names_below, plain_names, require_names

Recognised = tuple[ModalityName, Confidence]
SHOWN_BYTES = 16
# a folder of which a modality is less sure is one asset only where its submitter lists it
SURE = 0.5


def uploaded(given: Path, recogniser: Recogniser) -> Upload:
    """Return the upload at a path, with all that is one asset with it.

    A folder without description that is itself an asset (an instrument's run folder) is an upload of that one folder;
    one file brings along what lies beside it and belongs to it.
    """
    upload = look_at(given)
    found = given.resolve()
    if found.is_file():
        beside = plain_names(found.parent)
        belonging = Sighting(upload, recogniser, {"": beside}).companions(found.name)
        names = [name for own in belonging for name in below(found.parent, own)]
        require_names(given, names)
        return Upload(upload.root, (*upload.names, *names))
    if FILE_NAME in upload.names or not found.name:
        return upload
    require_names(given, [found.name])
    whole = Upload(found.parent, tuple(f"{found.name}/{name}" for name in upload.names))
    return whole if Sighting(whole, recogniser).stands_alone(found.name) else upload


def below(root: Path, name: str) -> list[str]:
    """Return the names of the files that a name in a folder stands for: itself, or every file below it."""
    path = root / name
    return [f"{name}/{inner}" for inner in sorted(names_below(path))] if path.is_dir() else [name]


class Sighting:
    """An upload as a recogniser sees it; each of its files and folders is looked at once.

    `beside` are the names in a folder of the upload, by the folder ("" for the upload itself); drawn up from the names
    of the upload where it is not given.
    """

    def __init__(self, upload: Upload, recogniser: Recogniser, beside: dict[str, frozenset[str]] | None = None) -> None:
        self.upload = upload
        self.recogniser = recogniser
        self.files = frozenset(upload.names)
        self.children = children_of(upload) if beside is None else beside
        self.below = files_by_folder(upload)
        self.seen: dict[str, tuple[Recognised | None, tuple[str, ...], bytes]] = {}

    def exists(self, name: str) -> bool:
        """Tell whether the upload has a file or folder of this name."""
        return name in self.files or name in self.below

    def recognised(self, name: str) -> Recognised | None:
        """Return the modality and format of a file or folder by its content; None where no modality knows it."""
        return self.look(name)[0]

    def stands_alone(self, folder: str) -> bool:
        """Tell whether a folder is one asset though nobody says so."""
        found = self.recognised(folder)
        return found is not None and found[1].certainty >= SURE

    def is_measurement(self, name: str) -> bool:
        """Tell whether a file or folder is, or at least is named like, what a modality takes."""
        if name in self.below:
            return self.stands_alone(name)
        return self.recognised(name) is not None or self.recogniser.by_name(name) is not None

    def companions(self, name: str) -> tuple[str, ...]:
        """Return the files and folders beside a file that are one asset with it."""
        return self.look(name)[1]

    def look(self, name: str) -> tuple[Recognised | None, tuple[str, ...], bytes]:
        """Return what is known of a file or folder: modality and format, companions, its first bytes."""
        if name not in self.seen:
            own = self.head(name)
            found = max(self.recogniser.by_content(own), key=lambda pair: pair[1].certainty, default=None)
            belonging: tuple[str, ...] = ()
            if found is not None and name in self.files:
                belonging = self.beside(own, found[0], name)
            self.seen[name] = found, belonging, own.start[:SHOWN_BYTES]
        return self.seen[name]

    def head(self, name: str) -> Head:
        """Return what a recogniser may look at of a file or folder."""
        if name in self.files:
            return head(self.upload.path(name), name)
        start = f"{name}/"
        members = tuple(file.removeprefix(start) for file in self.below[name])
        return Head(name=name, size=0, start=b"", members=members, member=lambda inner: self.head(start + inner))

    def beside(self, own: Head, modality: ModalityName, name: str) -> tuple[str, ...]:
        """Return the names beside a file that its modality says belong to it, and that are there."""
        folder = parent(name)
        there = self.children.get(folder, frozenset())
        wanted = self.recogniser.companions(own, modality, there)
        names = (f"{folder}/{one}" if folder else one for one in wanted if one in there)
        return tuple(one for one in names if one != name)

    def members(self, name: str) -> tuple[str, ...]:
        """Return the files that an asset consists of: all in a folder, or a file and then what belongs to it."""
        if name in self.below:
            return self.below[name]
        more = [file for own in self.companions(name) for file in self.below.get(own, (own,))]
        return (name, *sorted(more))

    def parts(self) -> list[str]:
        """Return what is an asset in an upload without a description.

        The topmost folder that a modality recognises, with all that is in it; every other file that does not belong
        to another one; hidden files are left out.
        """
        claimed: set[str] = set()
        folders = []
        for folder in sorted(self.below, key=lambda name: (name.count("/"), name)):
            if not claimed.intersection(self.below[folder]) and self.stands_alone(folder):
                folders.append(folder)
                claimed.update(self.below[folder])
        files = [
            name for name in self.upload.names if name not in claimed and not PurePosixPath(name).name.startswith(".")
        ]
        owned = {file for name in files for file in self.members(name)[1:]}
        return sorted([*folders, *(name for name in files if name not in owned)])

    def recognise(self, name: str, declared: ModalityName | None) -> tuple[Recognised | None, list[Finding]]:
        """Return the modality and format of a file or folder by content; else by what is declared or named.

        A name that announces another modality than the content has is an error, even though the content could be read.
        """
        announced = self.recogniser.by_name(name)
        fallback = declared or announced
        if not self.exists(name):
            return ((fallback, Confidence("missing", 0.0)) if fallback else None), []
        found = self.recognised(name)
        if found is None:
            rule = rules.NAME_LIES if announced else rules.UNRECOGNISED
            words = rule.broken(name, self.words_for(name))
            return ((fallback, Confidence("unrecognised", 0.0)) if fallback else None), [words]
        for claim, said in (("declared", declared), ("named", announced)):
            if said is not None and said != found[0]:
                words = rules.NAME_LIES.broken(name, f"content of {found[0]} ({found[1].format}), {claim} as {said}")
                return found, [words]
        return found, []

    def words_for(self, name: str) -> str:
        """Return what a file or folder that nobody recognises looks like."""
        if name in self.below:
            inner = [file.removeprefix(f"{name}/") for file in self.below[name]]
            return f"a folder of {len(inner):,} files, the first of them {inner[0]}"
        start = self.look(name)[2]
        return f"content that starts with {start!r}" if start else "an empty file"


def parent(name: str) -> str:
    """Return the folder that a name is in; "" for the upload itself."""
    return name.rpartition("/")[0]


def folders_of(name: str) -> list[str]:
    """Return every folder that a file is in, below the upload, the innermost first."""
    return [str(folder) for folder in PurePosixPath(name).parents][:-1]


def files_by_folder(upload: Upload) -> dict[str, tuple[str, ...]]:
    """Return the sorted files below each folder of an upload."""
    found: dict[str, list[str]] = {}
    for name in upload.names:
        for folder in folders_of(name):
            found.setdefault(folder, []).append(name)
    return {folder: tuple(sorted(names)) for folder, names in found.items()}


def children_of(upload: Upload) -> dict[str, frozenset[str]]:
    """Return the names right inside each folder of an upload; "" is the upload itself."""
    found: dict[str, set[str]] = {}
    for name in upload.names:
        for path in (name, *folders_of(name)):
            found.setdefault(parent(path), set()).add(PurePosixPath(path).name)
    return {folder: frozenset(names) for folder, names in found.items()}
