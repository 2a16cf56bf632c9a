"""Intervals hold what they promise, tests do not cry wolf, and nothing is invented."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwise import statistics
from pixelwise.statistics import (
    Interval,
    bootstrap,
    mean,
    paired_difference,
    permutation_test,
    reliability,
)


def covers(interval: Interval, truth: float) -> bool:
    assert interval.low is not None and interval.high is not None
    return interval.low <= truth <= interval.high


def width(interval: Interval) -> float:
    assert interval.low is not None and interval.high is not None
    return interval.high - interval.low


@pytest.mark.parametrize("num_pictures", [12, 60])
def test_the_interval_of_a_mean_covers_it_95_times_in_100(num_pictures):
    # With 600 repetitions the share of a true 95 % lies within 93 to 97 % in 97 cases of 100; the
    # seed is fixed, so that this either holds or does not.
    rng = np.random.default_rng(7)
    hits = [
        covers(bootstrap(values, np.ones(num_pictures), seed=seed, resamples=400), 0.8)
        for seed, values in enumerate(rng.normal(0.8, 0.1, (600, num_pictures)))
    ]
    assert 0.93 <= np.mean(hits) <= 0.97


def test_the_interval_of_a_pooled_ratio_covers_it_95_times_in_100():
    rng, hits = np.random.default_rng(9), []
    for seed in range(600):
        sizes = rng.uniform(50, 150, 40)
        found = bootstrap(sizes * rng.normal(0.7, 0.1, 40), sizes, seed=seed, resamples=400)
        hits.append(covers(found, 0.7))
    assert 0.93 <= np.mean(hits) <= 0.97


def test_pictures_of_one_patient_that_agree_make_the_interval_wider():
    rng = np.random.default_rng(9)
    patients = [f"p{index // 8}" for index in range(160)]
    values = np.repeat(rng.normal(0.8, 0.1, 20), 8) + rng.normal(0, 0.01, 160)
    naive, clustered = mean(values), mean(values, patients)
    assert naive.value == pytest.approx(clustered.value)
    assert (naive.num_units, clustered.num_units) == (160, 20)
    # Eight copies of one story: sqrt(8) = 2.83 times as wide.
    assert width(clustered) / width(naive) == pytest.approx(np.sqrt(8), rel=0.15)


def test_clustered_intervals_cover_where_naive_ones_do_not():
    rng, hits = np.random.default_rng(10), []
    units = [f"p{index // 5}" for index in range(150)]
    for seed in range(300):
        values = np.repeat(rng.normal(0.8, 0.1, 30), 5) + rng.normal(0, 0.02, 150)
        pair = [
            bootstrap(values, np.ones(150), tied, seed=seed, resamples=300)
            for tied in (units, None)
        ]
        hits.append([covers(interval, 0.8) for interval in pair])
    clustered, naive = np.mean(hits, axis=0)
    assert 0.92 <= clustered <= 0.97
    assert naive < 0.75


def test_a_unit_of_its_own_for_every_picture_is_the_same_as_none():
    values = np.random.default_rng(0).random(30)
    assert mean(values, [f"{i:02}" for i in range(30)]) == mean(values)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_fewer_than_five_units_have_no_interval(number):
    values = np.linspace(0.6, 1, number)
    found = mean(values)
    assert (found.low, found.high, found.missing) == (None, None, "few")
    assert found.words() == f"{values.mean():.3f} (no interval: fewer than 5 independent units)"
    # Twenty images of so many patients are no more.
    tied = mean(np.repeat(values, 20), [str(n) for n in range(number) for _ in range(20)])
    assert (tied.low, tied.missing, tied.num_units) == (None, "few", number)


def test_units_that_say_nothing_do_not_count():
    # Of fifty images four show the category.
    shown = (np.arange(50) < 4).astype(float)
    assert bootstrap(shown * 0.5, shown).missing == "few"
    shown = (np.arange(50) < 5).astype(float)
    assert bootstrap(shown * np.linspace(0.4, 0.6, 50), shown).low is not None


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1 + 0.2])
def test_equal_units_have_no_interval_of_width_0(value):
    found = mean([value] * 12)
    assert (found.low, found.missing) == (None, "equal")
    assert found.words() == f"{value:.3f} (no interval: all 12 units give the same number)"


def test_from_five_units_on_an_interval_holds_what_it_says():
    rng = np.random.default_rng(1)
    hits = [
        covers(bootstrap(rng.normal(0, 1, 5), np.ones(5), seed=seed, resamples=500), 0)
        for seed in range(600)
    ]
    assert np.mean(hits) > 0.9


def test_nothing_at_all_is_not_defined():
    found = mean([])
    assert np.isnan(found.value) and found.low is found.high is None
    assert found.words() == "not defined"
    assert permutation_test([]) == 1


def test_undefined_pictures_are_left_out():
    assert mean([0.2, np.nan, 0.6], ["a", "b", "c"]) == mean([0.2, 0.6], ["a", "c"])
    assert permutation_test([1, np.nan, 1, 1]) == permutation_test([1, 1, 1])


def test_the_mean_of_ratios_leaves_out_a_category_that_is_nowhere():
    tops, bottoms = np.array([[1.0, 0], [3, 0]]), np.array([[2.0, 0], [4, 0]])
    assert bootstrap(tops, bottoms).value == pytest.approx(4 / 6)
    both = bootstrap(np.array([[1.0, 1], [3, 0]]), np.array([[2.0, 4], [4, 0]]))
    assert both.value == pytest.approx((4 / 6 + 1 / 4) / 2)


def test_many_units_in_blocks_give_the_interval_of_theory():
    values = np.random.default_rng(1).normal(0.8, 0.1, 60_000)
    found = bootstrap(values, np.ones(60_000), resamples=2_000)
    theory = 2 * 1.96 * values.std() / np.sqrt(len(values))
    assert found.num_units == 60_000
    assert width(found) == pytest.approx(theory, rel=0.1)


def test_the_same_seed_gives_the_same_interval_and_another_one_nearly():
    values = np.random.default_rng(2).random(50)
    assert mean(values, seed=3) == mean(values, seed=3)
    assert mean(values, seed=3) != mean(values, seed=4)
    assert width(mean(values, seed=3)) == pytest.approx(width(mean(values, seed=4)), rel=0.05)


def test_chunks_change_nothing(monkeypatch):
    values = np.random.default_rng(2).random(50)
    whole, p = mean(values), permutation_test(values - 0.45)
    monkeypatch.setattr(statistics, "_CHUNK", 50 * 777)
    assert mean(values) == whole
    assert permutation_test(values - 0.45) == p


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=5, max_size=20, unique=True),
    st.floats(0.1, 5),
    st.floats(-2, 2),
)
def test_an_interval_moves_and_stretches_with_its_numbers(values, stretch, shift):
    plain = bootstrap(values, np.ones(len(values)), resamples=200)
    moved = bootstrap(np.array(values) * stretch + shift, np.ones(len(values)), resamples=200)
    for before, after in ((plain.value, moved.value), (plain.low, moved.low)):
        assert after == pytest.approx(before * stretch + shift, abs=1e-9)
    assert plain.low <= plain.value + 1e-12 and plain.value <= plain.high + 1e-12


def test_a_difference_is_paired():
    # Two models that differ by about 0.01 on every image, however much the images differ.
    scores, noise = np.random.default_rng(4).random((2, 40))
    found = paired_difference(scores + 0.01 + 1e-6 * noise, scores)
    assert found.value == pytest.approx(0.01, abs=1e-5) and width(found) < 1e-6


def test_five_equal_differences_have_the_p_that_counting_gives():
    # Of 2 ** 5 sign patterns only all plus and all minus reach as far: 2 / 32.
    assert permutation_test([1, 1, 1, 1, 1]) == 2 / 32
    assert permutation_test([0, 0, 0]) == 1
    # By hand: of the 8 patterns of 1, 2, 3 those with |sum| >= 4 are 6, 4 (-1), and their mirrors.
    assert permutation_test([-1, 2, 3]) == 4 / 8


def test_units_turn_their_signs_together():
    differences, patients = np.ones(12), ["a"] * 6 + ["b"] * 6
    assert permutation_test(differences) == 2 / 2**12
    assert permutation_test(differences, patients) == 2 / 2**2


@pytest.mark.parametrize("num_pictures", [12, 40])
def test_p_is_uniform_where_nothing_differs(num_pictures):
    # Both ways, every pattern tried (12) and random patterns (40).
    rng = np.random.default_rng(11)
    p = [
        permutation_test(values, seed=seed, resamples=400)
        for seed, values in enumerate(rng.normal(0, 1, (500, num_pictures)))
    ]
    for level in (0.05, 0.25, 0.5, 0.9):
        # Three standard errors of a share of 500.
        assert np.mean(np.array(p) <= level) == pytest.approx(
            level, abs=3 * np.sqrt(level * (1 - level) / 500)
        )


def test_random_patterns_agree_with_all_of_them(monkeypatch):
    differences = np.random.default_rng(12).normal(0.3, 1, 13)
    exact = permutation_test(differences)
    monkeypatch.setattr(statistics, "_EXACT_UNITS", 0)
    assert permutation_test(differences) == pytest.approx(exact, abs=0.02)


def test_no_random_p_is_ever_0():
    assert permutation_test(np.ones(50), resamples=999) == 1 / 1000


def test_a_model_that_is_as_right_as_it_is_sure_has_no_calibration_error():
    counts = np.array([0.0, 10, 20])
    found = reliability(counts, counts * [0, 0.5, 0.9], counts * [0, 0.5, 0.9])
    assert found.expected_calibration_error == 0
    assert np.isnan(found.accuracy[0]) and found.accuracy[1:].tolist() == [0.5, 0.9]


def test_the_calibration_error_is_the_weighted_gap():
    # Bins of 30 and 10 pixels, gaps 0.1 and 0.3: (30 * 0.1 + 10 * 0.3) / 40.
    found = reliability([30, 10], [27, 6], [24, 9])
    assert found.expected_calibration_error == pytest.approx(0.15)
    assert found.share.tolist() == [0.75, 0.25]
    assert np.isnan(reliability([0], [0], [0]).expected_calibration_error)
