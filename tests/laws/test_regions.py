"""All instances of a map measured and encoded at once, as each would be alone."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelwise import rle
from pixelwise.regions import measure
from scattered import picture_of, scatter


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 5), st.integers(0, 99))
def test_all_masks_encoded_at_once_are_each_encoded_alone(height, width, count, seed):
    ids = np.random.default_rng(seed).integers(0, count + 1, (height, width)).astype(np.int32)
    alone = [rle.encode(ids == number) for number in range(1, count + 2)]
    assert rle.encode_all(ids, count + 1) == alone


def test_masks_that_cross_the_strips_are_encoded_whole(monkeypatch):
    ids = scatter(40)
    whole = rle.encode_all(ids, 40)
    assert whole == [rle.encode(ids == number) for number in range(1, 41)]
    monkeypatch.setattr(rle, "_STRIP_PX", 300)
    assert rle.encode_all(ids, 40) == whole
    assert rle.encode_all(ids, 0) == []


def test_a_disc_and_a_bar_are_measured_as_geometry_says():
    ids = np.zeros((60, 80), np.int32)
    cv2.circle(ids, (20, 30), 12, 1, -1)
    ids[10:14, 40:70] = 2
    image = np.zeros((60, 80, 3), np.uint8)
    image[ids == 1], image[ids == 2] = (10, 20, 30), (200, 100, 50)
    found = measure(ids, np.array([True, True]), image)
    assert found.centroids_xy == pytest.approx(np.array([[20.5, 30.5], [55, 12]]))
    assert found.area_px.tolist() == [int((ids == 1).sum()), 120]
    assert found.boxes_xyxy.tolist() == [[8, 18, 33, 43], [40, 10, 70, 14]]
    assert found.equivalent_diameter_px[0] == pytest.approx(24, abs=0.5)
    assert found.eccentricity == pytest.approx([0, np.sqrt(1 - (4**2 / 30**2))], abs=0.01)
    assert found.mean_rgb.tolist() == [[10, 20, 30], [200, 100, 50]]


def test_stuff_has_an_area_and_a_box_and_no_shape():
    ids = np.zeros((30, 40), np.int32)
    ids[20:], ids[5:10, 5:12] = 1, 2
    found = measure(ids, np.array([False, True]), picture_of(ids))
    assert found.area_px.tolist() == [400, 35]
    assert found.boxes_xyxy.tolist() == [[0, 20, 40, 30], [5, 5, 12, 10]]
    assert np.isnan(found.centroids_xy[0]).all() and np.isnan(found.eccentricity[0])
    assert found.centroids_xy[1].tolist() == [8.5, 7.5]


def test_angles_are_as_one_looks_at_the_picture():
    ids = np.zeros((40, 40), np.int32)
    cv2.line(ids, (5, 30), (20, 15), 1, 2)  # rises to the right
    cv2.line(ids, (22, 38), (38, 38), 2, 2)
    found = measure(ids, np.ones(3, np.bool_), picture_of(ids))
    apart = found.orientation_deg[:2] - [45, 0]
    assert np.abs((apart + 90) % 180 - 90).max() < 3
    assert (found.eccentricity[:2] > 0.9).all()
    assert found.area_px[2] == 0 and not found.boxes_xyxy[2].any() and found.mean_rgb[2, 0] == 0
