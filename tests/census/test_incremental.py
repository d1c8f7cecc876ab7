"""A census after a census: what did not change is taken over, ids stay, as if it had been built from nothing."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tiledbsoma

from catchment.census import source
from catchment.census.ledger import Ledger
from catchment.census.verify import verify
from catchment.config import CensusPlan
from catchment.errors import BadInput, CensusWrong
from catchment.soma import TILE
from catchment.storage import stored_files

from .synthetic_census import MOUSE, Built, Made, build_census, released

RNA = "census_data/homo_sapiens/ms/RNA"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The datasets whose counts are read, once for each block of rows; those whose SOMA is opened are in it too."""
    found: list[str] = []
    original = source.Source.__init__

    def opened(self: Any, planned: Any, *more: Any) -> None:
        found.append(planned.dataset)
        original(self, planned, *more)

    monkeypatch.setattr(source.Source, "__init__", opened)
    return found


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """By dataset, how many rows of its counts are read."""
    found: Counter[str] = Counter()
    original = source.Source.tile

    def tile(self: Any, block: Any, keys_of: Any) -> Any:
        found[self.dataset] += block.end - block.first
        return original(self, block, keys_of)

    monkeypatch.setattr(source.Source, "tile", tile)
    return found


def made(number: int, cells: int, genes: list[int], **more: Any) -> Made:
    """A dataset whose every cell counts at least its first gene."""
    counts = np.random.default_rng(number).integers(0, 4, (cells, len(genes)))
    counts[:, 0] += 1
    return Made(number, counts, genes, **more)


ONE, TWO, THREE = made(1, 5, [4, 2, 9]), made(2, TILE, [2, 3]), made(3, 4, [1, 9, 4])


def cells(built: Built, organism: str = "homo_sapiens", layer: str = "raw") -> dict[tuple[str, int, str], float]:
    """Every value of a layer by dataset, row of the dataset and gene."""
    with tiledbsoma.open(str(built.soma / "census_data" / organism)) as experiment:
        obs = experiment.obs.read(column_names=["soma_joinid", "dataset_id"]).concat().to_pandas()
        genes = experiment.ms["RNA"].var.read(column_names=["soma_joinid", "feature_id"]).concat().to_pandas()
        table = experiment.ms["RNA"].X[layer].read().tables().concat().to_pandas()
    first = obs.groupby("dataset_id", observed=True)["soma_joinid"].min()
    dataset = obs.set_index("soma_joinid")["dataset_id"]
    gene = genes.set_index("soma_joinid")["feature_id"]
    return {
        (dataset[row], int(row - first[dataset[row]]), gene[column]): value
        for row, column, value in table.itertuples(index=False)
    }


def rows(built: Built) -> dict[str, tuple[int, int]]:
    """The joinids of each dataset's cells: from, to."""
    with tiledbsoma.open(str(built.soma / "census_data/homo_sapiens/obs")) as obs:
        table = obs.read(column_names=["soma_joinid", "dataset_id"]).concat().to_pandas()
    grouped = table.groupby("dataset_id", observed=True)["soma_joinid"]
    return {name[3:12]: (int(own.min()), int(own.max())) for name, own in grouped}


def genes(built: Built) -> list[str]:
    with tiledbsoma.open(str(built.soma / RNA / "var")) as var:
        return list(var.read().concat().sort_by("soma_joinid")["feature_id"].to_pylist())


def check(built: Built) -> dict[str, int]:
    return verify(built.plan, built.census, built.store, built.workdir, stored_files(built.store)).checks


def from_nothing(built: Built, *datasets: Made, ledger: Ledger | None = None, **more: Any) -> Built:
    """The same census once more, after everything that could be taken over is gone."""
    shutil.rmtree(built.workdir / "store/census")
    return build_census(built.workdir, *datasets, ledger=ledger, folder="again", **more)


