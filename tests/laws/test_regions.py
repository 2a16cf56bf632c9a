"""All instances of a map measured and encoded at once, as each would be alone."""

import warnings

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


@pytest.mark.parametrize("strip_px", [2**21, 700])
def test_measures_are_those_of_scikit_image(monkeypatch, strip_px):
    from skimage.measure import regionprops_table

    monkeypatch.setattr("pixelwise.regions._STRIP_PX", strip_px)
    ids = scatter(60)
    found = measure(ids, 60, picture_of(ids))
    names = ("area", "bbox", "centroid", "eccentricity", "orientation", "intensity_mean")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = regionprops_table(
            ids, picture_of(ids), properties=("label", "equivalent_diameter_area", *names)
        )
    assert known["label"].tolist() == list(range(1, 61))
    assert found.area_px.tolist() == known["area"].tolist()
    boxes = np.stack([known[f"bbox-{side}"] for side in (1, 0, 3, 2)], axis=1)
    assert np.array_equal(found.boxes_xyxy, boxes)
    centroids = np.stack([known["centroid-1"], known["centroid-0"]], axis=1) + 0.5
    assert np.allclose(found.centroids_xy, centroids)
    assert np.allclose(found.equivalent_diameter_px, known["equivalent_diameter_area"])
    assert np.allclose(found.eccentricity, known["eccentricity"], atol=1e-6)
    colors = np.stack([known[f"intensity_mean-{channel}"] for channel in range(3)], axis=1)
    assert np.allclose(found.mean_rgb, colors)
    # Its angle is against the rows' axis, which points down. A disc has none.
    apart = np.degrees(known["orientation"]) - 90 - found.orientation_deg
    assert np.abs((apart + 90) % 180 - 90)[found.eccentricity > 0.01].max() < 1e-6


def test_angles_are_as_one_looks_at_the_picture():
    ids = np.zeros((40, 40), np.int32)
    cv2.line(ids, (5, 30), (20, 15), 1, 2)  # rises to the right
    cv2.line(ids, (22, 38), (38, 38), 2, 2)
    found = measure(ids, 3, picture_of(ids))
    assert np.allclose(found.orientation_deg[:2], [45, 0], atol=3)
    assert (found.eccentricity[:2] > 0.9).all()
    assert found.area_px[2] == 0 and not found.boxes_xyxy[2].any() and found.mean_rgb[2, 0] == 0
