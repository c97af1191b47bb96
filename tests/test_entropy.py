"""The effective cut-off number and the truncated entropy (Definitions 1 and 2)."""

import itertools
import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from invented import SPECTRA

from pinnspectra.spectra.decomposition import singular_values
from pinnspectra.spectra.entropy import effective_cutoff, truncated_entropy

EPS = torch.finfo(torch.float64).eps


@pytest.mark.parametrize(
    ("cutoff", "count"), [(0.0, 6), (1e-9, 5), (0.01, 4), (0.25, 3), (0.26, 2), (1.0, 1)]
)
def test_the_effective_cutoff_counts_values_at_or_above_the_threshold(cutoff, count):
    # 0.25 of the largest is met exactly by the third (Eq. 1 says >=)
    values = torch.tensor([4.0, 2.0, 1.0, 0.04, 1e-8, 0.0], dtype=torch.float64)
    assert effective_cutoff(values, cutoff) == count


@given(st.integers(1, 200), st.floats(1e-100, 1e100))
def test_the_entropy_of_e_equal_values_is_log_e_over_e(e, value):
    values = torch.full((e,), value, dtype=torch.float64)
    assert float(truncated_entropy(values, 1e-3)) == pytest.approx(math.log(e) / e, rel=1e-13)


@pytest.mark.parametrize("small", [[], [1e-5], [1e-5] * 7, [0.0] * 3])
def test_the_entropy_of_one_value_above_the_cutoff_is_zero(small):
    values = torch.tensor([2.0, *small], dtype=torch.float64)
    assert truncated_entropy(values, 1e-2) == 0


def test_zeros_add_nothing_to_the_sum_but_count_in_e():
    # cutoff 0 keeps them: 0 log 0 = 0, and e is 4
    values = torch.tensor([1.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    assert float(truncated_entropy(values, 0.0)) == pytest.approx(math.log(2) / 4, rel=1e-15)


@pytest.mark.parametrize("cutoff", [0.0, 1e-12, 0.5])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_no_values_and_zeros_alone_are_of_no_effect(n, cutoff):
    values = torch.zeros(2, n, dtype=torch.float64)
    assert effective_cutoff(values, cutoff).tolist() == [0, 0]
    assert truncated_entropy(values, cutoff).tolist() == [0, 0]
    assert singular_values(torch.zeros(2, n, 3)).tolist() == torch.zeros(2, min(n, 3)).tolist()


@pytest.mark.parametrize("value", [5e-324, 1e-310, 1e-30, 1.0, 1e308, sys.float_info.max])
def test_one_value_is_one_and_has_no_entropy(value):
    values = torch.tensor([value], dtype=torch.float64)
    assert effective_cutoff(values, 1e-12) == 1
    assert truncated_entropy(values, 1e-12) == 0


@pytest.mark.parametrize("size", [1e-305, 1e305, 3e307])
def test_values_of_any_size_have_the_entropy_of_their_ratios(size):
    # at 3e307 their sum overflows; at 1e-305 the threshold is subnormal
    ratios = torch.tensor([4.0, 2.0, 1.0, 1e-3, 1e-6], dtype=torch.float64)
    for cutoff in (1e-2, 1e-5, 1e-12):
        assert effective_cutoff(size * ratios, cutoff) == effective_cutoff(ratios, cutoff)
        expected = float(truncated_entropy(ratios, cutoff))
        assert float(truncated_entropy(size * ratios, cutoff)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("function", [effective_cutoff, truncated_entropy])
def test_a_spectrum_that_is_not_finite_has_neither_cutoff_nor_entropy(function, bad):
    values = torch.tensor([[3.0, 2.0, 1.0], [3.0, bad, 1.0]], dtype=torch.float64)
    for cutoff in (0.0, 1e-3):
        got = function(values, cutoff)
        assert got[0] == function(values[0], cutoff)
        assert got[1].isnan()


@pytest.mark.parametrize("function", [effective_cutoff, truncated_entropy])
def test_values_below_zero_are_no_spectrum(function):
    values = torch.tensor([[1.0, 0.5], [1.0, -3e-17]], dtype=torch.float64)
    with pytest.raises(ValueError, match="has the value -3e-17: singular values and eigenvalues"):
        function(values, 1e-3)


def test_the_entropy_of_three_values_is_the_one_worked_out_by_hand():
    # p = 1/2, 1/4, 1/4 of the kept three: H = (log 2 / 2 + 2 log 4 / 4) / 3 = log(2) / 2
    values = torch.tensor([8.0, 4.0, 4.0, 1e-6], dtype=torch.float64)
    assert float(truncated_entropy(values, 1e-3)) == pytest.approx(math.log(2) / 2, rel=1e-15)


spectra = st.lists(st.floats(1e-12, 1e3), min_size=1, max_size=30)
cutoffs = st.sampled_from([0.0, 1e-12, 1e-6, 1e-2, 0.5, 1.0])


@given(spectra, cutoffs, st.integers(-60, 60))
def test_the_entropy_and_the_cutoff_do_not_depend_on_the_scale(values, cutoff, power):
    # by powers of two, so that nothing is rounded and a value on the threshold stays there
    s = torch.tensor(values, dtype=torch.float64)
    scaled = s * 2.0**power
    assert effective_cutoff(scaled, cutoff) == effective_cutoff(s, cutoff)
    assert truncated_entropy(scaled, cutoff) == truncated_entropy(s, cutoff)


@given(spectra.flatmap(lambda v: st.tuples(st.just(v), st.permutations(v))), cutoffs)
def test_the_order_of_the_values_does_not_matter(two_orders, cutoff):
    s, shuffled = (torch.tensor(v, dtype=torch.float64) for v in two_orders)
    assert effective_cutoff(s, cutoff) == effective_cutoff(shuffled, cutoff)
    expected = float(truncated_entropy(s, cutoff))
    assert float(truncated_entropy(shuffled, cutoff)) == pytest.approx(
        expected, rel=1e-12, abs=1e-15
    )


@given(spectra, cutoffs)
def test_the_entropy_lies_between_zero_and_log_e_over_e(values, cutoff):
    s = torch.tensor(values, dtype=torch.float64)
    e = int(effective_cutoff(s, cutoff))
    assert 1 <= e <= len(values)
    assert 0 <= truncated_entropy(s, cutoff) <= math.log(e) / e + 1e-15


@given(spectra, cutoffs)
def test_the_entropy_is_the_formula_in_numpy(values, cutoff):
    kept = np.array([v for v in values if v >= cutoff * max(values)])
    p = kept / kept.sum()
    expected = -(p * np.log(p)).sum() / len(kept)
    got = float(truncated_entropy(torch.tensor(values, dtype=torch.float64), cutoff))
    assert got == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_cutoff_and_entropy_of_a_batch_are_those_of_each_and_nan_where_a_value_is():
    rows = torch.tensor(list(SPECTRA.values()), dtype=torch.float64)
    rows = torch.stack([rows, rows.flip(0)])
    rows[1, 2, 5] = math.nan
    for function in (effective_cutoff, truncated_entropy):
        got = function(rows, 1e-4)
        assert got.shape == (2, 5)
        assert got.dtype == torch.float64
        assert got[1, 2].isnan()
        for i, j in itertools.product(range(2), range(5)):
            if (i, j) != (1, 2):
                expected = function(rows[i, j], 1e-4)
                torch.testing.assert_close(got[i, j], expected, rtol=4 * EPS, atol=0)
