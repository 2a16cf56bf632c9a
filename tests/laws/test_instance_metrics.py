"""What must be true of the metrics of segments."""

import numpy as np
import pytest

from pixelwise.metrics.precision import AVERAGES, Ranking
from pixelwise.metrics.segments import BEST_DICE, COCO, InstanceMetric, PanopticMetric
from pixelwise.metrics.sums import Drawing
from pixelwise.types import Instances
from segments import NUCLEI, SCENE, annotated, as_found, crowded, found, scene

KINDS = {"instance": (InstanceMetric, crowded), "panoptic": (PanopticMetric, scene)}
NOTHING = found(np.zeros((20, 24)), [])


def box(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((20, 24), np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask


def measured(kind: str, seeds):
    build, picture = KINDS[kind]
    metric = build(SCENE)
    for seed in seeds:
        metric.update(f"p{seed}", *picture(seed), {"patient": f"{seed % 2}"})
    return metric


def of_one(truth, result: Instances) -> dict[str, float]:
    """Every measure of one picture of nuclei."""
    metric = InstanceMetric(NUCLEI)
    metric.update("a", truth, result)
    return {name: float(values[0]) for name, values in metric.per_picture().items()}


@pytest.mark.parametrize("build", [InstanceMetric, PanopticMetric])
def test_the_truth_itself_is_perfect(build):
    metric = build(SCENE)
    for seed in range(4):
        truth, _ = scene(seed)
        metric.update(str(seed), truth, as_found(truth, SCENE, stuff=build is PanopticMetric))
    found_ = metric.compute()
    for average, values in found_.items():
        for name in ("pq", "sq", "rq", "detection_50", "detection", *BEST_DICE[1:]):
            assert values[name] == 1, (average, name)
    assert found_["mean over pictures"]["count_error_abs"] == 0
    pooled = found_["pooled over segments"]
    assert [pooled[n] for n in ("ap", "ap50", "ap75", "box_ap")] == pytest.approx([1] * 4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_metric_of_parts_adds_up_to_the_metric_of_the_whole(kind):
    whole = measured(kind, range(5))
    first, second = measured(kind, range(2)), measured(kind, range(2, 5))
    before = repr(first.compute())
    parts = first + second
    assert type(parts) is type(whole) and repr(parts.rows) == repr(whole.rows)
    # As text, because what is not defined (NaN) equals nothing.
    assert repr(parts.compute()) == repr(whole.compute())
    assert repr(first.compute()) == before and len(first.ids) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_is_the_same_with_and_without_its_interval(kind):
    metric = measured(kind, range(4))
    values = metric.compute()["pooled over segments"]
    for name, interval in metric.pooled(None, seed=3).items():
        assert interval.value == pytest.approx(values[name], nan_ok=True)
        if interval.low is not None:
            assert 0 <= interval.low <= interval.high <= 1.000001, name
    assert set(metric.names) <= set(values) | set(metric.per_picture())


def test_a_picture_drawn_twice_counts_as_two_pictures():
    # No two scores are alike here: the order of equals would be another.
    pictures = measured("panoptic", range(4)).masks
    drawing = Drawing(None, 0, 0)
    again = [pictures[n] for n in (0, 2, 2, 3)]
    expected, each = Ranking(again, (2, 3)).averages(tuple(AVERAGES), drawing)
    drawn = Ranking(pictures, (2, 3))._averages(np.array([[1.0, 0, 2, 1]]), tuple(AVERAGES))[0]
    values = [interval.value for part in (expected, *each) for interval in part.values()]
    assert drawn == pytest.approx(values, nan_ok=True)


def test_the_curve_has_average_precision_below_it():
    metric = measured("instance", range(5))
    pooled = metric.compute()["pooled over segments"]
    assert metric.precision_curve(0).mean() == pytest.approx(pooled["ap50"])
    assert metric.precision_curve(5).mean() == pytest.approx(pooled["ap75"])


def test_nothing_there_and_nothing_found_is_1_and_counts_as_a_picture():
    metric = InstanceMetric(NUCLEI)
    metric.update("empty", annotated([], []), NOTHING)
    assert metric.ids == ["empty"]
    values = {name: float(each[0]) for name, each in metric.per_picture().items()}
    assert values.pop("count_error") == values.pop("count_error_abs") == 0
    assert set(values.values()) == {1.0}
    pooled = metric.compute()["pooled over segments"]
    ratios = {value for name, value in pooled.items() if name not in COCO}
    assert ratios == {1.0}
    # Precision at a recall of nothing is no number.
    assert all(np.isnan(pooled[name]) for name in COCO)


def test_one_side_empty_scores_0():
    there = annotated([box(1, 1, 5, 5)], [1])
    for truth, result in ((there, NOTHING), (annotated([], []), found(box(1, 1, 5, 5), [1]))):
        values = of_one(truth, result)
        names = ("pq", "rq", "detection_50", "detection", *BEST_DICE)
        assert {values[name] for name in names} == {0.0}
        assert values["count_error_abs"] == 1
        assert np.isnan(values["sq"])


def test_a_crowd_is_no_segment_and_excuses_what_lies_on_it():
    truth = annotated([box(0, 0, 8, 8), box(10, 0, 9, 20)], [1, 1], crowd=[1])
    id_map = box(0, 0, 8, 8) * 1 + box(11, 2, 4, 4) * 2 + box(11, 9, 4, 4) * 3
    metric = InstanceMetric(NUCLEI)
    metric.update("a", truth, found(id_map, [1, 1, 1]))
    row = metric.rows[0]
    assert (row.tp, row.fp, row.fn, row.num_truth, row.num_found) == (1, 0, 0, 1, 1)
    assert metric.compute()["pooled over segments"]["ap"] == pytest.approx(1)


def test_what_is_found_on_void_is_not_held_against_anyone():
    truth = annotated([box(0, 0, 8, 8)], [1])
    truth.semantic[10:] = 255
    metric = InstanceMetric(NUCLEI)
    # The surest of both lies on void: without the excuse precision would be 1/2.
    id_map = box(0, 0, 8, 8) * 2 + box(11, 2, 4, 4) * 1
    metric.update("a", truth, found(id_map, [1, 1]))
    pooled = metric.compute()["pooled over segments"]
    assert pooled["pq"] == 1 and pooled["ap50"] == pytest.approx(1)
    assert pooled["box_ap50"] == pytest.approx(1)


def test_truth_that_overlaps_is_all_counted():
    truth = annotated([box(0, 0, 10, 10), box(0, 5, 10, 10)], [1, 1])
    id_map = np.where(box(0, 0, 10, 10), 1, 2 * box(0, 5, 10, 10))
    values = of_one(truth, found(id_map, [1, 1]))
    # The second lost the 50 pixels that the first covers: IoU 1/2 is no match.
    assert values["count_error"] == 0 and values["detection_50"] == pytest.approx(1 / 3)
    # Best Dice of both truths: 1, and for the second the larger of 2 * 50 / 200 (with the first)
    # and 2 * 50 / 150 (with the second).
    assert values["best_dice_truth"] == pytest.approx((1 + 100 / 150) / 2)


def test_a_segmentation_of_instances_leaves_stuff_out():
    truth, result = scene(2)
    metric = InstanceMetric(SCENE)
    metric.update("a", truth, result)
    assert {row.category for row in metric.rows} <= {"sheep", "person"}
    assert "pq_stuff" not in metric.names
    assert {part.value for part in metric.by_category(None)} <= {"sheep", "person"}


def test_all_categories_of_a_scene_have_a_line_and_stuff_no_average_precision():
    parts = {part.value: part for part in measured("panoptic", range(4)).by_category(None)}
    assert set(parts) == {"sky", "meadow", "sheep", "person"}
    assert np.isnan(parts["sky"].scores["ap"].value)
    assert parts["sheep"].scores["ap"].value > 0
    whole = measured("panoptic", range(4)).compute()["pooled over segments"]
    stuff = [parts[name].scores["pq"].value for name in ("sky", "meadow")]
    assert whole["pq_stuff"] == pytest.approx(np.mean(stuff))


def test_counting_errors_add_up_over_categories():
    truth = annotated([box(0, 0, 5, 5), box(0, 6, 5, 5)], [2, 2], SCENE)
    metric = InstanceMetric(SCENE)
    id_map = box(0, 0, 5, 5) * 1 + box(8, 0, 5, 5) * 2 + box(8, 6, 5, 5) * 3
    metric.update("a", truth, found(id_map, [2, 3, 3], categories=SCENE))
    picture = metric.per_picture()
    # One sheep too few, two persons too many.
    assert (picture["count_error"][0], picture["count_error_abs"][0]) == (1, 3)
    assert [counts.tolist() for counts in metric.counts_per_picture()] == [[2], [3]]
