"""Archives: honest ones are read as the standard library reads them, others are refused before a byte is unpacked."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment.archive.directory import first_name, names_in, read_directory
from catchment.archive.members import MemberUnsound, blocks_of
from catchment.schema.records import Finding
from catchment.schema.rules import RULES

from .tampered_zips import HONEST, HOSTILE, UNSOUND, commented, written, zipped


def read_all(path: Path) -> dict[str, bytes]:
    """Every member of a sound archive."""
    directory = read_directory(str(path), path.name)
    assert not directory.findings
    with path.open("rb") as file:
        return {member.name: b"".join(blocks_of(file, member, path.name)) for member in directory.members}


def faults_of(path: Path) -> list[Finding]:
    """What is wrong with an archive, its members read where the directory allows it."""
    directory = read_directory(str(path), path.name)
    if directory.findings:
        return list(directory.findings)
    with path.open("rb") as file, pytest.raises(MemberUnsound) as raised:
        for member in directory.members:
            for _ in blocks_of(file, member, path.name):
                pass
    return [raised.value.finding]


names = st.text(st.characters(codec="utf-8", categories=("L", "N", "Zs")), min_size=1, max_size=20).filter(str.strip)


@given(
    members=st.dictionaries(names, st.binary(max_size=2000), max_size=6),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_members_are_what_the_standard_library_reads(
    tmp_path_factory: pytest.TempPathFactory, members: dict[str, bytes], method: int
) -> None:
    members = {name.casefold(): b"-" + content for name, content in members.items() if name.casefold() == name}
    path = written(tmp_path_factory.mktemp("zip"), zipped(members, method))
    directory = read_directory(str(path), "upload.zip")
    if any(finding.code == "ARC-005" for finding in directory.findings):
        return
    with zipfile.ZipFile(path) as other:
        assert read_all(path) == {name: other.read(name) for name in other.namelist()}
    assert sorted(names_in(path)) == sorted(members)


def test_streamed_and_large_archives_and_folders_are_read(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        """What cannot be wound back: the standard library then writes sizes behind each member."""

        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += data  # type: ignore[arg-type]
            return len(data)  # type: ignore[arg-type]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", "")
        for name, content in HONEST.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(content)
    assert read_all(written(tmp_path, bytes(pipe.data))) == HONEST


def test_the_record_of_large_archives_is_read(tmp_path: Path) -> None:
    data = zipped(HONEST)
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 3, 3, end - start, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path = written(tmp_path, data[:end] + record + locator + last)
    with zipfile.ZipFile(path) as other:
        assert len(other.namelist()) == 3
    assert read_all(path) == HONEST


def test_an_archive_with_a_comment_is_read(tmp_path: Path) -> None:
    assert read_all(written(tmp_path, commented(b"packed by hand"))) == HONEST


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_is_refused_before_a_member_is_read(what: str, tmp_path: Path) -> None:
    make, code, words = HOSTILE[what]
    path = written(tmp_path, make())
    findings = read_directory(str(path), path.name).findings
    own = [finding for finding in findings if finding.code == code]
    assert len(own) == 1, findings
    assert words in own[0].found
    assert own[0].where.startswith("upload.zip")
    assert RULES[code].unsafe


@pytest.mark.parametrize("what", UNSOUND)
def test_a_member_that_is_not_what_is_declared_is_refused_while_it_is_read(what: str, tmp_path: Path) -> None:
    make, code, words = UNSOUND[what]
    (finding,) = faults_of(written(tmp_path, make()))
    assert finding.code == code
    assert words in finding.found
    assert finding.where.startswith("upload.zip: ")


def test_every_rule_of_archives_is_broken_by_some_test() -> None:
    broken = {code for _, code, _ in (*HOSTILE.values(), *UNSOUND.values())}
    assert broken == {code for code in RULES if code.startswith("ARC-")}


def test_one_cause_is_one_finding(tmp_path: Path) -> None:
    path = written(tmp_path, zipped({f"../{number}": b"x" for number in range(500)}))
    (finding,) = read_directory(str(path), path.name).findings
    assert (finding.code, finding.count) == ("ARC-001", 500)


def test_a_small_blank_picture_is_no_bomb(tmp_path: Path) -> None:
    assert read_all(written(tmp_path, zipped({"mask.bin": bytes(20_000_000)}))) == {"mask.bin": bytes(20_000_000)}


def test_a_bomb_that_hides_its_size_is_stopped_at_the_size_that_it_declares(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.bin": bytes(100_000_000)}))
    struct.pack_into("<L", data, data.index(b"PK\x03\x04") + 22, 1000)
    struct.pack_into("<L", data, data.index(b"PK\x01\x02") + 24, 1000)
    path = written(tmp_path, bytes(data))
    tracemalloc.start()
    (finding,) = faults_of(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert finding.code == "ARC-003"
    assert peak < 4_000_000


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_cut_archive_is_never_read(cut: int, tmp_path: Path) -> None:
    data = zipped(HONEST)
    path = written(tmp_path, data[: max(0, len(data) - 1 - cut)])
    assert [finding.code for finding in read_directory(str(path), path.name).findings] == ["ARC-008"]


@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_no_changed_byte_raises_anything_else(tmp_path_factory: pytest.TempPathFactory, place: int, value: int) -> None:
    data = bytearray(zipped(HONEST))
    data[place % len(data)] = value
    path = written(tmp_path_factory.mktemp("zip"), bytes(data))
    directory = read_directory(str(path), path.name)
    names_in(path)
    if directory.findings:
        return
    with path.open("rb") as file:
        for member in directory.members:
            try:
                content = b"".join(blocks_of(file, member, path.name))
            except MemberUnsound:
                continue
            assert content == HONEST[member.name]


def test_names_of_a_cut_archive_come_from_its_first_header(tmp_path: Path) -> None:
    data = zipped(HONEST)
    assert names_in(written(tmp_path, data[:200])) == ()
    assert first_name(data[:200]) == "a/one.txt"
    assert first_name(b"PK\x03\x04") == first_name(b"II*\0") == ""
