"""The published fragments: sorted, packed by blocks, indexed; read back by gzip, by a reader of the index, by pysam."""

from __future__ import annotations

import gzip
import json
import random
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest

from catchment.config import SinglecellAdmit
from catchment.schema.records import Description, SourceFile
from catchment.singlecell import MODALITY
from catchment.singlecell.fragments import bgzf, product
from catchment.singlecell.fragments.bgzf import BLOCK_BYTES
from catchment.singlecell.fragments.check import file_findings
from catchment.singlecell.fragments.product import write_fragments
from catchment.singlecell.fragments.tabix import bins, index_fault
from catchment.singlecell.fragments.tables import chromosomes
from catchment.storage import Place
from tests.singlecell.agreement import REAL as SCHEMA_CLI
from tests.singlecell.agreement import REFERENCE

from . import agreement
from .variant_list import LINES, VARIANTS

HUMAN = chromosomes()["NCBITaxon:9606"]
REAL = SCHEMA_CLI / "atac_seq"
Row = tuple[str, int, int, str, int]


def made(count: int, seed: int = 1) -> list[str]:
    """Return lines of fragments on three chromosomes, dense here and sparse there, some of them very long."""
    chance = random.Random(seed)
    lines = set()
    while len(lines) < count:
        chromosome = chance.choice(["chr2", "chr10", "GL000009.2"])
        start = chance.choice([chance.randrange(1, 100_000), chance.randrange(1, HUMAN[chromosome] - 1)])
        length = chance.choice([40, 200, 600, 20_000, 3_000_000])
        stop = min(start + length, HUMAN[chromosome])
        if stop > start:
            lines.add(f"{chromosome}\t{start}\t{stop}\tcell-{chance.randrange(5)}\t{chance.randrange(1, 9)}")
    found = sorted(lines)
    chance.shuffle(found)
    return found


def row_of(line: str) -> Row:
    """Return a line as values."""
    chromosome, start, stop, cell, reads = line.split("\t")
    return chromosome, int(start), int(stop), cell, int(reads)


def written(lines: list[str], folder: Path, name: str = "sorted.tsv.gz") -> Path:
    """Write some fragments as they are published."""
    folder.mkdir(exist_ok=True)
    source, target = folder / "sent.tsv.gz", folder / name
    source.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    cells = sorted({line.split("\t")[3] for line in lines}, reverse=True)
    sent = SourceFile(path=str(source), name="sent.tsv.gz", bytes=source.stat().st_size, sha256="0" * 64)
    write_fragments(sent, HUMAN, cells, target)
    return target


class Index:
    """A reader of tabix indices, written from the format's page and sharing nothing with the writer."""

    def __init__(self, path: Path) -> None:
        self.data = path.with_name(f"{path.name}").read_bytes()
        raw = gzip.decompress(Path(f"{path}.tbi").read_bytes())
        assert raw[:4] == b"TBI\1"
        count, self.format, *self.columns, names = struct.unpack_from("<8i", raw, 4)
        self.names = raw[36 : 36 + names].decode().rstrip("\0").split("\0")
        assert len(self.names) == count
        at = 36 + names
        self.bins: list[dict[int, list[tuple[int, int]]]] = []
        self.windows: list[list[int]] = []
        for _ in range(count):
            (number,) = struct.unpack_from("<i", raw, at)
            at += 4
            found: dict[int, list[tuple[int, int]]] = {}
            for _ in range(number):
                name, chunks = struct.unpack_from("<Ii", raw, at)
                pairs = struct.unpack_from(f"<{2 * chunks}Q", raw, at + 8)
                found[name] = list(zip(pairs[::2], pairs[1::2], strict=True))
                at += 8 + 16 * chunks
            (number,) = struct.unpack_from("<i", raw, at)
            self.windows.append(list(struct.unpack_from(f"<{number}Q", raw, at + 4)))
            self.bins.append(found)
            at += 4 + 8 * number
        assert at == len(raw)

    def text(self, first: int, last: int) -> bytes:
        """Return what stands between two places, from blocks that are inflated one by one."""
        parts, block = [], first >> 16
        while block <= last >> 16 and block < len(self.data):
            size = struct.unpack_from("<H", self.data, block + 16)[0] + 1
            inner = zlib.decompress(self.data[block + 18 : block + size - 8], -15)
            parts.append(
                inner[first & 0xFFFF if block == first >> 16 else 0 : last & 0xFFFF if block == last >> 16 else None]
            )
            block += size
        return b"".join(parts)

    def query(self, chromosome: str, first: int, last: int) -> list[Row]:
        """Return the fragments of a chromosome that touch bases `first` to `last` (counted from 0, `last` left out)."""
        number = self.names.index(chromosome)
        wanted = {0} | {
            base + place
            for base, bits in ((1, 26), (9, 23), (73, 20), (585, 17), (4681, 14))
            for place in range(first >> bits, ((last - 1) >> bits) + 1)
        }
        windows = self.windows[number]
        least = windows[first >> 14] if first >> 14 < len(windows) else 1 << 63
        rows = []
        for name in wanted & self.bins[number].keys():
            for begin, end in self.bins[number][name]:
                if end > least:
                    rows += [row_of(line) for line in self.text(begin, end).decode().splitlines()]
        return sorted({row for row in rows if row[0] == chromosome and row[1] < last and row[2] > first})


