"""Counting and measuring instances: by hand where it can be done, by force where it cannot."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelwise.datasets._instances import from_ids, from_masks, on_layers
from pixelwise.objects import census, equivalent_diameter, measure
from pixelwise.types import IGNORE, Annotation, Category

SIZE_HW = (20, 30)


def box(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(SIZE_HW, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def of(*masks: np.ndarray, crowd: list[bool] | None = None) -> Annotation:
    return from_masks(masks, [1] * len(masks), SIZE_HW, crowd=crowd)


def test_areas_and_shared_pixels_are_counted():
    found = measure(of(box(0, 0, 4, 5), box(2, 3, 4, 5), box(12, 12, 1, 1)))
    assert found.areas_px.tolist() == [20, 20, 1]
    assert (found.shared_px, found.covered_px) == (4, 37)
    assert (found.num_twins, found.num_same_place, found.num_parted) == (0, 0, 0)


def test_twins_share_more_than_half_of_their_union():
    assert measure(of(box(0, 0, 4, 6), box(0, 1, 4, 6))).num_twins == 1
    assert measure(of(box(0, 0, 4, 6), box(0, 3, 4, 6))).num_twins == 0


def test_a_ring_and_its_inside_share_a_place():
    ring = box(0, 0, 9, 9) & ~box(3, 3, 3, 3)
    found = measure(of(ring, box(3, 3, 3, 3)))
    assert (found.num_same_place, found.shared_px, found.num_parted) == (1, 0, 0)


def test_parts_that_touch_by_a_corner_are_one():
    apart = box(0, 0, 2, 2) | box(5, 5, 2, 2)
    corner = box(10, 10, 2, 2) | box(12, 12, 2, 2)
    assert measure(of(apart, corner)).num_parted == 1


def test_crowds_and_instances_without_a_pixel_are_only_counted():
    found = measure(
        of(box(0, 0, 9, 9), box(0, 0, 2, 2), box(0, 0, 0, 0), crowd=[True, False, False])
    )
    assert found.areas_px.tolist() == [4]
    assert (found.num_crowds, found.num_empty, found.shared_px) == (1, 1, 0)


def test_a_census_counts_each_category():
    categories = [Category("background", (0, 0, 0)), Category("a", (1, 1, 1), True)]
    categories.append(Category("b", (2, 2, 2), True))
    one = from_masks([box(0, 0, 2, 2), box(5, 5, 4, 4)], [1, 2], SIZE_HW)
    none = from_masks([], [], SIZE_HW)
    found = census([measure(one), measure(none), measure(one)], categories)
    assert found.total.instances == 4 and found.total.per_picture == (0, 2, 2)
    assert found.by_category["b"].diameter_px == pytest.approx(equivalent_diameter(np.array(16)))
    assert census([], categories[:1]) is None


def test_an_equivalent_disc_has_the_same_area():
    assert np.pi * (equivalent_diameter(np.array(50.0)) / 2) ** 2 == pytest.approx(50)


# --- painting ------------------------------------------------------------------------------------

masks = st.lists(
    st.tuples(st.integers(0, 15), st.integers(0, 25), st.integers(1, 8), st.integers(1, 8)),
    max_size=6,
)


@given(masks, st.data())
def test_every_mask_comes_back_and_the_smallest_is_seen(boxes, data):
    parts = [box(*each) for each in boxes]
    labels = data.draw(st.lists(st.integers(1, 9), min_size=len(parts), max_size=len(parts)))
    crowd = data.draw(st.lists(st.booleans(), min_size=len(parts), max_size=len(parts)))
    found = from_masks(parts, labels, SIZE_HW, crowd=crowd)
    for index, part in enumerate(parts):
        np.testing.assert_array_equal(found.mask(index), part)
    for y, x in np.argwhere(np.ones(SIZE_HW, bool)):
        here = [k for k, part in enumerate(parts) if part[y, x]]
        least = min(here, key=lambda k: (crowd[k], parts[k].sum()), default=None)
        if least is None:
            assert found.semantic[y, x] == 0
            continue
        ties = [k for k in here if (crowd[k], parts[k].sum()) == (crowd[least], parts[least].sum())]
        assert found.semantic[y, x] in {IGNORE if crowd[k] else labels[k] for k in ties}


def test_void_lies_on_top_and_unlisted_numbers_are_no_objects():
    ids = box(0, 0, 4, 4) * 300 + box(10, 10, 4, 4) * 7
    found = from_ids(ids, {300: 2}, void=box(0, 0, 1, 30))
    assert found.labels.tolist() == [2] and (found.semantic[0] == IGNORE).all()
    assert (found.semantic[1:4, :4] == 2).all() and (found.semantic[10:] == 0).all()


def test_ground_shows_where_there_is_no_instance():
    ground = np.full(SIZE_HW, 3, np.uint8)
    found = on_layers(box(0, 0, 2, 2)[None].astype(np.uint16), [5], ground)
    assert (found.semantic[:2, :2] == 5).all() and (found.semantic[2:] == 3).all()
