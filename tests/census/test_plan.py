"""What a census is planned to hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment.census.ledger import Ledger, allotment_of
from catchment.census.plan import plan
from catchment.config import CensusPlan
from catchment.schema.build_records import CellGroup, Plan
from catchment.vocabulary import organisms

from .synthetic_census import HUMAN, MOUSE, held_record, record


def rows(drawn: Plan) -> list[tuple[str, str | None, int, int, int]]:
    return [(one.dataset, one.organism, one.joinid, one.first_row, one.rows) for one in drawn.datasets]


def test_rows_follow_each_other_by_organism_in_order_of_the_datasets() -> None:
    drawn = plan([record(3, cells=5), record(1, cells=2), record(2, organisms=(MOUSE,), cells=4)], [])
    assert rows(drawn) == [
        ("CAT00000001A.D0001", "homo_sapiens", 0, 0, 2),
        ("CAT00000002A.D0001", "mus_musculus", 1, 0, 4),
        ("CAT00000003A.D0001", "homo_sapiens", 2, 2, 5),
    ]
    assert drawn.organisms == {"homo_sapiens": 7, "mus_musculus": 4}
    assert drawn.excluded == ()


def test_datasets_of_other_modalities_are_there_without_rows() -> None:
    drawn = plan([record(2), record(1, "imaging"), record(3, "massspec")], [])
    assert rows(drawn) == [
        ("CAT00000001A.D0001", None, -1, 0, 0),
        ("CAT00000002A.D0001", "homo_sapiens", 0, 0, 3),
        ("CAT00000003A.D0001", None, -1, 0, 0),
    ]
    assert [one.modality for one in drawn.datasets] == ["imaging", "singlecell", "massspec"]


def test_a_planned_dataset_points_at_its_store() -> None:
    (one,) = plan([record(4)], []).datasets
    assert (one.accession, one.store, one.path) == ("CAT00000004A", "store/CAT00000004A/key4", "counts.soma")
    assert one.logical_digest == record(4).dataset.product.logical_digest


@pytest.mark.parametrize(
    ("organisms", "cells", "code", "found"),
    [
        (("NCBITaxon:4932",), 3, "CEN-001", "NCBITaxon:4932"),
        ((), 3, "CEN-001", "no organism"),
        ((MOUSE, HUMAN), 3, "CEN-002", "NCBITaxon:10090, NCBITaxon:9606"),
        ((HUMAN, "NCBITaxon:4932"), 3, "CEN-002", "NCBITaxon:9606, NCBITaxon:4932"),
        ((HUMAN,), 0, "CEN-004", "0 cells"),
    ],
)
def test_a_matrix_that_no_experiment_can_take_is_left_out_with_its_reason(
    organisms: tuple[str, ...], cells: int, code: str, found: str
) -> None:
    drawn = plan([record(1, organisms=organisms, cells=cells), record(2)], [])
    assert [one.dataset for one in drawn.datasets] == ["CAT00000002A.D0001"]
    ((finding),) = drawn.excluded
    assert (finding.code, finding.level, finding.where, finding.found) == (code, "warning", "CAT00000001A.D0001", found)


@pytest.mark.parametrize("modality", ["singlecell", "imaging"])
def test_of_equal_datasets_the_first_is_taken_and_named_for_the_others(modality: str) -> None:
    drawn = plan([record(number, modality, digest="a" * 64) for number in (3, 1, 2)], [])
    assert [one.dataset for one in drawn.datasets] == ["CAT00000001A.D0001"]
    assert [(one.code, one.where, one.found) for one in drawn.excluded] == [
        ("CEN-003", f"CAT0000000{number}A.D0001", "the content of CAT00000001A.D0001") for number in (2, 3)
    ]


def test_a_dataset_that_was_left_out_is_nobodys_twin() -> None:
    unfit = record(1, organisms=(), digest="a" * 64)
    drawn = plan([unfit, record(2, digest="a" * 64)], [])
    assert [one.dataset for one in drawn.datasets] == ["CAT00000002A.D0001"]


def test_held_assets_are_counted_with_the_codes_that_hold_them() -> None:
    drawn = plan([], [held_record(2), held_record(1)])
    assert drawn.datasets == ()
    assert [(one.code, one.level, one.where, one.found) for one in drawn.excluded] == [
        ("CEN-005", "info", "CAT00000001A.D0001", "held at admit: H5-001"),
        ("CEN-005", "info", "CAT00000002A.D0001", "held at admit: H5-001"),
    ]


def groups(**cells: int) -> dict[str, tuple[CellGroup, ...]]:
    """Cells of dataset 1, by assay (last digits), tissue type and whether they are primary."""
    found = []
    for name, number in cells.items():
        assay, tissue_type, primary = name.split("_")
        found.append(
            CellGroup(
                assay_ontology_term_id=f"EFO:{assay[1:]}",
                tissue_type=tissue_type,
                is_primary_data=primary == "primary",
                cells=number,
            )
        )
    return {"CAT00000001A.D0001": tuple(found)}


CELLS = groups(a0009922_tissue_primary=5, a0009922_organoid_primary=2, a0008931_tissue_copy=3)


@pytest.mark.parametrize(
    ("settings", "kept", "left_out"),
    [
        ({}, 10, []),
        ({"tissue_types": ["tissue"]}, 8, [("CEN-007", "organoid", 2)]),
        ({"primary_only": True}, 7, [("CEN-008", "is_primary_data False", 3)]),
        ({"assays": ["EFO:0009922"]}, 7, [("CEN-006", "EFO:0008931 (Smart-seq2)", 3)]),
        ({"assays": ["EFO:0010183"]}, 10, []),  # both are below single cell library construction
        (
            {"assays": ["EFO:0009922"], "tissue_types": ["tissue"], "primary_only": True},
            5,
            [("CEN-007", "organoid", 2), ("CEN-006", "EFO:0008931 (Smart-seq2)", 3)],
        ),
        ({"tissue_types": ["cell line"]}, 0, [("CEN-007", "tissue", 8), ("CEN-007", "organoid", 2)]),
    ],
)
def test_inclusion_rules_leave_out_groups_of_cells_and_count_them(
    settings: dict[str, Any], kept: int, left_out: list[tuple[str, str, int]]
) -> None:
    drawn = plan([record(1, cells=10), record(2)], [], None, CensusPlan(**settings), CELLS)
    own = [one for one in drawn.datasets if one.dataset == "CAT00000001A.D0001"]
    assert sum(one.rows for one in own) == kept
    found = [(one.code, one.found, one.count) for one in drawn.excluded]
    assert sorted(found) == sorted(left_out)
    assert kept + sum(cells for _, _, cells in left_out) == 10
    assert drawn.organisms == {"homo_sapiens": kept + 3}


def test_organisms_and_a_blocklist_leave_out_datasets() -> None:
    records = [record(1), record(2, organisms=(MOUSE,)), record(3), record(4, "imaging")]
    settings = CensusPlan(organisms=("homo_sapiens",), blocklist=("CAT00000003A", "CAT00000004A.D0001"))
    drawn = plan(records, [], None, settings)
    assert [one.dataset for one in drawn.datasets] == ["CAT00000001A.D0001"]
    assert [(one.code, one.where, one.found, one.count) for one in drawn.excluded] == [
        ("CEN-010", "CAT00000002A.D0001", "mus_musculus", 3),
        ("CEN-009", "CAT00000003A.D0001", "on census.plan.blocklist", 3),
        ("CEN-009", "CAT00000004A.D0001", "on census.plan.blocklist", 1),
    ]


def test_of_a_revised_submission_only_the_latest_revision_is_taken() -> None:
    def revised(number: int, revision: str) -> Any:
        one, accession = record(number), f"CAT00000001A{revision}"
        return one.model_copy(
            update={"dataset": one.dataset.model_copy(update={"accession": accession, "dataset": f"{accession}.D0001"})}
        )

    drawn = plan([revised(1, ""), revised(2, ".v2"), revised(3, ".v10")], [])
    assert [one.dataset for one in drawn.datasets] == ["CAT00000001A.v10.D0001"]
    assert {(one.code, one.found) for one in drawn.excluded} == {("CEN-011", "CAT00000001A.v10 is there")}


@pytest.mark.parametrize("organism", sorted(organisms()))
def test_every_organism_of_the_schema_has_an_experiment(organism: str) -> None:
    drawn = plan([record(1, organisms=(organism,))], [])
    assert drawn.organisms == {organisms()[organism].name: 3}


def test_the_dense_form_numbers_anew() -> None:
    first = plan([record(1), record(2, cells=4)], [])
    ledger = Ledger(tuple(allotment_of(one) for one in first.datasets))
    assert rows(plan([record(2, cells=4)], [], ledger)) == [("CAT00000002A.D0001", "homo_sapiens", 1, 3, 4)]
    dense = plan([record(2, cells=4)], [], ledger, CensusPlan(dense_ids=True))
    assert rows(dense) == [("CAT00000002A.D0001", "homo_sapiens", 0, 0, 4)]
    assert (dense.earlier, dense.dense) == ((), True)


MODALITIES = st.sampled_from(["singlecell", "imaging", "massspec"])


@given(
    st.lists(st.tuples(MODALITIES, st.sampled_from([HUMAN, MOUSE, "x"]), st.integers(0, 9)), max_size=8), st.randoms()
)
def test_a_plan_fills_every_row_once_whatever_the_order_of_the_records(
    drawn: list[tuple[str, str, int]], chance
) -> None:  # type: ignore[no-untyped-def]
    records = [
        record(number, modality, organisms=(organism,), cells=cells)
        for number, (modality, organism, cells) in enumerate(drawn)
    ]
    first = plan(records, [])
    chance.shuffle(records)
    assert plan(records, []) == first
    filled: dict[str, list[int]] = {}
    for one in first.datasets:
        if one.organism is not None:
            filled.setdefault(one.organism, []).extend(range(one.first_row, one.first_row + one.rows))
    assert {name: len(own) for name, own in filled.items()} == first.organisms
    assert all(own == list(range(len(own))) for own in filled.values())
    assert [one.joinid for one in first.datasets if one.organism] == list(
        range(sum(map(bool, (o.organism for o in first.datasets))))
    )
    assert len(first.datasets) + len(first.excluded) == len(records)
