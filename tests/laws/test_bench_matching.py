"""The scorer of numbered objects: laws of counting, and counts made by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import PERCENTS, average_precision, count, match, overlaps, panoptic_quality, ratio


def discs(seed: int, count: int = 6, size_hw: tuple[int, int] = (40, 48)) -> np.ndarray:
    """Up to ``count`` numbered discs, later ones on top."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
    ids = np.zeros(size_hw, np.int32)
    for number in range(1, count + 1):
        y, x, radius = rng.uniform(0, size_hw[0]), rng.uniform(0, size_hw[1]), rng.uniform(3, 9)
        ids[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = number
    return ids


def score(truth: np.ndarray, found: np.ndarray, percent: int = 50) -> tuple[float, float]:
    sums = count(truth, found)
    parts = average_precision(sums, percent), panoptic_quality(sums, percent)
    return float(ratio(parts[0])), float(ratio(parts[1]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_the_truth_is_perfect_whatever_its_numbers_are(seed):
    truth = discs(seed)
    renumbered = np.where(truth > 0, 70_000 - 7 * truth, 0)
    for percent in PERCENTS:
        assert score(truth, renumbered, percent) == (1.0, 1.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_truth_and_guess_change_places_and_stricter_is_never_better(seed):
    truth, found = discs(seed), np.roll(discs(seed), 2, axis=(0, 1))
    scores = [score(truth, found, percent) for percent in PERCENTS]
    assert scores == [pytest.approx(score(found, truth, percent)) for percent in PERCENTS]
    assert scores == sorted(scores, reverse=True)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_sums_of_two_pictures_are_those_of_both_side_by_side(one, other):
    pairs = [(discs(seed), np.roll(discs(seed), 2, axis=1)) for seed in (one, other)]
    (a, b), (c, d) = pairs
    whole = count(
        np.hstack([a, np.where(c > 0, c + 100, 0)]), np.hstack([b, np.where(d > 0, d + 100, 0)])
    )
    parts = [count(*pair) for pair in pairs]
    assert whole == pytest.approx({name: parts[0][name] + parts[1][name] for name in whole})


def test_counts_made_by_hand():
    truth, found = np.zeros((8, 30), np.int32), np.zeros((8, 30), np.int32)
    truth[:, :10], truth[:, 10:20] = 1, 2
    # 80 pixels against 64 inside of them: IoU 0.8. The second object is cut in halves, each 0.5.
    found[:, :8], found[:, 10:15], found[:, 15:20], found[:2, 25:] = 1, 2, 3, 4
    sums = count(truth, found)
    assert (sums["truth"], sums["found"], sums["matched_50"], sums["matched_55"]) == (2, 4, 2, 1)
    assert sums["iou_50"] == pytest.approx(0.8 + 0.5)
    assert (sums["matched_80"], sums["matched_85"]) == (1, 0)
    top, bottom = average_precision(sums)
    assert (top, bottom) == (2, 2 + 4 - 2)
    assert score(truth, found)[1] == pytest.approx(1.3 / (2 + 2 / 2))


def test_the_most_pairs_are_matched_before_the_best():
    # Greedy by IoU would take 0.9 and leave two without a partner.
    iou = np.array([[0.9, 0.6], [0.6, 0.0]])
    assert match(iou, 0.5).tolist() == [0.6, 0.6]
    assert match(iou, 0.7).tolist() == [0.9]


def test_nothing_is_there():
    nothing, something = np.zeros((4, 4), np.int32), np.ones((4, 4), np.int32)
    assert score(nothing, nothing) == (1.0, 1.0)
    assert score(nothing, something) == score(something, nothing) == (0.0, 0.0)


def test_a_guess_of_a_hundred_thousand_objects_is_counted():
    found = np.arange(1, 320 * 320 + 1, dtype=np.int32).reshape(320, 320)
    num_truth, num_found, iou = overlaps(
        np.kron(discs(0, size_hw=(40, 40)), np.ones((8, 8), int)), found
    )
    assert num_found == 320 * 320 and iou.size == 0 and num_truth > 0
