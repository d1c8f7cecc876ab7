from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from catchment.massspec.quantities.scaling import median_factors, profiles, quantile_normalised, replicate_factors

QUANTITIES = arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.integers(1, 9)),
    elements=st.one_of(st.just(float("nan")), st.floats(1e-3, 1e9)),
)


def test_quantiles_by_hand() -> None:
    values = np.exp2(np.array([[5.0, 2, 3, 4], [4, 1, 4, 2], [3, 4, 6, 8]]))
    # sorted: (2 3 4 5), (1 2 4 4), (3 4 6 8); means by rank: 2, 3, 14/3, 17/3; the two 4s share ranks 2 and 3
    low, second, third, high = 2.0, 3.0, 14 / 3, 17 / 3
    tied = np.interp(2.5 / 3, [0, 1 / 3, 2 / 3, 1], [low, second, third, high])
    expected = np.array([[high, low, second, third], [tied, low, tied, second], [low, second, third, high]])
    np.testing.assert_allclose(np.log2(quantile_normalised(values)), expected)


def test_median_factors_by_hand() -> None:
    values = np.array([[1.0, 2, 4], [4, 8, np.nan], [0, 0, 16]])
    # medians of log2: 1, 2.5, 4; their mean 2.5
    np.testing.assert_allclose(median_factors(values), [2**1.5, 1, 2**-1.5])


def test_replicates_are_centred_by_the_median_ratio_of_protein_totals() -> None:
    first = np.array([[10.0, 0, 5], [30, 8, 5]])
    second = np.array([[20.0, 0, 10], [60, 16, np.nan]])
    factors = replicate_factors(np.concatenate([first, second]), ["a", "a", "b", "b"])
    # totals: (40, 8, 10) and (80, 16, 10): half a doubling away from their mean, each way, by the median
    np.testing.assert_allclose(factors, [2**0.5] * 2 + [2**-0.5] * 2)


def test_one_replicate_is_left_alone() -> None:
    np.testing.assert_array_equal(replicate_factors(np.array([[1.0, 2], [3, 4]]), ["a", "a"]), [1, 1])


@given(QUANTITIES)
def test_nothing_is_imputed_and_order_within_a_run_stays(values: np.ndarray) -> None:
    result = quantile_normalised(values)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(values))
    for before, after in zip(values, result, strict=True):
        there = np.isfinite(before)
        order = np.argsort(before[there], kind="stable")
        assert (np.diff(after[there][order]) >= -1e-9 * np.abs(after[there][order][1:])).all()


@given(arrays(np.float64, (3, 6), elements=st.floats(1e-3, 1e6), unique=True))
def test_whole_runs_share_one_distribution(values: np.ndarray) -> None:
    result = np.sort(quantile_normalised(values), axis=1)
    np.testing.assert_allclose(result, np.broadcast_to(result[0], result.shape))


@given(QUANTITIES)
def test_profiles_end_at_one(values: np.ndarray) -> None:
    result = profiles(values)
    measured = np.isfinite(values).any(axis=0)
    np.testing.assert_allclose(np.nanmax(result[:, measured], axis=0), 1.0)
    assert np.isnan(result[:, ~measured]).all()