def test_a_dataset_is_added_without_a_look_at_the_others(tmp_path: Path, read: list[str]) -> None:
    first = build_census(tmp_path, TWO, THREE)
    assert check(first)["counts_read"] > 0
    ledger = released(first)
    read.clear()
    second = build_census(tmp_path, ONE, TWO, THREE, ledger=ledger, folder="second")
    assert set(read) == {ONE.dataset}
    assert rows(second) == {
        "00000001A": (TILE + 4, TILE + 8),
        "00000002A": (0, TILE - 1),
        "00000003A": (TILE, TILE + 3),
    }
    assert genes(second)[: len(genes(first))] == genes(first)
    assert {key: value for key, value in cells(second).items() if key[0] != ONE.dataset} == cells(first)
    read.clear()
    checks = check(second)
    assert set(read) == {ONE.dataset}  # what was verified once and is shared byte for byte is not read again
    assert checks["counts_read"] == np.count_nonzero(ONE.counts) < checks["counts"]
    again = from_nothing(second, ONE, TWO, THREE, ledger=ledger)
    assert again.census.logical_digest == second.census.logical_digest
    assert cells(build_census(tmp_path / "apart", ONE, TWO, THREE)) == cells(second)


def test_counts_are_read_once_to_assemble_and_once_to_verify(tmp_path: Path, rows_read: Counter[str]) -> None:
    built = build_census(tmp_path, ONE, TWO, THREE)
    once = {one.dataset: len(one.counts) for one in (ONE, TWO, THREE)}
    assert rows_read == once
    check(built)
    assert rows_read == {dataset: 2 * rows for dataset, rows in once.items()}
    check(built)
    build_census(tmp_path, ONE, TWO, THREE, folder="again")
    assert rows_read == {dataset: 2 * rows for dataset, rows in once.items()}


def test_an_unchanged_dataset_keeps_its_files(tmp_path: Path) -> None:
    first = build_census(tmp_path, TWO, THREE)
    second = build_census(tmp_path, ONE, TWO, THREE, ledger=released(first), folder="second")
    for layer in ("raw", "normalized"):
        folder = f"{RNA}/X/{layer}/__fragments"
        had = {path.name: path for path in (first.soma / folder).iterdir()}
        has = {path.name: path for path in (second.soma / folder).iterdir()}
        assert len(had) == 2
        assert len(has) == 3
        for name in had:
            assert all((has[name] / file.name).samefile(file) for file in had[name].iterdir())


def test_a_withdrawn_dataset_leaves_a_hole(tmp_path: Path, read: list[str]) -> None:
    first = build_census(tmp_path, ONE, TWO, THREE)
    ledger = released(first)
    read.clear()
    second = build_census(tmp_path, TWO, THREE, ledger=ledger, folder="second")
    assert read == []
    before = rows(first)
    del before["00000001A"]
    assert rows(second) == before
    assert genes(second) == genes(first)  # a gene that nobody has any more keeps its id
    assert cells(second) == {key: value for key, value in cells(first).items() if key[0] != ONE.dataset}
    table = pq.read_table(second.store / second.census.ledger)
    assert dict(zip(table["dataset_id"].to_pylist(), table["present"].to_pylist(), strict=True)) == {
        TWO.dataset: True,
        THREE.dataset: True,
        ONE.dataset: False,
    }
    assert check(second)["cells"] == TILE + 4
    assert from_nothing(second, TWO, THREE, ledger=ledger).census.logical_digest == second.census.logical_digest
    third = build_census(tmp_path, ONE, TWO, THREE, ledger=released(second, "2026.2"), folder="third")
    assert rows(third) == rows(first)
    assert third.census.logical_digest == first.census.logical_digest


def test_the_last_dataset_of_an_organism_can_go_and_another_come(tmp_path: Path) -> None:
    mouse = made(4, 3, [7, 8], organism=MOUSE)
    first = build_census(tmp_path, ONE, mouse)
    second = build_census(tmp_path, ONE, ledger=released(first), folder="second")
    assert second.census.cells == {"homo_sapiens": 5}
    check(second)
    other = made(5, 2, [8, 6], organism=MOUSE)
    third = build_census(tmp_path, ONE, other, ledger=released(second, "2026.2"), folder="third")
    check(third)
    ids = pq.read_table(third.store / third.census.genes).to_pydict()
    assert [gene for gene, one in zip(ids["feature_id"], ids["organism"], strict=True) if one == "mus_musculus"] == [
        f"ENSMUSG{number:011d}" for number in (7, 8, 6)
    ]


