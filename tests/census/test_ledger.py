"""The ledger and the measurements of a census."""

from __future__ import annotations

import pyarrow as pa

from catchment.census.ledger import ledger_table, measurement_table
from catchment.census.plan import plan
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
    }
    assert ledger_table(PLAN)["organism"].to_pylist() == [None, "homo_sapiens", "homo_sapiens"]


def test_measurements_are_of_every_modality_in_order_of_the_datasets() -> None:
    table = measurement_table(PLAN, {one.dataset.dataset: one for one in RECORDS})
    assert table["label"].to_pylist() == ["DAPI", "GFP", "matrix", "matrix"]
    assert table["dataset_id"].to_pylist()[1:3] == ["CAT00000001A.D0001", "CAT00000002A.D0001"]
    assert table["count"].to_pylist() == [1, 2, 4, 5]
    assert table["sample_ids"][0].as_py() == ["CAT00000001A.S0001"]


def test_empty_tables_have_the_declared_columns() -> None:
    for table, declared in ((ledger_table(plan([], [])), LEDGER), (measurement_table(plan([], []), {}), MEASUREMENTS)):
        assert table.num_rows == 0
        assert table.schema == pa.schema([(column.name, column.type) for column in declared])
