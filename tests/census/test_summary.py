"""The tables of `census_info`, from obs written by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from catchment.census.axes import with_general_tissue
from catchment.census.plan import plan
from catchment.census.summary import CellCounts, Group, census_info, h5ad_path
from catchment.schema.columns import CENSUS_INFO, names
from catchment.schema.records import Prepared

from .synthetic_census import MOUSE, Made, obs_of, record

OBS = with_general_tissue(
    obs_of(
        Made(
            1,
            np.ones((4, 1)),
            [1],
            obs={
                "cell_type": ["neuron", "hepatocyte", "neuron", "neuron"],
                "cell_type_ontology_term_id": ["CL:0000540", "CL:0000182", "CL:0000540", "CL:0000540"],
                "suspension_type": ["cell", "nucleus", "cell", "na"],
                "is_primary_data": [True, True, False, False],
            },
        )
    )
)


def counted(*tables: pa.Table) -> CellCounts:
    counts = CellCounts()
    for table in tables:
        counts.add(table)
    return counts


def test_cells_are_counted_by_group_and_once() -> None:
    counts = counted(OBS, OBS.slice(0, 1))
    neurons, everything = Group("cell_type", "neuron", "CL:0000540"), Group("all", "na", "na")
    assert (counts.total[neurons], counts.unique[neurons]) == (4, 2)
    assert (counts.total[everything], counts.unique[everything]) == (5, 3)
    assert (counts.total[Group("tissue_general", "liver", "UBERON:0002107")]) == 5


def test_a_category_without_terms_has_a_group_for_each_label() -> None:
    counts = counted(OBS)
    found = {group.label: counts.total[group] for group in counts.total if group.category == "suspension_type"}
    assert found == {"cell": 2, "nucleus": 1, "na": 1}


def test_merged_counts_are_those_of_all_cells() -> None:
    merged = counted(OBS)
    merged.merge(counted(OBS.slice(1, 2)))
    assert merged.total == counted(OBS, OBS.slice(1, 2)).total
    assert merged.unique == counted(OBS, OBS.slice(1, 2)).unique


def tables() -> dict[str, pa.Table]:
    records = [record(1, cells=4), record(2, organisms=(MOUSE,), cells=1), record(3, "imaging")]
    contributions = {one.dataset.dataset: one for one in records}
    counts = {"homo_sapiens": counted(OBS), "mus_musculus": counted(OBS.slice(0, 1))}
    return census_info(plan(records, []), contributions, counts, date(2020, 2, 29))


def test_tables_have_the_declared_columns_and_rising_joinids() -> None:
    for name, table in tables().items():
        assert tuple(table.column_names) == names(CENSUS_INFO[name])
        assert table["soma_joinid"].to_pylist() == list(range(table.num_rows))


def test_summary_says_versions_day_and_cells() -> None:
    summary = tables()["summary"]
    assert dict(zip(summary["label"].to_pylist(), summary["value"].to_pylist(), strict=True)) == {
        "census_schema_version": "2.4.0",
        "census_build_date": "2020-02-29",
        "dataset_schema_version": "7.1.0",
        "total_cell_count": "5",
        "unique_cell_count": "3",
    }


def test_datasets_are_those_with_a_matrix() -> None:
    datasets = tables()["datasets"]
    assert datasets["dataset_id"].to_pylist() == ["CAT00000001A.D0001", "CAT00000002A.D0001"]
    assert datasets["dataset_total_cell_count"].to_pylist() == [4, 1]
    assert datasets["dataset_title"].to_pylist() == ["dataset 1", "dataset 2"]
    assert datasets["dataset_h5ad_path"][0].as_py() == "datasets/CAT00000001A.D0001/counts.soma"


def test_the_path_of_a_dataset_is_that_of_its_labelled_h5ad_where_one_is_published() -> None:
    prepared = Prepared(store="store/key", path="counts.h5ad", files=())
    labelled = record(1).model_copy(update={"prepared": prepared})
    assert h5ad_path(labelled) == "datasets/CAT00000001A.D0001/counts.h5ad"
    for changed in ({"publish_bytes": False}, {"prepared": prepared.model_copy(update={"path": None})}):
        assert h5ad_path(labelled.model_copy(update=changed)) == "datasets/CAT00000001A.D0001/counts.soma"


def test_organisms_are_named_in_all_three_ways() -> None:
    assert tables()["organisms"].to_pylist()[1] == {
        "soma_joinid": 1,
        "organism_ontology_term_id": MOUSE,
        "organism_label": "Mus musculus",
        "organism": "mus_musculus",
    }


def test_every_category_counts_every_cell() -> None:
    rows = tables()["summary_cell_counts"].to_pylist()
    totals: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        own = totals.setdefault((row["organism"], row["category"]), [0, 0])
        own[0] += row["total_cell_count"]
        own[1] += row["unique_cell_count"]
    assert set(map(tuple, totals.values())) == {(4, 2), (1, 1)}
    assert len(totals) == 2 * 9
    first = {**rows[0]}
    assert first == {
        "soma_joinid": 0, "organism": "Homo sapiens", "category": "all", "label": "na", "ontology_term_id": "na",
        "total_cell_count": 4, "unique_cell_count": 2,
    }  # fmt: skip


def test_a_census_without_cells_has_its_tables() -> None:
    found = census_info(plan([], []), {}, {}, date(2020, 1, 1))
    assert [found[name].num_rows for name in CENSUS_INFO] == [5, 0, 0, 0]