@pytest.mark.parametrize("size", [5, 6])
def test_a_dataset_that_was_converted_anew_is_written_anew(tmp_path: Path, read: list[str], size: int) -> None:
    first = build_census(tmp_path, ONE, TWO, THREE)
    ledger = released(first)
    read.clear()
    changed = made(1, size, [4, 2, 9], version="anew")
    changed.counts[:, 1] += 2
    second = build_census(tmp_path, changed, TWO, THREE, ledger=ledger, folder="second")
    assert set(read) == {ONE.dataset}
    place = rows(second).pop("00000001A")
    assert place == ((0, 4) if size == 5 else (TILE + 9, TILE + 14))
    assert cells(second)[ONE.dataset, 0, "ENSG00000000002"] == changed.counts[0, 1]
    check(second)
    assert (
        from_nothing(second, changed, TWO, THREE, ledger=ledger).census.logical_digest == second.census.logical_digest
    )


def test_a_revision_stands_for_what_it_revises_and_nothing_else_is_read(tmp_path: Path, read: list[str]) -> None:
    first = build_census(tmp_path, ONE, TWO, THREE)
    ledger = released(first)
    read.clear()
    revised = made(1, 6, [4, 2, 9], revision=".v2")
    second = build_census(tmp_path, ONE, revised, TWO, THREE, ledger=ledger, folder="second")
    assert set(read) == {revised.dataset}
    assert rows(second) == rows(first) | {"00000001A": (TILE + 9, TILE + 14)}
    report = pq.read_table(second.store / second.census.exclusions).to_pylist()
    assert [(row["dataset_id"], row["code"], row["cells"]) for row in report] == [(ONE.dataset, "CEN-011", 5)]
    table = pq.read_table(second.store / second.census.ledger).to_pylist()
    assert [row["dataset_id"] for row in table if not row["present"]] == [ONE.dataset]
    check(second)
    again = from_nothing(second, ONE, revised, TWO, THREE, ledger=ledger)
    assert again.census.logical_digest == second.census.logical_digest
    # without the ledger rows and columns have other numbers; by dataset, observation and gene all is the same
    assert cells(build_census(tmp_path / "apart", revised, TWO, THREE)) == cells(second)


def test_inclusion_rules_leave_cells_out_of_matrices_and_obs(tmp_path: Path) -> None:
    types = ["tissue", "organoid", "tissue", "organoid", "tissue"]
    one = Made(1, ONE.counts, ONE.genes, obs={"tissue_type": types})
    choice = CensusPlan(tissue_types=("tissue",))
    built = build_census(tmp_path, one, THREE, choice=choice)
    assert rows(built) == {"00000001A": (0, 2), "00000003A": (3, 6)}
    alone = Made(1, ONE.counts[[0, 2, 4]], ONE.genes)
    assert cells(built) == cells(build_census(tmp_path / "apart", alone, THREE))
    assert cells(built, layer="normalized") == cells(build_census(tmp_path / "more", alone, THREE), layer="normalized")
    report = pq.read_table(built.store / built.census.exclusions).to_pylist()
    assert [(row["dataset_id"], row["code"], row["found"], row["cells"]) for row in report] == [
        (one.dataset, "CEN-007", "organoid", 2)
    ]
    assert check(built)["exclusions"] == 1
    everything = build_census(tmp_path, one, THREE, ledger=released(built), folder="second")
    assert rows(everything) == {"00000001A": (7, 11), "00000003A": (3, 6)}  # other cells: other ids
    check(everything)