def test_fragments_are_sorted_by_place_then_cell_and_kept_whole(tmp_path: Path) -> None:
    lines = made(3000)
    text = gzip.decompress(written(lines, tmp_path).read_bytes()).decode()
    rows = [row_of(line) for line in text.splitlines()]
    assert text.endswith("\n")
    assert rows == sorted(map(row_of, lines))


def test_the_same_fragments_in_any_order_become_the_same_bytes(tmp_path: Path) -> None:
    lines = made(2000)
    one, other = written(lines, tmp_path / "a"), written(sorted(lines), tmp_path / "b")
    assert one.read_bytes() == other.read_bytes()
    assert Path(f"{one}.tbi").read_bytes() == Path(f"{other}.tbi").read_bytes()


def test_the_index_finds_what_a_search_of_all_lines_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "ROWS_AT_ONCE", 700)
    lines = made(12_000)
    path = written(lines, tmp_path)
    assert len(gzip.decompress(path.read_bytes())) > 5 * BLOCK_BYTES
    index, rows, chance = Index(path), [row_of(line) for line in lines], random.Random(2)
    assert index.names == ["GL000009.2", "chr10", "chr2"]
    assert (index.format, index.columns) == (0x10000, [1, 2, 3, 35, 0])
    for _ in range(80):
        chromosome = chance.choice(index.names)
        first = chance.choice([chance.randrange(0, 120_000), chance.randrange(0, HUMAN[chromosome])])
        last = first + chance.choice([1, 300, 16_384, 2_000_000])
        expected = sorted(row for row in rows if row[0] == chromosome and row[1] < last and row[2] > first)
        assert index.query(chromosome, first, last) == expected


def test_blocks_are_those_of_bgzf(tmp_path: Path) -> None:
    data = written(made(3000), tmp_path).read_bytes()
    place, sizes = 0, []
    while place < len(data):
        assert data[place : place + 4] == b"\x1f\x8b\x08\x04"
        assert data[place + 10 : place + 16] == b"\x06\x00BC\x02\x00"
        sizes.append(struct.unpack_from("<H", data, place + 16)[0] + 1)
        place += sizes[-1]
    assert place == len(data)
    assert data.endswith(bgzf.END)
    assert len(sizes) > 2


def test_what_does_not_pack_still_fits_into_a_block() -> None:
    data = random.Random(0).randbytes(BLOCK_BYTES)
    assert len(bgzf.packed(data)) <= 1 << 16
    assert gzip.decompress(bgzf.packed(data)) == data


def test_bins_are_those_of_the_format() -> None:
    start = np.array([0, 16_383, 16_384, 131_071, 1 << 20, (1 << 23) - 1, (1 << 26) - 1])
    stop = np.array([1, 16_385, 16_385, 131_073, (1 << 20) + 1, (1 << 23) + 1, (1 << 26) + 1])
    assert bins(start, stop).tolist() == [4681, 585, 4682, 73, 4745, 1, 0]


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda path: path.write_bytes(b"not an index"), "cannot be read (BadGzipFile)"),
        (lambda path: path.write_bytes(gzip.compress(b"CSI\1")), "content that starts with b'CSI\\x01'"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "cannot be read (EOFError)"),
        (
            lambda path: path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:60])),
            "cannot be read (error)",
        ),
    ],
)
def test_an_index_that_is_none_is_told(spoil: object, found: str, tmp_path: Path) -> None:
    path = written(made(100), tmp_path)
    index = Path(f"{path}.tbi")
    names = {"GL000009.2", "chr10", "chr2"}
    assert index_fault(index, path.stat().st_size, names) is None
    spoil(index)  # type: ignore[operator]  # a lambda
    assert found in str(index_fault(index, path.stat().st_size, names))


