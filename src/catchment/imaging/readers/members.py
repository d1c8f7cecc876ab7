"""The files of a set of images: the members of a ZIP, or what lies in a folder. One at a time is unpacked."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from catchment.archive.directory import Member, read_directory
from catchment.archive.members import MemberUnsound, blocks_of
from catchment.imaging.readers import ImageReader, Source, UnreadableImage, open_reader
from catchment.imaging.recognise import is_of_the_packer

Opened = contextlib.AbstractContextManager[tuple[ImageReader, str]]


class Members(Protocol):
    """The files of a set by their names, and how each is had."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Return the size of each file in bytes, but for what packers and desktops add."""
        ...

    def opened(self, name: str) -> Opened:
        """Hold an image open: its reader, and the sha256 of its bytes; raises `UnreadableImage`."""
        ...

    def data(self, name: str) -> bytes:
        """Return the bytes of a file; raises `UnreadableImage` where it is not what was declared."""
        ...

    def check(self, name: str) -> None:
        """Make sure that a file which is only kept is what was declared; raises `UnreadableImage`."""
        ...


def members_of(source: Source) -> Members:
    """Return the files of a set; raises `UnreadableImage` with every fault of an archive."""
    return FolderMembers(source) if source.files else ZipMembers.of(source)


@dataclass(frozen=True)
class FolderMembers:
    """The files of a folder, whose checksums were taken when they were received."""

    source: Source

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Return the size of each file in bytes."""
        return {name: Path(path).stat().st_size for name, path, _ in self.source.files if not is_of_the_packer(name)}

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[tuple[ImageReader, str]]:
        """Hold an image open where it lies."""
        path, sha256 = self._paths[name]
        with contextlib.closing(open_reader(Source(path, f"{self.source.name}: {name}", self.source.page_axis))) as own:
            yield own, sha256

    def data(self, name: str) -> bytes:
        """Return the bytes of a file."""
        return Path(self._paths[name][0]).read_bytes()

    def check(self, name: str) -> None:
        """Accept every file: nobody declared anything of it but its checksum."""

    @cached_property
    def _paths(self) -> dict[str, tuple[str, str]]:
        """Return path and checksum of each file by its name."""
        return {name: (path, sha256) for name, path, sha256 in self.source.files}


@dataclass(frozen=True)
class ZipMembers:
    """The members of a ZIP; one at a time comes out of it, for as long as it is read."""

    source: Source
    members: Mapping[str, Member]

    @classmethod
    def of(cls, source: Source) -> ZipMembers:
        """Return the members of an archive that is sound."""
        directory = read_directory(source.path, source.name)
        if directory.findings:
            raise UnreadableImage(*directory.findings)
        return cls(source, {one.name: one for one in directory.members if not is_of_the_packer(one.name)})

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Return the size of each member in bytes, unpacked."""
        return {name: member.bytes for name, member in self.members.items()}

    @contextlib.contextmanager
    def opened(self, name: str) -> Iterator[tuple[ImageReader, str]]:
        """Hold an image open in a temporary file that goes with it."""
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile() as copy:
            for block in self._blocks(name):
                digest.update(block)
                copy.write(block)
            copy.flush()
            own = Source(copy.name, f"{self.source.name}: {name}", self.source.page_axis)
            with contextlib.closing(open_reader(own)) as reader:
                yield reader, digest.hexdigest()

    def data(self, name: str) -> bytes:
        """Return the bytes of a member."""
        return b"".join(self._blocks(name))

    def check(self, name: str) -> None:
        """Read a member to its end."""
        for _ in self._blocks(name):
            pass

    def _blocks(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member, checked against what the archive declares."""
        with Path(self.source.path).open("rb") as file:
            try:
                yield from blocks_of(file, self.members[name], self.source.name)
            except MemberUnsound as fault:
                raise UnreadableImage(fault.finding) from None
