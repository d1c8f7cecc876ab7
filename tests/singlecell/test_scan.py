"""One pass over a matrix finds what numpy finds in it: in CSR, CSC and dense, in any blocks, by any workers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catchment.singlecell import scan as scanning
from catchment.singlecell.container import opened
from catchment.singlecell.layout import matrix_of
from catchment.singlecell.matrix import LARGEST_EXACT, SHOWN, Faults, Offenders
from catchment.singlecell.scan import Scan, scan
from catchment.singlecell.sums import LOW, TOTAL, weights_of, words_of

FORMS: dict[str, Callable[[Any], Any]] = {"csr": sp.csr_matrix, "csc": sp.csc_matrix, "dense": np.asarray}
VALUES = [0, 0, 0, 1, 2, 7, LARGEST_EXACT]
WRONG = [-1.0, 0.5, -2.5, np.nan, np.inf, -np.inf, LARGEST_EXACT * 4.0]
KINDS: dict[str, Callable[[Any], Any]] = {
    "not_finite": lambda x: ~np.isfinite(x),
    "negative": lambda x: np.isfinite(x) & (x < 0),
    "fractional": lambda x: np.isfinite(x) & (x > 0) & (np.floor(x) != x),
    "not_counts": lambda x: ~np.isfinite(x) | (x < 0) | (np.floor(x) != x),
    "too_large": lambda x: np.isfinite(x) & (x > LARGEST_EXACT),
}


@st.composite
def tables(draw: st.DrawFn) -> np.ndarray:
    """Draw dense matrices of counts, with some values that are none."""
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 7)))
    values = st.sampled_from([*VALUES, *draw(st.sampled_from([[], WRONG]))])
    size = shape[0] * shape[1]
    return np.array(draw(st.lists(values, min_size=size, max_size=size)), np.float32).reshape(shape)


def genes(width: int) -> tuple[list[str], np.ndarray]:
    return [f"ENSG{column:011d}" for column in range(width)], np.arange(width) % 3 == 1


def scanned(path: Path, matrix: Any, block_rows: int = 2048, threads: int = 1, counts: bool = True) -> Scan:
    """Write a matrix as X of an H5AD and scan it."""
    path.unlink(missing_ok=True)
    anndata.AnnData(X=matrix).write_h5ad(path, compression="gzip")
    return scanned_file(path, block_rows, threads, counts)


def scanned_file(path: Path, block_rows: int = 2048, threads: int = 1, counts: bool = True) -> Scan:
    with opened(str(path)) as file:
        header = matrix_of(file, "X")
        return scan(file, header, block_rows, weights_of(*genes(header.shape[1])) if counts else None, threads)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scan") / "x.h5ad"


@pytest.mark.parametrize("form", FORMS)
@given(dense=tables(), block_rows=st.integers(1, 10))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_faults_and_sums_are_numpys(path: Path, form: str, dense: np.ndarray, block_rows: int) -> None:
    found = scanned(path, FORMS[form](dense), block_rows)
    assert found.complete
    for kind, wrong in KINDS.items():
        offenders: Offenders = getattr(found.faults, kind)
        places = np.argwhere(wrong(dense))
        assert offenders.count == len(places), kind
        assert [place[:2] for place in offenders.first] == [tuple(place) for place in places[:SHOWN]], kind
        np.testing.assert_array_equal([value for *_, value in offenders.first], dense[tuple(places[:SHOWN].T)])
    sums = found.sums
    np.testing.assert_array_equal(sums.values_of_row, (dense != 0).sum(axis=1))
    np.testing.assert_array_equal(sums.values_of_column, (dense != 0).sum(axis=0))
    if not found.faults.not_counts.count:
        exact = dense.astype(np.float64)
        np.testing.assert_array_equal(sums.total_counts, exact.sum(axis=1))
        with np.errstate(invalid="ignore"):
            share = exact[:, genes(dense.shape[1])[1]].sum(axis=1) / exact.sum(axis=1) * 100
        expected = share if genes(dense.shape[1])[1].any() else np.full(len(dense), np.nan)
        np.testing.assert_allclose(sums.pct_counts_mt, expected, rtol=1e-12)


@given(dense=tables())
@settings(max_examples=40)
def test_cells_have_one_hash_exactly_where_they_have_the_same_counts(path: Path, dense: np.ndarray) -> None:
    hashes = scanned(path, sp.csr_matrix(dense)).sums.hashes
    for left, one in enumerate(dense):
        assert (not hashes[left].any()) == (not one.any())
        for right, other in enumerate(dense):
            # as the words of values are: two NaN are alike, a zero of either sign is none
            alike = np.array_equal(one, other, equal_nan=True)
            assert bool((hashes[left] == hashes[right]).all()) == alike


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", "int64", "float16"])
def test_a_hash_depends_on_ids_and_counts_alone(path: Path, dtype: str) -> None:
    dense = np.random.default_rng(5).poisson(0.6, (30, 12)).astype(dtype)
    expected = scanned(path, sp.csr_matrix(dense.astype("float32"))).sums.hashes
    for form in FORMS if dtype != "float16" else ("dense",):  # scipy has no half precision
        np.testing.assert_array_equal(scanned(path, FORMS[form](dense), block_rows=7).sums.hashes, expected)
    ids, mitochondrial = genes(12)
    order = np.random.default_rng(6).permutation(12)
    # genes in another order, and one more that no cell has counts of
    weights = weights_of([*(ids[column] for column in order), "ENSG9"], np.append(mitochondrial[order], False))
    path.unlink()
    anndata.AnnData(X=np.column_stack([dense[:, order], np.zeros(30, dtype)])).write_h5ad(path)
    with opened(str(path)) as file:
        other = scan(file, matrix_of(file, "X"), 2048, weights, 1).sums
    np.testing.assert_array_equal(other.hashes, expected)
    np.testing.assert_array_equal(other.pct_counts_mt, scanned(path, dense).sums.pct_counts_mt)


def test_a_hash_is_kept_from_version_to_version() -> None:
    # stored in side-cars and compared across years: a change of the hash is a change of the step's version
    weights = weights_of(["ENSG00000163631"], np.array([False]))
    assert weights[0].tolist() == [1, 0, 0x5462DBB37DD0F225, 0xFE448BD04343B434]


@pytest.mark.parametrize("form", FORMS)
def test_stored_zeros_count_for_nothing(path: Path, form: str) -> None:
    dense = np.array([[1, 0, 2], [0, 0, 0], [3, 4, 0]], np.float32)
    with_zeros = FORMS[form](np.where(dense == 0, 9, dense))
    if form != "dense":
        with_zeros.data[with_zeros.data == 9] = 0
    found, expected = scanned(path, with_zeros if form != "dense" else dense), scanned(path, sp.csr_matrix(dense))
    assert found.faults.zeros == (0 if form == "dense" else 5)
    assert found.faults.not_counts.count == 0
    np.testing.assert_array_equal(found.sums.per_row, expected.sums.per_row)
    np.testing.assert_array_equal(found.sums.values_of_row, [2, 0, 2])
    np.testing.assert_array_equal(found.sums.values_of_column, [2, 1, 1])


def rewritten(path: Path, form: str, indices: list[int]) -> Path:
    """Write a matrix of two lines of three values, with other places across the lines than it has."""
    matrix = sp.csr_matrix if form == "csr" else sp.csc_matrix
    shape = (2, 5) if form == "csr" else (5, 2)
    whole = matrix((np.arange(1, 7, dtype=np.float32), np.array([0, 1, 2, 0, 1, 2]), np.array([0, 3, 6])), shape)
    path.unlink(missing_ok=True)
    anndata.AnnData(X=whole).write_h5ad(path)
    with h5py.File(path, "r+") as file:
        file["X/indices"][...] = indices
    return path


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize(
    ("indices", "kind", "places"),
    [
        ([0, 1, 5, 0, 1, 2], "out_of_range", [(0, 5, 3.0)]),
        ([0, 1, -2, 9, 1, 2], "out_of_range", [(0, -2, 3.0), (1, 9, 4.0)]),
        ([0, 1, 1, 0, 1, 2], "duplicates", [(0, 1, 3.0)]),
        ([4, 0, 4, 2, 2, 2], "duplicates", [(0, 4, 3.0), (1, 2, 5.0), (1, 2, 6.0)]),
    ],
)
def test_places_that_contradict_each_other_are_found(
    path: Path, form: str, indices: list[int], kind: str, places: list[tuple[int, int, float]]
) -> None:
    found = scanned_file(rewritten(path, form, indices))
    offenders: Offenders = getattr(found.faults, kind)
    expected = places if form == "csr" else sorted((index, line, value) for line, index, value in places)
    assert (offenders.count, sorted(offenders.first)) == (len(places), expected)
    assert not found.complete


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_lines_out_of_order_are_counted_and_added_up_all_the_same(path: Path, form: str) -> None:
    straight = scanned_file(rewritten(path, form, [0, 1, 2, 0, 1, 4]))
    turned = scanned_file(rewritten(path, form, [0, 1, 2, 4, 0, 1]))
    assert (straight.faults.unsorted_lines, turned.faults.unsorted_lines) == (0, 1)
    assert turned.complete
    np.testing.assert_array_equal(turned.sums.values_of_row, straight.sums.values_of_row)
    np.testing.assert_array_equal(turned.sums.values_of_column, straight.sums.values_of_column)


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_pointers_that_fall_end_the_pass(path: Path, form: str) -> None:
    rewritten(path, form, [0, 1, 2, 0, 1, 2])
    with h5py.File(path, "r+") as file:
        file["X/indptr"][...] = [0, 7, 6]
    found = scanned_file(path)
    assert [(finding.code, finding.where) for finding in found.findings] == [("AD-001", "X/indptr")]
    assert not found.complete


@pytest.mark.parametrize("form", FORMS)
def test_a_layer_may_hold_any_number_that_is_one(path: Path, form: str) -> None:
    dense = np.array([[0.5, -1, 0], [1e20, 2, 0]], np.float32)
    assert scanned(path, FORMS[form](dense), counts=False).faults == Faults(
        width=2 if form == "csc" else 3, by_columns=form == "csc"
    )
    dense[1, 0], dense[0, 2] = np.nan, np.inf
    faults = scanned(path, FORMS[form](dense), counts=False).faults
    assert faults.not_finite.count == 2
    assert [place[:2] for place in faults.not_finite.first] == [(0, 2), (1, 0)]


@pytest.mark.parametrize("form", FORMS)
def test_workers_change_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    rng = np.random.default_rng(3)
    dense = rng.poisson(0.5, (300, 40)).astype(np.float32)
    dense[rng.integers(0, 300, 30), rng.integers(0, 40, 30)] = 0.5
    dense[[7, 250], 3] = -1, np.nan
    dense[211] = dense[4]
    one = scanned(path, FORMS[form](dense))
    if form == "dense":
        with h5py.File(path, "r+") as file:
            del file["X"]
            file.create_dataset("X", data=dense, chunks=(16, 40))
            file["X"].attrs["encoding-type"] = "array"
    monkeypatch.setattr(scanning, "WORTH_WORKERS", 1)
    monkeypatch.setattr(scanning, "PART_VALUES", 1000)
    monkeypatch.setattr(scanning, "chunk_values", lambda file, matrix: 1)
    with h5py.File(path) as file:
        header = matrix_of(file, "X")
        assert len(list(scanning.parts_of(file, header, scanning.pointers_of(file, header)))) > 4
    for threads in (1, 2, 3):
        many = scanned_file(path, block_rows=11, threads=threads)
        # NaN is not equal to itself
        assert repr(many.faults) == repr(one.faults)
        np.testing.assert_array_equal(many.sums.per_row, one.sums.per_row)
        np.testing.assert_array_equal(many.sums.values_of_row, one.sums.values_of_row)
        np.testing.assert_array_equal(many.sums.values_of_column, one.sums.values_of_column)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_damaged_chunk_is_the_files_fault_by_whichever_worker(
    path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    scanned(path, sp.csr_matrix(np.random.default_rng(0).poisson(0.5, (300, 40)).astype(np.float32)))
    with h5py.File(path, "r+") as file:
        file["X/data"].id.write_direct_chunk((0,), b"no deflated bytes")
    monkeypatch.setattr(scanning, "WORTH_WORKERS", 1)
    monkeypatch.setattr(scanning, "PART_VALUES", 1000)
    monkeypatch.setattr(scanning, "chunk_values", lambda file, matrix: 1)
    with pytest.raises(OSError, match=r"\w"):
        scanned_file(path, block_rows=11, threads=threads)


@pytest.mark.parametrize("form", FORMS)
def test_sums_of_few_values_are_those_of_many(path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    dense = np.random.default_rng(4).poisson(0.5, (60, 30)).astype(np.float32)
    dense[[0, 17, 59]] = dense[:, [0, 29]] = 0
    few = scanned(path, FORMS[form](dense), block_rows=9).sums
    monkeypatch.setattr("catchment.singlecell.sums.FEW_VALUES", 0)
    np.testing.assert_array_equal(scanned_file(path, block_rows=9).sums.per_row, few.per_row)
    np.testing.assert_array_equal(few.total_counts, dense.sum(axis=1))


def test_equal_numbers_have_equal_words_whatever_their_type() -> None:
    numbers = [0, 1, 200, LARGEST_EXACT]
    words = words_of(np.array(numbers, np.float32))
    for dtype in (np.float64, np.int64, np.uint32):
        np.testing.assert_array_equal(words_of(np.array(numbers, dtype)), words)
    odd = np.array([0.5, -0.5, np.nan, np.inf, -np.inf, -1, 1e-30, 1e30, 3], np.float32)
    assert len(set(words_of(odd).tolist())) == odd.size
    np.testing.assert_array_equal(words_of(odd.astype(np.float64)), words_of(odd))
    for at, word in enumerate(words_of(odd)):
        assert words_of(odd[at : at + 1])[0] == word


PEAK = """
import resource, sys
import numpy as np
from tests.singlecell.test_scan import scanned_file
from pathlib import Path
found = scanned_file(Path(sys.argv[1]))
assert found.complete
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def write_long(path: Path, cells: int, form: str) -> None:
    """Write a matrix of 200 genes, 100 counts a cell (dense: 200), without holding it in memory at once."""
    gzip = {"compression": "gzip", "compression_opts": 1}
    with h5py.File(path, "w") as file:
        if form == "dense":
            made = file.create_dataset("X", (cells, 200), "f4", chunks=(1000, 200), **gzip)
            for first in range(0, cells, 1000):
                made[first : first + 1000] = 1
            return
        per_line, lines, width = (100, cells, 200) if form == "csr" else (cells // 2, 200, cells)
        group = file.create_group("X")
        group.attrs.update({"encoding-type": f"{form}_matrix", "shape": (cells, 200)})
        for name, dtype in (("data", "f4"), ("indices", "i4")):
            made = group.create_dataset(name, (per_line * lines,), dtype, chunks=(1 << 16,), **gzip)
            own = np.arange(per_line, dtype=dtype) * (width // per_line) if name == "indices" else np.ones(per_line)
            step = max(1, (1 << 20) // per_line)
            for first in range(0, lines, step):
                last = min(first + step, lines)
                made[first * per_line : last * per_line] = np.tile(own, last - first)
        group["indptr"] = np.arange(lines + 1, dtype=np.int64) * per_line


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_memory_does_not_grow_with_the_matrix(tmp_path: Path, form: str) -> None:
    peaks_mb = []
    for cells in (4_000, 200_000):
        write_long(tmp_path / "x.h5", cells, form)
        said = subprocess.run(
            [sys.executable, "-c", PEAK, tmp_path / "x.h5"], check=True, capture_output=True, text=True
        ).stdout
        peaks_mb.append(int(said))
    # the larger one holds 160 MB; a cell may cost its sums (48 bytes), a block its share of a bounded block
    assert peaks_mb[1] - peaks_mb[0] < 80, peaks_mb


def test_weights_are_of_every_gene_in_its_place() -> None:
    ids, mitochondrial = genes(5)
    weights = weights_of(ids, mitochondrial)
    assert weights.shape == (5, LOW + 1)
    assert (weights[:, TOTAL] == 1).all()
    np.testing.assert_array_equal(weights_of(ids[::-1], mitochondrial[::-1]), weights[::-1])
