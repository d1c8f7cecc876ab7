"""The ledger and the measurements of a census."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from catchment.census.ledger import Ledger, allot, allotment_of, ledger_table, read_allotments
from catchment.census.measurements import measurement_table
from catchment.census.plan import plan
from catchment.schema.build_records import Allotment, CellGroup, PlannedDataset
from catchment.schema.columns import LEDGER, MEASUREMENTS

from .synthetic_census import measurement, record

CHANNELS = (
    measurement("CAT00000001A.D0001", "DAPI", 1, "images"),
    measurement("CAT00000001A.D0001", "GFP", 2, "images"),
)
RECORDS = [record(2, cells=4), record(1, "imaging", measurements=CHANNELS), record(3, cells=5)]
PLAN = plan(RECORDS, [])


def test_ledger_says_which_rows_and_which_content() -> None:
    assert ledger_table(PLAN).to_pylist()[2] == {
        "dataset_id": "CAT00000003A.D0001",
        "modality": "singlecell",
        "organism": "homo_sapiens",
        "joinid": 1,
        "first_row": 4,
        "rows": 5,
        "logical_digest": RECORDS[2].dataset.product.logical_digest,
        "store_key": "key3",
        "selection": "",
        "present": True,
    }
    assert ledger_table(PLAN)["organism"].to_pylist() == [None, "homo_sapiens", "homo_sapiens"]


def test_empty_tables_have_the_declared_columns() -> None:
    for table, declared in ((ledger_table(plan([], [])), LEDGER), (measurement_table(plan([], []), {}), MEASUREMENTS)):
        assert table.num_rows == 0
        assert table.schema == pa.schema([(column.name, column.type) for column in declared])


# --- rows from release to release --------------------------------------------------------------------------------


def wanted(number: int, rows: int, organism: str | None = "homo_sapiens", left_out: int = 0) -> PlannedDataset:
    """A dataset that has no rows yet."""
    group = CellGroup(assay_ontology_term_id="EFO:1", tissue_type="tissue", is_primary_data=True, cells=left_out)
    return PlannedDataset(
        accession=f"CAT{number:08d}A",
        dataset=f"CAT{number:08d}A.D0001",
        modality="singlecell" if organism else "imaging",
        organism=organism,
        store="store/x/key",
        path="x.soma",
        logical_digest="a" * 64,
        joinid=-1,
        rows=rows,
        left_out=(group,) if left_out else (),
    )


def places(datasets: tuple[PlannedDataset, ...]) -> list[tuple[int, int, int]]:
    return [(one.joinid, one.first_row, one.rows) for one in datasets]


def next_ledger(datasets: tuple[PlannedDataset, ...], earlier: tuple[Allotment, ...]) -> Ledger:
    return Ledger((*(allotment_of(one) for one in datasets if one.organism), *earlier))


def test_what_was_allotted_stays_and_what_is_new_comes_after() -> None:
    first, _ = allot([wanted(2, 5), wanted(4, 3)], Ledger())
    assert places(first) == [(0, 0, 5), (1, 5, 3)]
    second, holes = allot(
        [wanted(1, 2), wanted(2, 5), wanted(3, 9, "mus_musculus"), wanted(4, 3)], next_ledger(first, ())
    )
    assert places(second) == [(2, 8, 2), (0, 0, 5), (3, 0, 9), (1, 5, 3)]
    assert holes == ()


def test_a_withdrawal_leaves_a_hole_that_only_the_same_dataset_fills_again() -> None:
    first, _ = allot([wanted(1, 5), wanted(2, 3)], Ledger())
    second, holes = allot([wanted(2, 3), wanted(3, 5)], next_ledger(first, ()))
    assert places(second) == [(1, 5, 3), (2, 8, 5)]
    assert [(one.dataset, one.first_row, one.rows) for one in holes] == [("CAT00000001A.D0001", 0, 5)]
    third, holes = allot([wanted(1, 5), wanted(2, 3)], next_ledger(second, holes))
    assert places(third) == [(0, 0, 5), (1, 5, 3)]
    assert [one.dataset for one in holes] == ["CAT00000003A.D0001"]


def test_a_dataset_of_other_cells_has_new_rows_and_its_own_joinid() -> None:
    first, _ = allot([wanted(1, 5), wanted(2, 3)], Ledger())
    for changed in (wanted(1, 6), wanted(1, 5, left_out=2)):
        second, holes = allot([changed, wanted(2, 3)], next_ledger(first, ()))
        assert places(second) == [(0, 8, changed.rows), (1, 5, 3)]
        assert len(holes) == 1


def test_a_dataset_without_a_matrix_is_allotted_nothing() -> None:
    datasets, holes = allot([wanted(1, 0, None)], Ledger())
    assert (places(datasets), holes) == ([(-1, 0, 0)], ())


def test_a_ledger_comes_back_from_its_table() -> None:
    first, _ = allot([wanted(1, 5, left_out=1), wanted(2, 0, None), wanted(3, 3)], Ledger())
    second, holes = allot([wanted(3, 3)], next_ledger(first, ()))
    drawn = plan([], []).model_copy(update={"datasets": second, "earlier": holes})
    assert read_allotments(ledger_table(drawn)) == next_ledger(second, holes).allotments


SETS = st.lists(st.dictionaries(st.integers(1, 5), st.integers(1, 4)), min_size=1, max_size=5)


@given(SETS)
def test_whatever_comes_and_goes_no_row_is_ever_given_twice(releases: list[dict[int, int]]) -> None:
    ledger, owners = Ledger(), {}
    for chosen in releases:
        datasets, holes = allot([wanted(number, rows) for number, rows in sorted(chosen.items())], ledger)
        for one in datasets:
            for place, row in enumerate(range(one.first_row, one.first_row + one.rows)):
                assert owners.setdefault(row, (one.dataset, one.rows, place)) == (one.dataset, one.rows, place)
        ledger = next_ledger(datasets, holes)
    assert sorted(owners) == list(range(len(owners)))
