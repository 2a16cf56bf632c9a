"""What must be true of every metric."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pixelwise.metrics.boundaries import boundary_iou, surface_distances
from pixelwise.metrics.semantic import (
    NUM_BINS,
    RATIOS,
    Histogram,
    SemanticMetric,
    confusion,
    overlap,
)
from pixelwise.types import Annotation, Category, PixelwiseError, Semantic

CATEGORIES = tuple(Category(name, (0, 0, 0)) for name in ("background", "skin", "hair"))
MASKS = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))
PAIRS = st.tuples(st.integers(1, 10), st.integers(1, 10)).flatmap(
    lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.bool_, shape))
)


def result(labels: np.ndarray, categories=CATEGORIES, seed: int = 0) -> Semantic:
    confidence = np.random.default_rng(seed).uniform(0.4, 1, labels.shape).astype(np.float32)
    return Semantic(labels, confidence, tuple(categories))


def picture(seed: int, num_classes: int, size_hw=(20, 24)) -> tuple[np.ndarray, Semantic]:
    """A truth of a rectangle per class, some pixels ignored, and a prediction that is near it."""
    rng = np.random.default_rng(seed)
    truth, labels = np.zeros((2, *size_hw), dtype=np.uint8)
    for index in range(1, num_classes):
        top, left = rng.integers(0, 12, 2)
        truth[top : top + 8, left : left + 8] = index
        labels[top + 1 : top + 9, left : left + rng.integers(0, 9)] = index
    truth[rng.random(size_hw) < 0.05] = 255
    return truth, result(labels, CATEGORIES[:num_classes], seed)


def measured(seeds, num_classes: int) -> SemanticMetric:
    metric = SemanticMetric(CATEGORIES[:num_classes], pixel_mm=0.1)
    for seed in seeds:
        truth, found = picture(seed, num_classes)
        metric.update(f"p{seed}", Annotation(truth), found, {"patient": f"{seed % 2}"})
    return metric


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_swapping_truth_and_prediction_changes_no_symmetric_score(pair):
    a, b = pair
    assert surface_distances(a, b) == pytest.approx(surface_distances(b, a))
    assert boundary_iou(a, b) == boundary_iou(b, a)
    (tn, fp), (fn, tp) = confusion(a.astype(np.uint8), b.astype(np.uint8), 2)
    there, back = overlap(tp, fp, fn, tn), overlap(tp, fn, fp, tn)
    assert (there["jaccard"], there["dice"]) == (back["jaccard"], back["dice"])
    assert (there["sensitivity"], there["precision"]) == (back["precision"], back["sensitivity"])


@settings(max_examples=40, deadline=None)
@given(MASKS)
def test_the_truth_itself_is_perfect_even_where_it_is_empty(mask):
    metric = SemanticMetric(CATEGORIES[:2])
    labels = mask.astype(np.uint8)
    metric.update("a", Annotation(labels), result(labels, CATEGORIES[:2]))
    means = metric.compute()["mean over pictures"]
    distances = {name: means.pop(name) for name in ("hd95_px", "assd_px")}
    assert set(means.values()) == {1.0} and set(distances.values()) == {0.0}
    assert set(metric.compute()["pooled over pixels"].values()) == {1.0}


@settings(max_examples=60, deadline=None)
@given(PAIRS)
def test_jaccard_and_dice_keep_their_relation(pair):
    (tn, fp), (fn, tp) = confusion(*(mask.astype(np.uint8) for mask in pair), 2)
    found = overlap(tp, fp, fn, tn)
    assert found["dice"] == pytest.approx(2 * found["jaccard"] / (1 + found["jaccard"]))
    assert all(0 <= value <= 1 for value in found.values())


@pytest.mark.parametrize("step", [1, 3, 7])
def test_a_shifted_square_is_as_far_as_it_was_shifted(step):
    truth, prediction = np.zeros((2, 60, 60), dtype=bool)
    truth[20:40, 10:30] = True
    prediction[20:40, 10 + step : 30 + step] = True
    hd95, assd = surface_distances(truth, prediction)
    assert hd95 == step
    assert 0 < assd < step


def test_moving_both_masks_together_changes_nothing():
    rng = np.random.default_rng(3)
    truth, prediction = np.zeros((2, 40, 50), dtype=bool)
    truth[8:20, 8:24], prediction[8:20, 8:24] = rng.random((2, 12, 16)) < 0.6
    moved = [np.roll(mask, (9, 14), axis=(0, 1)) for mask in (truth, prediction)]
    assert surface_distances(*moved) == pytest.approx(surface_distances(truth, prediction))
    assert boundary_iou(*moved) == boundary_iou(truth, prediction)


def test_distances_are_those_of_every_pair_of_border_pixels():
    # Against the definition itself, pair by pair, on masks that touch the edge.
    rng = np.random.default_rng(5)
    truth, prediction = rng.random((2, 14, 17)) < 0.7
    borders = [np.argwhere(mask & ~inner(mask)) for mask in (truth, prediction)]
    ways = np.linalg.norm(borders[0][:, None] - borders[1][None], axis=2)
    there, back = ways.min(axis=1), ways.min(axis=0)
    expected = max(np.percentile(there, 95), np.percentile(back, 95))
    assert surface_distances(truth, prediction) == pytest.approx(
        (expected, np.concatenate([there, back]).mean())
    )


def inner(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, 1)
    neighbours = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
    return np.logical_and.reduce(neighbours)


def test_one_empty_mask_is_the_diagonal_away_and_two_are_none():
    some = np.zeros((30, 40), dtype=bool)
    some[4, 4] = True
    empty = np.zeros_like(some)
    assert surface_distances(some, empty) == surface_distances(empty, some) == (50, 50)
    assert surface_distances(empty, empty) == (0, 0)
    metric = SemanticMetric(CATEGORIES[:2])
    metric.update(
        "a", Annotation(some.astype(np.uint8)), result(empty.astype(np.uint8), CATEGORIES[:2])
    )
    assert metric.rows[0].is_missed and metric.rows[0].hd95_px == 50


def test_what_is_outside_valid_is_looked_at_by_no_score():
    truth, labels = np.zeros((2, 20, 20), dtype=np.uint8)
    truth[5:15, 5:15] = labels[5:15, 5:15] = 1
    truth[:, 15:] = 255
    labels[2:18, 15:] = 1
    metric = SemanticMetric(CATEGORIES[:2])
    metric.update("a", Annotation(truth), result(labels, CATEGORIES[:2]))
    means = metric.compute()["mean over pictures"]
    assert (means["jaccard"], means["boundary_iou"], means["hd95_px"]) == (1, 1, 0)
    assert metric.histogram.counts.sum() == 300


@pytest.mark.parametrize("num_classes", [2, 3])
def test_the_metric_of_parts_adds_up_to_the_metric_of_the_whole(num_classes):
    whole = measured(range(6), num_classes)
    parts = measured(range(2), num_classes) + measured(range(2, 6), num_classes)
    # As text, because a distance that is not defined (NaN) equals nothing.
    assert repr(parts.rows) == repr(whole.rows)
    assert parts.compute() == whole.compute()
    assert np.array_equal(parts.confusion, whole.confusion)
    assert np.allclose(parts.histogram.correct, whole.histogram.correct)


def test_adding_leaves_the_parts_as_they_were():
    a, b = measured(range(2), 2), measured(range(2, 4), 2)
    before = a.compute()
    assert len((a + b).rows) == 4 and len(a.rows) == 2
    assert a.compute() == before


@pytest.mark.parametrize("num_classes", [2, 3])
def test_counts_per_picture_add_up_to_the_pooled_confusion(num_classes):
    metric = measured(range(6), num_classes)
    tp, fp, fn, tn = (part.sum(axis=0) for part in metric.counts())
    first = 1 if num_classes == 2 else 0
    assert tp.tolist() == np.diagonal(metric.confusion)[first:].tolist()
    assert (tp + fn).tolist() == metric.confusion.sum(axis=1)[first:].tolist()
    assert (tp + fp).tolist() == metric.confusion.sum(axis=0)[first:].tolist()
    assert (tp + fp + fn + tn).tolist() == [metric.confusion.sum()] * len(tp)


def test_a_picture_of_many_categories_scores_the_mean_of_those_that_are_there():
    truth, labels = np.zeros((2, 10, 10), dtype=np.uint8)
    truth[:, :5] = 2
    labels[:, :4] = 2
    metric = SemanticMetric(CATEGORIES)
    metric.update("a", Annotation(truth), result(labels))
    # Background 50 of 60, hair 40 of 50; skin is neither in the truth nor predicted.
    assert [row.category for row in metric.rows] == ["background", "hair"]
    assert metric.compute()["mean over pictures"]["jaccard"] == pytest.approx((5 / 6 + 4 / 5) / 2)
    assert metric.compute()["pooled over pixels"]["jaccard"] == pytest.approx((5 / 6 + 4 / 5) / 2)
    # The background has no outline of its own: the distance is hair's alone, one pixel.
    assert metric.compute()["mean over pictures"]["hd95_px"] == 1


@pytest.mark.parametrize("num_classes", [2, 3, 7])
def test_pixel_accuracy_is_the_share_of_pixels_that_are_right(num_classes):
    metric = SemanticMetric([Category(f"c{n}", (0, 0, 0)) for n in range(num_classes)])
    pairs = [picture(seed, num_classes) for seed in range(5)]
    for number, (truth, found) in enumerate(pairs):
        metric.update(str(number), Annotation(truth), found)
    right = [(truth == found.labels)[truth != 255] for truth, found in pairs]
    assert metric.per_picture()["accuracy"] == pytest.approx([each.mean() for each in right])
    every = np.concatenate(right).mean()
    assert metric.pooled(None)["accuracy"].value == pytest.approx(every)
    assert metric.compute()["pooled over pixels"]["accuracy"] == pytest.approx(every)


def test_both_averages_differ_where_pictures_differ_in_size():
    metric = SemanticMetric(CATEGORIES[:2])
    small, large = np.ones((2, 2), dtype=np.uint8), np.ones((10, 10), dtype=np.uint8)
    metric.update("small", Annotation(small), result(np.zeros_like(small), CATEGORIES[:2]))
    metric.update("large", Annotation(large), result(large, CATEGORIES[:2]))
    found = metric.compute()
    assert found["mean over pictures"]["jaccard"] == 0.5
    assert found["pooled over pixels"]["jaccard"] == pytest.approx(100 / 104)
    assert set(found["pooled over pixels"]) == set(RATIOS)


def test_millimetres_are_pixels_times_their_size():
    means = measured(range(3), 2).compute()["mean over pictures"]
    assert means["hd95_mm"] == pytest.approx(means["hd95_px"] * 0.1)
    assert means["assd_mm"] == pytest.approx(means["assd_px"] * 0.1)


def test_the_histogram_holds_every_pixel_once_and_its_confidence():
    truth, found = picture(1, 2)
    histogram = Histogram.of(truth, found)
    valid = truth != 255
    assert histogram.counts.sum() == valid.sum()
    assert histogram.confidence.sum() == pytest.approx(found.confidence[valid].sum(), rel=1e-5)
    assert histogram.correct.sum() == (truth == found.labels)[valid].sum()
    means = histogram.confidence[histogram.counts > 0] / histogram.counts[histogram.counts > 0]
    bins = np.flatnonzero(histogram.counts)
    assert ((bins / NUM_BINS <= means) & (means <= (bins + 1) / NUM_BINS)).all()


def test_a_picture_with_nothing_but_255_adds_nothing():
    metric = SemanticMetric(CATEGORIES[:2])
    nothing = np.full((4, 4), 255, dtype=np.uint8)
    metric.update(
        "a", Annotation(nothing), result(np.zeros((4, 4), dtype=np.uint8), CATEGORIES[:2])
    )
    assert metric.rows == []
    assert math.isnan(metric.compute()["mean over pictures"]["jaccard"])


@pytest.mark.parametrize(
    ("truth", "prediction", "words"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2)), r"\(2, 3\).*one size"),
        (np.full((2, 3), 7), np.zeros((2, 3)), "class 7.*0 to 2"),
    ],
)
def test_maps_that_cannot_be_compared_are_refused_with_the_cure(truth, prediction, words):
    with pytest.raises(PixelwiseError, match=words):
        confusion(truth.astype(np.uint8), prediction.astype(np.uint8), 3)
