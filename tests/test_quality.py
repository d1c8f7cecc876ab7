"""Metrics are judged by their limits, at the level of the limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catchment.config import Limit
from catchment.quality import judge


def test_a_metric_below_its_limit_is_found_with_both_numbers() -> None:
    (finding,) = judge({"genes": 0.5}, {"genes": Limit(min=1, level="error")})
    assert (finding.code, finding.level, finding.where) == ("QC-001", "error", "genes")
    assert (finding.found, finding.expected) == ("0.5", "at least 1")


def test_a_metric_above_its_limit_is_found_with_both_numbers() -> None:
    (finding,) = judge({"saturated": 0.25}, {"saturated": Limit(max=0.05)})
    assert (finding.level, finding.found, finding.expected) == ("warning", "0.25", "at most 0.05")


@pytest.mark.parametrize("value", [1, 5, 9, 1.0, 9.0])
def test_a_bound_is_within_the_limit(value: float) -> None:
    assert judge({"x": value}, {"x": Limit(min=1, max=9)}) == ()


@pytest.mark.parametrize("value", [None, "many", [100.0], True, float("nan")])
def test_what_is_no_number_is_not_judged(value: object) -> None:
    assert judge({"x": value}, {"x": Limit(max=0)}) == ()  # type: ignore[dict-item]


def test_a_metric_that_was_not_measured_and_one_without_limit_are_not_judged() -> None:
    assert judge({"x": 1}, {"y": Limit(max=0)}) == ()
    assert judge({"x": 1}, {}) == ()
    assert judge({"x": 1}, {"x": Limit()}) == ()


def test_a_number_is_told_unrounded() -> None:
    (finding,) = judge({"x": 1_000_001}, {"x": Limit(max=1_000_000)})
    assert (finding.found, finding.expected) == ("1000001", "at most 1000000")
    (finding,) = judge({"x": 0.0500001}, {"x": Limit(max=0.05)})
    assert (finding.found, finding.expected) == ("0.0500001", "at most 0.05")


@pytest.mark.parametrize("value", [float("inf"), 10**400], ids=["infinity", "huge"])
def test_a_number_beyond_all_bounds_is_judged(value: float) -> None:
    (finding,) = judge({"x": value}, {"x": Limit(max=1)})
    assert finding.expected == "at most 1"


@given(
    st.dictionaries(st.sampled_from("abc"), st.floats(allow_nan=False)),
    st.dictionaries(st.sampled_from("abc"), st.builds(Limit, min=st.none() | st.floats(-9, 0), max=st.floats(0, 9))),
)
def test_exactly_the_metrics_outside_are_found_in_order_of_name(
    metrics: dict[str, float], limits: dict[str, Limit]
) -> None:
    outside = sorted(
        name
        for name, limit in limits.items()
        if name in metrics
        and not ((limit.min if limit.min is not None else float("-inf")) <= metrics[name] <= (limit.max or 0.0))
    )
    assert [finding.where for finding in judge(dict(metrics), limits)] == outside