def test_the_dense_form_has_ids_without_holes_and_one_fragment_an_array(tmp_path: Path) -> None:
    first = build_census(tmp_path, ONE, TWO, THREE)
    ledger = released(first)
    dense = build_census(tmp_path, TWO, THREE, ledger=ledger, choice=CensusPlan(dense_ids=True), folder="dense")
    assert rows(dense) == {"00000002A": (0, TILE - 1), "00000003A": (TILE, TILE + 3)}
    for array in ("obs", "ms/RNA/var", "ms/RNA/X/raw", "ms/RNA/X/normalized", "ms/RNA/feature_dataset_presence_matrix"):
        assert len(list((dense.soma / "census_data/homo_sapiens" / array / "__fragments").iterdir())) == 1
    check(dense)
    apart = build_census(tmp_path / "apart", TWO, THREE)
    assert dense.census.logical_digest == apart.census.logical_digest
    assert cells(dense) == cells(apart)


def test_a_large_dataset_is_written_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = build_census(tmp_path / "whole", ONE, made(2, 3 * TILE, [2, 3]), THREE)
    monkeypatch.setattr("catchment.census.pieces.PIECE_ROWS", TILE)
    built = build_census(tmp_path / "pieces", ONE, made(2, 3 * TILE, [2, 3]), THREE)
    assert pq.read_table(built.store / built.census.pieces).num_rows == 1 + 4 + 1
    assert built.census.logical_digest == whole.census.logical_digest
    assert check(built)["fragments"] == 2 * 6


def test_a_tile_of_many_counts_is_several_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catchment.census.pieces.tile_counts", lambda settings: 600)
    built = build_census(tmp_path, ONE, TWO)
    sizes = pq.read_table(built.store / built.census.pieces)["rows"].to_pylist()
    assert sum(sizes) == TILE + 5
    assert max(sizes) <= 512
    check(built)


def test_several_processes_make_the_census_that_one_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = [made(number, 3 * number, [number, 20, 9 + number]) for number in range(1, 6)]
    one = build_census(tmp_path / "one", *datasets)
    monkeypatch.setenv("CATCHMENT_THREADS", "4")
    two = build_census(tmp_path / "two", *datasets)
    assert two.census == one.census


def test_a_piece_whose_file_changed_is_read_again(tmp_path: Path) -> None:
    built = build_census(tmp_path, ONE, THREE)
    files = stored_files(built.store)
    assert verify(built.plan, built.census, built.store, tmp_path, files).checks["counts_read"] > 0
    assert verify(built.plan, built.census, built.store, tmp_path, files).checks["counts_read"] == 0
    damaged = [file.model_copy(update={"sha256": "0" * 64}) if "X/raw" in file.path else file for file in files]
    checks = verify(built.plan, built.census, built.store, tmp_path, damaged).checks
    assert checks["counts_read"] == checks["counts"] > 0


def test_every_fault_is_found_in_one_pass(tmp_path: Path) -> None:
    built = build_census(tmp_path, ONE, THREE)
    for name in (built.census.ledger, built.census.measurements):
        table = pq.read_table(built.store / name)
        pq.write_table(table.slice(0, 0) if "ledger" in name else table.drop_columns("counts"), built.store / name)
    with pytest.raises(CensusWrong) as caught:
        verify(built.plan, built.census.model_copy(update={"cells": {}}), built.store, tmp_path)
    wheres = [finding.where for finding in caught.value.findings]
    assert wheres == ["cells by organism", "ledger.parquet", "measurements.parquet"]
    assert {finding.code for finding in caught.value.findings} == {"CEN-100"}


def test_a_table_of_genes_that_is_not_the_planned_one_is_refused(tmp_path: Path) -> None:
    ledger = released(build_census(tmp_path, ONE))
    genes_file = tmp_path / "releases/2026.1/census/genes.parquet"
    table = pq.read_table(genes_file)
    genes_file.unlink()
    pq.write_table(table.slice(1), genes_file)
    with pytest.raises(BadInput, match=r"genes.parquet: not the table of genes .* run the plan step again"):
        build_census(tmp_path, ONE, ledger=ledger, folder="second")
