"""What must be true of matching segments."""

import numpy as np
import pytest

from pixelwise.metrics.matching import match, overlaps, panoptic_quality, tally
from pixelwise.types import IGNORE, Annotation, PixelwiseError
from segments import NUCLEI, SCENE, annotated, as_found, found, scene

NOTHING = found(np.zeros((20, 24)), [])


def box(top: int, left: int, height: int, width: int, size_hw=(20, 24)) -> np.ndarray:
    mask = np.zeros(size_hw, np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask


def counts(truth, result, categories=NUCLEI, *, stuff=False) -> tuple[int, int, int, float]:
    """tp, fp, fn and the sum of IoU of the second category."""
    seen = overlaps(truth, result, categories, stuff=stuff)
    found_ = tally(seen, match(seen), len(categories))
    return int(found_.tp[1]), int(found_.fp[1]), int(found_.fn[1]), float(found_.iou[1])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("stuff", [True, False])
def test_the_truth_itself_is_perfect(seed, stuff):
    truth, _ = scene(seed)
    assert panoptic_quality(truth, as_found(truth, SCENE, stuff=stuff), SCENE, stuff) == 1


def test_nothing_and_nothing_found_is_perfect_and_nothing_of_something_is_0():
    assert panoptic_quality(annotated([], []), NOTHING, NUCLEI, False) == 1
    assert panoptic_quality(annotated([box(1, 1, 5, 5)], [1]), NOTHING, NUCLEI, False) == 0
    assert panoptic_quality(annotated([], []), found(box(1, 1, 5, 5), [1]), NUCLEI, False) == 0


def test_an_iou_of_one_half_is_no_match_and_a_pixel_more_is():
    truth = annotated([box(0, 0, 10, 10)], [1])
    half = box(0, 0, 5, 10)
    assert counts(truth, found(half, [1])) == (0, 1, 1, 0)
    half[5, 0] = True
    assert counts(truth, found(half, [1])) == (1, 0, 0, pytest.approx(0.51))


def test_another_category_is_no_match():
    truth = annotated([box(0, 0, 10, 10)], [2], SCENE)
    assert panoptic_quality(truth, found(box(0, 0, 10, 10), [3], None, SCENE), SCENE, False) == 0


def test_a_crowd_is_not_missed_and_excuses_what_lies_on_it():
    truth = annotated([box(0, 0, 10, 10)], [1], crowd=[0])
    assert counts(truth, NOTHING) == (0, 0, 0, 0)
    assert counts(truth, found(box(2, 2, 4, 4), [1])) == (0, 0, 0, 0)
    # Half of it beside the crowd is not enough of an excuse.
    assert counts(truth, found(box(0, 8, 4, 4), [1])) == (0, 1, 0, 0)


def test_a_crowd_of_another_category_excuses_nothing():
    truth = annotated([box(0, 0, 10, 10)], [2], SCENE, crowd=[0])
    seen = overlaps(truth, found(box(2, 2, 4, 4), [3], None, SCENE), SCENE, stuff=False)
    assert not seen.excusable().any()


def test_void_is_taken_out_of_the_union_and_excuses():
    truth = annotated([box(0, 0, 10, 10)], [1])
    truth.semantic[:, 10:] = IGNORE
    assert counts(truth, found(box(0, 0, 10, 20), [1])) == (1, 0, 0, 1)
    assert counts(truth, found(box(12, 9, 3, 9), [1])) == (0, 0, 1, 0)


def test_a_crowd_is_not_void_it_stays_in_the_union():
    truth = annotated([box(0, 0, 10, 10), box(0, 10, 10, 2)], [1, 1], crowd=[1])
    assert counts(truth, found(box(0, 0, 10, 12), [1])) == (1, 0, 0, pytest.approx(100 / 120))


def test_truth_that_overlaps_is_matched_to_what_fits_best_and_each_once():
    # The prediction is the union of both: 120 pixels, IoU 100/120 with the first, 80/120 with the
    # second; the second is then missed.
    truth = annotated([box(0, 0, 10, 10), box(0, 4, 10, 8)], [1, 1])
    assert len(truth.layers) == 2
    assert counts(truth, found(box(0, 0, 10, 12), [1])) == (1, 0, 1, pytest.approx(100 / 120))


def test_an_instance_that_was_moved_out_of_the_picture_is_not_missed():
    truth = annotated([box(0, 0, 4, 4), box(0, 0, 0, 0)], [1, 1])
    assert counts(truth, found(box(0, 0, 4, 4), [1])) == (1, 0, 0, 1)


@pytest.mark.parametrize("stuff", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_counting_pairs_is_comparing_masks(seed, stuff):
    truth, result = scene(seed)
    seen = overlaps(truth, result, SCENE, stuff=stuff)
    for row, column, shared in zip(seen.rows, seen.columns, seen.shared_px, strict=True):
        place = seen.truth_ids[row] - len(truth)
        first = truth.mask(seen.truth_ids[row]) if place < 0 else truth.semantic == place
        second = result.mask(seen.found_ids[column])
        assert (first & second).sum() == shared > 0
        assert (first.sum(), second.sum()) == (seen.truth_px[row], seen.found_px[column])
    assert len(set(zip(seen.rows, seen.columns, strict=True))) == len(seen.rows)


def test_many_segments_are_counted_without_a_table_of_all_pairs():
    # 24 x 24 pixels, each a segment of its own on both sides: 332,929 pairs for 576 pixels.
    number = np.arange(1, 577).reshape(24, 24)
    truth = Annotation(
        np.ones((24, 24), np.uint8),
        number[None].astype(np.uint16),
        np.ones(576, np.int64),
        np.zeros(576, np.bool_),
    )
    assert panoptic_quality(truth, found(number, np.ones(576)), NUCLEI, False) == 1


def test_sizes_and_categories_that_do_not_fit_are_refused_with_the_cure():
    with pytest.raises(PixelwiseError, match=r"\(20, 24\).*\(3, 4\).*one size"):
        panoptic_quality(annotated([], []), found(np.zeros((3, 4)), []), NUCLEI, False)
    with pytest.raises(PixelwiseError, match=r"category 7.*0 to 1"):
        panoptic_quality(annotated([], []), found(box(0, 0, 2, 2), [7]), NUCLEI, False)