def test_the_index_of_another_file_is_told(tmp_path: Path) -> None:
    path = written(made(5000), tmp_path)
    index = Path(f"{path}.tbi")
    assert "an index of 3 chromosomes" in str(index_fault(index, path.stat().st_size, {"chr1", "chr2"}))
    assert "the file has 1,000" in str(index_fault(index, 1000, {"GL000009.2", "chr10", "chr2"}))


def test_a_wrong_index_beside_good_fragments_is_a_warning(tmp_path: Path) -> None:
    VARIANTS[0].write(tmp_path / "dataset")
    (tmp_path / "dataset" / "cells-fragments.tsv.gz.tbi").write_bytes(b"what")
    (warning,) = [found for found in agreement.our_findings(tmp_path / "dataset") if found.code.startswith("FRG")]
    assert (warning.code, warning.level, warning.where) == ("FRG-021", "warning", "cells-fragments.tsv.gz.tbi")


def test_labelling_publishes_sorted_fragments_beside_the_h5ad(tmp_path: Path) -> None:
    VARIANTS[0].write(tmp_path / "dataset")
    place = Place(str(tmp_path / "place"))
    place.path.mkdir()
    asset = agreement.asset_of(tmp_path / "dataset")
    assert isinstance(MODALITY.describe(asset), Description)
    MODALITY.label(asset, place, SinglecellAdmit())
    assert sorted(path.name for path in place.path.iterdir()) == [
        "cells-fragments.tsv.gz",
        "cells-fragments.tsv.gz.tbi",
        "cells.h5ad",
    ]
    text = gzip.decompress((place.path / "cells-fragments.tsv.gz").read_bytes()).decode()
    assert [row_of(line) for line in text.splitlines()] == sorted(map(row_of, LINES))


PYSAM = """
import json, sys, pysam
file = pysam.TabixFile(sys.argv[1])
asked = json.load(sys.stdin)
print(json.dumps([list(file.contigs), [sorted(file.fetch(*region)) for region in asked]]))
"""


@pytest.mark.long
@pytest.mark.skipif(not REFERENCE.exists(), reason="no .venv-reference: `make reference` builds it")
def test_pysam_finds_the_same_through_our_index(tmp_path: Path) -> None:
    lines = made(20_000)
    path, chance = written(lines, tmp_path), random.Random(4)
    regions = [
        ("chr2", first := chance.randrange(0, 10**8), first + chance.choice([10, 10**5, 10**7])) for _ in range(200)
    ]
    command = [str(REFERENCE), "-c", PYSAM, str(path)]
    answer = subprocess.run(command, input=json.dumps(regions), capture_output=True, text=True, check=True)
    names, found = json.loads(answer.stdout)
    assert names == ["GL000009.2", "chr10", "chr2"]
    rows = {line: row_of(line) for line in lines}
    for (chromosome, first, last), own in zip(regions, found, strict=True):
        touching = [line for line, row in rows.items() if row[0] == chromosome and row[1] < last and row[2] > first]
        assert own == sorted(touching)


def test_the_order_is_that_of_the_reference_s_sort(tmp_path: Path) -> None:
    lines = made(3000)
    keys = ["-t", "\t", "-k1,1", "-k2,2n", "-k3,3n", "-k4,4"]
    text = "".join(f"{line}\n" for line in lines)
    answer = subprocess.run(
        ["sort", *keys], input=text, env={"LC_ALL": "C"}, capture_output=True, text=True, check=True
    )
    assert gzip.decompress(written(lines, tmp_path).read_bytes()).decode() == answer.stdout


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="the folder of real files (../shared/data) is absent")
def test_real_fragments_come_out_whole_however_they_are_packed(tmp_path: Path) -> None:
    made_of = []
    for name in ("fragments.tsv.gz", "fragments.tsv.bgz"):
        text = gzip.decompress((REAL / name).read_bytes()).decode()
        cells = sorted({line.split("\t")[3] for line in text.splitlines()})
        sent = SourceFile(path=str(REAL / name), name=name, bytes=(REAL / name).stat().st_size, sha256="0" * 64)
        look = tmp_path / f"look-{name}"
        look.mkdir()
        findings, count, _ = file_findings(sent, HUMAN, cells, look)
        assert (findings, count) == ([], len(text.splitlines()))
        write_fragments(sent, HUMAN, cells, tmp_path / name)
        out = gzip.decompress((tmp_path / name).read_bytes()).decode()
        assert sorted(out.splitlines()) == sorted(text.splitlines())
        made_of.append((tmp_path / name).read_bytes())
    assert made_of[0] == made_of[1]
