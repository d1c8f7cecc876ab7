"""Every claim of the verification, by a census that breaks it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiledbsoma

from catchment.census.verify import verify
from catchment.errors import CatchmentError, CensusWrong
from catchment.schema.build_records import Verification
from catchment.soma import MatrixWriter

from .synthetic_census import Built

HUMAN = "census_data/homo_sapiens"
OBS = f"{HUMAN}/obs"
RNA = f"{HUMAN}/ms/RNA"


@pytest.fixture
def store(built: Built, tmp_path: Path) -> Path:
    """A copy of the census's store, to be spoilt."""
    return Path(shutil.copytree(built.store, tmp_path / "census"))


def verified(built: Built, store: Path, **changed: Any) -> Verification:
    return verify(built.plan, built.census.model_copy(update=changed), store, built.workdir)


def test_a_good_census_passes_with_the_number_of_things_checked(built: Built) -> None:
    checks = verified(built, built.store).checks
    assert checks["cells"] == 9
    assert checks["genes"] == 7 + 4
    assert checks["datasets"] == 3
    assert checks["counts"] == checks["shares"] > 9
    assert checks["fragments"] == 2 * 3
    assert checks["presences"] == 5 + 3 + 4
    assert checks["dictionaries"] == 2 * 20
    assert checks["ledger_rows"] == checks["measurements"] == 4


def test_a_wrong_census_is_our_own_fault() -> None:
    assert issubclass(CensusWrong, CatchmentError)
    assert CensusWrong.exit_code == 1


def cell(layer: str, row: int, column: int, value: float) -> Callable[[Path], None]:
    """Add a cell to a layer."""

    def spoil(soma: Path) -> None:
        with MatrixWriter(str(soma / RNA / "X" / layer)) as writer:
            writer.write(np.array([row]), np.array([column]), np.array([value], np.float32))

    return spoil


def rewritten(frame: str, name: str, value: Any) -> Callable[[Path], None]:
    """Write the first row of a dataframe again, with another value in one column."""

    def spoil(soma: Path) -> None:
        with tiledbsoma.open(str(soma / frame)) as found:
            table = found.read().concat().sort_by("soma_joinid").slice(0, 1)
        place, kind = table.column_names.index(name), table.schema.field(name).type
        if pa.types.is_dictionary(kind):
            values = pa.DictionaryArray.from_arrays(pa.array([0], kind.index_type), pa.array([value], kind.value_type))
        else:
            values = pa.array([value], kind)
        with tiledbsoma.open(str(soma / frame), "w") as found:
            found.write(table.set_column(place, pa.field(name, kind), values).combine_chunks())

    return spoil


def presence(dataset: int, gene: int, value: bool) -> Callable[[Path], None]:
    """Add an entry to the presence matrix."""

    def spoil(soma: Path) -> None:
        with tiledbsoma.open(str(soma / RNA / "feature_dataset_presence_matrix"), "w") as array:
            array.write(pa.table({"soma_dim_0": [dataset], "soma_dim_1": [gene], "soma_data": [value]}))

    return spoil


def more_objects(soma: Path) -> None:
    with tiledbsoma.open(str(soma / "census_info"), "w") as info:
        info.add_new_collection("notes")


def no_mouse(soma: Path) -> None:
    with tiledbsoma.open(str(soma / "census_data"), "d") as data:
        del data["mus_musculus"]


