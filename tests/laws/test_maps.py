"""Tops of a heatmap and the nearest of many points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwise.maps import nearest, peaks


def test_a_plateau_has_one_top_at_its_middle():
    heatmap = np.zeros((20, 30), np.float32)
    heatmap[4, 7:9] = 1
    heatmap[10:13, 20:23] = 0.8
    channel, xy, heights = peaks(heatmap[None], 0.5)
    assert channel.tolist() == [0, 0]
    assert xy.tolist() == [[8.0, 4.5], [21.5, 11.5]]
    assert heights.tolist() == pytest.approx([1, 0.8])


@pytest.mark.parametrize("reach, found", [(1, 2), (3, 1)])
def test_equal_tops_within_reach_are_one(reach, found):
    heatmap = np.zeros((9, 9), np.float32)
    heatmap[4, 2] = heatmap[4, 5] = 1
    assert len(peaks(heatmap[None], 0.5, reach)[0]) == found


def test_below_the_threshold_there_is_none():
    _, xy, heights = peaks(np.full((1, 5, 5), 0.2, np.float32), 0.5)
    assert xy.shape == (0, 2) and heights.shape == (0,)


def test_a_top_between_pixels_is_found_there():
    y, x = np.mgrid[:40, :40] + 0.5
    bump = np.exp(-((x - 20.3) ** 2 + (y - 11.8) ** 2) / 18).astype(np.float32)
    ((found_x, found_y),) = peaks(np.log(bump)[None], np.log(0.5))[1]
    assert (found_x, found_y) == pytest.approx((20.3, 11.8), abs=1e-3)


@pytest.mark.parametrize("place", [(0.1, 20.7), (39.8, 0.3), (12.5, 7.5), (31.0, 18.0)])
def test_a_gaussian_is_found_where_it_is_with_the_right_height(place):
    """On the edge, between two pixels and between four of one height too."""
    y, x = np.mgrid[:30, :40] + 0.5
    bump = 0.7 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 8)
    _, xy, heights = peaks(bump[None].astype(np.float32), 0.2, curve=np.log)
    assert xy == pytest.approx(np.array([place]), abs=2e-3)
    assert np.exp(heights) == pytest.approx([0.7], abs=1e-3)


def test_each_map_has_its_own_tops_and_so_many_at_most():
    heatmaps = np.zeros((3, 9, 9), np.float32)
    heatmaps[0, 4, 8] = heatmaps[1, 4, 0] = 1
    heatmaps[2, ::2, ::2] = np.arange(25).reshape(5, 5) + 1
    channel, xy, heights = peaks(heatmaps, 0.5, most=3)
    assert channel.tolist() == [0, 1, 2, 2, 2]
    assert xy.tolist() == [[8.5, 4.5], [0.5, 4.5], [4.5, 8.5], [6.5, 8.5], [8.5, 8.5]]
    assert heights.tolist() == [1, 1, 23, 24, 25]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), number=st.integers(1, 60))
def test_tops_of_bumps_far_apart_are_all_found_once(seed, number):
    rng = np.random.default_rng(seed)
    cells = rng.permutation(100)[:number]
    centers = np.stack(np.divmod(cells, 10), axis=1) * 8 + rng.uniform(2.5, 5.5, (number, 2))
    grid = np.mgrid[:80, :80].transpose(1, 2, 0) + 0.5
    away = ((grid[:, :, None] - centers) ** 2).sum(axis=-1)
    heatmap = np.exp(-away / 4).max(axis=2).astype(np.float32)
    _, xy, _ = peaks(heatmap[None], 0.3)
    assert len(xy) == number
    assert np.abs(np.sort(xy[:, 0]) - np.sort(centers[:, 1])).max() < 0.75


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), number=st.integers(1, 40))
def test_nearest_agrees_with_measuring_to_every_point(seed, number):
    points = np.random.default_rng(seed).uniform(-2, 34, (number, 2))
    owner = nearest(points, (30, 32))
    assert owner.min() >= 1 and owner.max() <= number
    cell = np.clip(np.floor(points), 0, (31, 29)) + 0.5
    grid = np.mgrid[:30, :32][::-1].transpose(1, 2, 0) + 0.5
    distance = np.sqrt(((grid[:, :, None] - cell) ** 2).sum(axis=-1))
    chosen = np.take_along_axis(distance, owner[..., None].astype(int) - 1, axis=2)[..., 0]
    # The library measures in steps of a 5 x 5 mask, which is near to Euclid.
    assert (chosen <= 1.05 * distance.min(axis=2) + 0.3).all()