def object_elsewhere(soma: Path) -> None:
    moved = soma.parent / "elsewhere"
    shutil.copytree(soma / "census_info", moved)
    with tiledbsoma.open(str(soma), "d") as census:
        del census["census_info"]
    with tiledbsoma.open(str(soma), "w") as census:
        census.set("census_info", tiledbsoma.open(str(moved)), use_relative_uri=False)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (more_objects, r"objects: .*'/census_info/notes'.* should not differ"),
        (no_mouse, r"objects: .*mus_musculus.* should not differ"),
        (object_elsewhere, r"/census_info: is kept at .*/elsewhere, expected below"),
        (cell("raw", 3, 1, 7), "CAT00000002A.D0001: X/raw: a place holds two values, in rows 3 to 6"),
        (cell("raw", 3, 0, 7), "CAT00000002A.D0001: 13 counts, the dataset has 12"),
        (cell("raw", 3, 0, 0), "CAT00000002A.D0001: X/raw stores zeros"),
        (cell("normalized", 3, 0, 0.5), "CAT00000002A.D0001: X/normalized has other places than X/raw"),
        (cell("normalized", 3, 1, 0.5), "CAT00000002A.D0001: X/normalized: a place holds two values"),
        (rewritten(OBS, "raw_sum", 1e6), r"CAT00000001A.D0001: obs/raw_sum\[0\] is 1000000.0, its counts"),
        (rewritten(OBS, "nnz", 6), r"obs/nnz\[0\] is 6, its counts give"),
        (rewritten(OBS, "raw_mean_nnz", 0.1), r"obs/raw_mean_nnz\[0\] is 0.1, its counts give"),
        (rewritten(OBS, "raw_variance_nnz", 99.0), r"obs/raw_variance_nnz\[0\] is 99.0, its counts give"),
        (rewritten(OBS, "raw_sum", float("nan")), r"obs/raw_sum\[0\] is nan, its counts give"),
        (rewritten(OBS, "n_measured_vars", 7), r"n_measured_vars is \[7, 5\], expected 5"),
        (rewritten(OBS, "cell_type", "neuron"), r"obs/cell_type\[0\] is neuron, the dataset has hepatocyte"),
        (rewritten(OBS, "tissue_general", "lung"), r"obs/tissue_general\[0\] is lung, the dataset has liver"),
        (rewritten(OBS, "is_primary_data", False), r"obs/is_primary_data\[0\] is False, the dataset has True"),
        (rewritten(OBS, "dataset_id", "CAT00000002A.D0001"), "its rows of obs are of"),
        (rewritten(f"{RNA}/var", "nnz", 1), r"var/nnz\[0\]: found 1, expected . \(1 such\)"),
        (rewritten(f"{RNA}/var", "n_measured_obs", 1), r"var/n_measured_obs\[0\]: found 1, expected 3 \(1 such\)"),
        (rewritten(f"{RNA}/var", "feature_id", "ENSG9"), "feature_id does not rise"),
        (rewritten(f"{RNA}/var", "feature_id", "AENSG"), "CAT00000001A.D0001: 1 genes are not in var"),
        (presence(0, 6, True), "feature_dataset_presence_matrix: 1 pairs of dataset and gene are wrong"),
        (presence(0, 6, False), "feature_dataset_presence_matrix: holds a False"),
        (rewritten("census_info/summary", "value", "2.3.0"), "census_schema_version: found 2.3.0, expected 2.4.0"),
        (rewritten("census_info/datasets", "dataset_total_cell_count", 2), r"datasets\[0\]: found \(0, 'CAT00000001A"),
        (rewritten("census_info/organisms", "organism_label", "Man"), r"organisms\[0\]: found \('homo_sapiens'"),
        (rewritten("census_info/summary_cell_counts", "unique_cell_count", 7), r"counts\[0\]: found \('Homo sapiens'"),
    ],
)  # fmt: skip
def test_a_spoilt_census_is_refused_by_name(
    built: Built, store: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(store / "soma")
    with pytest.raises(CensusWrong, match=message):
        verified(built, store)


def test_a_lost_value_is_refused(built: Built, store: Path) -> None:
    fragments = sorted((store / "soma" / RNA / "X/normalized/__fragments").iterdir())
    for fragment in fragments:
        shutil.rmtree(fragment)
        (fragment.parents[1] / "__commits" / f"{fragment.name}.wrt").unlink()
    with pytest.raises(CensusWrong, match="X/normalized has other places than X/raw"):
        verified(built, store)


def test_shares_that_the_counts_do_not_give_are_refused(built: Built, store: Path) -> None:
    folder = store / "soma" / RNA / "X"
    shutil.rmtree(folder / "normalized")
    shutil.copytree(folder / "raw", folder / "normalized")
    with pytest.raises(CensusWrong, match=r"X/normalized: the shares of a cell sum to 1 \+- [0-9]"):
        verified(built, store)


def test_a_source_that_changed_is_refused(built: Built, store: Path, tmp_path: Path) -> None:
    workdir = Path(shutil.copytree(built.workdir, tmp_path / "work"))
    own = workdir / built.plan.datasets[0].store / "counts.soma/ms/RNA/X/raw"
    with tiledbsoma.open(str(built.workdir / own.relative_to(workdir))) as array:
        first = array.read().tables().concat()
    shutil.rmtree(own / "__fragments")
    shutil.rmtree(own / "__commits")
    (own / "__fragments").mkdir()
    (own / "__commits").mkdir()
    values = first["soma_data"].to_numpy().copy()
    values[-1] += 1
    with tiledbsoma.open(str(own), "w") as array:
        array.write(first.set_column(2, "soma_data", pa.array(values)))
    with pytest.raises(CensusWrong, match=r"CAT00000001A.D0001: 1 counts of X/raw are not the dataset's"):
        verify(built.plan, built.census, store, workdir)


def test_a_lost_dictionary_is_refused(built: Built, store: Path) -> None:
    """What tiledbsoma 2.3.0 leaves where a dataframe is written through the handle that created it."""
    soma = store / "soma"
    with tiledbsoma.open(str(soma / HUMAN / "obs")) as found:
        table, schema = found.read().concat(), found.schema
    with tiledbsoma.open(str(soma / HUMAN), "d") as experiment:
        del experiment["obs"]
    shutil.rmtree(soma / HUMAN / "obs")
    with tiledbsoma.open(str(soma / HUMAN), "w") as experiment:
        frame = experiment.add_new_dataframe("obs", schema=schema, domain=[(0, 6)])
        frame.write(table)
    with pytest.raises(CensusWrong, match=r"homo_sapiens/obs/dataset_id: the dictionary has 0 values, cells have \d"):
        verified(built, store)


def test_a_census_of_other_cells_than_planned_is_refused(built: Built) -> None:
    with pytest.raises(
        CensusWrong, match=r"cells by organism: found \{'homo_sapiens': 8\}, expected \{'homo_sapiens': 7"
    ):
        verified(built, built.store, cells={"homo_sapiens": 8})


def test_a_ledger_of_another_plan_is_refused(built: Built, store: Path) -> None:
    ledger = pq.read_table(store / "ledger.parquet")
    pq.write_table(ledger.slice(1), store / "ledger.parquet")
    with pytest.raises(CensusWrong, match=r"ledger.parquet: differs from the plan; do not release it"):
        verified(built, store)


def test_measurements_of_a_dataset_that_was_not_planned_are_refused(built: Built, store: Path) -> None:
    table = pq.read_table(store / "measurements.parquet")
    strays = pa.array(["CAT00000077A.D0001"] * table.num_rows)
    pq.write_table(table.set_column(1, "dataset_id", strays), store / "measurements.parquet")
    with pytest.raises(CensusWrong, match=r"measurements.parquet: \['CAT00000077A.D0001'\] are not in the plan"):
        verified(built, store)


def test_measurements_of_other_columns_are_refused(built: Built, store: Path) -> None:
    table = pq.read_table(store / "measurements.parquet")
    pq.write_table(table.drop_columns("counts"), store / "measurements.parquet")
    with pytest.raises(CensusWrong, match=r"measurements.parquet: found measurement_id"):
        verified(built, store)
