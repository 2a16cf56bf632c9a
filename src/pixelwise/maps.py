"""Pure algebra on target maps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from pixelwise.types import IGNORE, LabelMap


def area_pool(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Average every ``factor`` x ``factor`` block: (H, W) to (H / factor, W / factor) float32."""
    height, width = values.shape
    size = (width // factor, height // factor)
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def class_shares(
    labels: LabelMap, num_classes: int, factor: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much of each block of pixels every class covers.

    Point-sampling a finer label map throws the border's position away; its area shares keep it.

    Args:
        labels: (H, W) uint8 class index, 255 = ignore; H and W are multiples of ``factor``.
        num_classes: C.
        factor: pixels of ``labels`` along the side of a block.

    Returns:
        shares (C, H / factor, W / factor) float32, summing to 1 where anything is known, and the
        known share of each block, (1, H / factor, W / factor) float32.
    """
    known = area_pool((labels != IGNORE).astype(np.float32), factor)
    covered = [area_pool((labels == c).astype(np.float32), factor) for c in range(num_classes)]
    shares = np.divide(np.stack(covered), np.maximum(known, 1e-6), dtype=np.float32)
    return shares, known[None]


def peaks(
    heatmaps: NDArray[np.float32],
    threshold: float,
    reach: int = 1,
    *,
    most: int | None = None,
    curve: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float32]]:
    """The tops of maps, each once.

    A top is highest within ``reach`` pixels on every side. A plateau has one top, at its middle,
    not as many as it has pixels; of two plateaus of one height within ``reach`` the first is it.

    Args:
        heatmaps: (C, h, w) float32.
        threshold: a top is at least so high.
        reach: in map pixels.
        most: of each map only so many pixels are tops, the highest; all that are where None.
        curve: turns heights into what is a parabola around a top; None leaves them as they are.
            A Gaussian's logarithm is one: with it, its place and height come without error.

    Returns:
        (N,) int the map each top is in, in order; (N, 2) float64 x and y in map pixels (pixel i
        covers [i, i + 1)), refined by the parabola through each top and its neighbours; (N,)
        float32 heights of the pixels, or with ``curve`` those of the parabolas.
    """
    channel, y, x = _highest(heatmaps, threshold, reach, most)
    # Side by side with room between them, so that no two maps' tops are neighbours.
    pixel = np.stack([x + channel * (heatmaps.shape[2] + reach + 1), y], axis=1)
    first, aside = _each_once(pixel, reach)
    channel, y, x = channel[first], y[first], x[first]
    shift, heights = _parabola(heatmaps, channel, y, x, curve)
    is_plateau = np.abs(aside).max(axis=1, initial=0) > 0.5
    shift[is_plateau] = aside[is_plateau]
    return channel, np.stack([x, y], axis=1) + shift + 0.5, heights.astype(np.float32)


def _each_once(pixel: NDArray[np.intp], reach: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The first pixel of each top, and how far from it, x and y, the middle of its plateau is.

    Args:
        pixel: (N, 2) x and y of the highest pixels, in order.
        reach: of two plateaus whose middles are so close the first is the top.
    """
    every = np.arange(len(pixel))
    close = _pairs_within(pixel, reach)
    if not len(close):
        return every, np.zeros((len(pixel), 2))
    near = close if reach == 1 else _pairs_within(pixel, 1)
    links = coo_array((np.ones(len(near)), (near[:, 0], near[:, 1])), (len(pixel),) * 2)
    group = connected_components(links, directed=False)[1]
    first = np.unique(group, return_index=True)[1]
    sums = [np.bincount(group, pixel[:, axis]) for axis in (0, 1)]
    middle = np.stack(sums, axis=1) / np.bincount(group)[:, None]
    kept = _apart(middle, reach)
    return first[kept], (middle - pixel[first])[kept]


def _highest(
    heatmaps: NDArray[np.float32], threshold: float, reach: int, most: int | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Map, row and column of the pixels that none within ``reach`` is higher than, in order."""
    _, height, width = heatmaps.shape
    flat = heatmaps.reshape(-1)
    at = np.flatnonzero(flat >= threshold)
    # Few pixels reach the threshold; of most rows a single one is higher than those beside it, and
    # of these a single one is higher than those above and below.
    at = at[_highest_of_runs(at, flat[at], width)]
    row = at // width
    x, y = at - row * width, row % height
    side = range(-reach, reach + 1)
    for right, down in sorted(product(side, side), key=lambda place: abs(place[0])):
        beside = np.minimum(np.maximum(x + right, 0), width - 1) - x
        below = np.minimum(np.maximum(y + down, 0), height - 1) - y
        stays = flat[at] >= flat[at + below * width + beside]
        at, x, y = at[stays], x[stays], y[stays]
    channel = at // (height * width)
    if most is not None and len(at) > most:
        order = np.lexsort((-flat[at], channel))
        rank = np.arange(len(at)) - np.searchsorted(channel, channel)
        kept = np.sort(order[rank < most])
        channel, x, y = channel[kept], x[kept], y[kept]
    return channel, y, x


def _highest_of_runs(
    at: NDArray[np.intp], values: NDArray[np.float32], width: int
) -> NDArray[np.bool_]:
    """(N,) whether neither pixel beside is higher, of those that are among them.

    Args:
        at: (N,) pixels in order, counted along the rows of ``width`` pixels.
        values: (N,) their heights.
    """
    is_next = (at[1:] == at[:-1] + 1) & (at[1:] % width > 0)
    stays = np.ones(len(at), np.bool_)
    stays[:-1] &= ~is_next | (values[:-1] >= values[1:])
    stays[1:] &= ~is_next | (values[1:] >= values[:-1])
    return stays


def _pairs_within(points: NDArray[Any], distance: float) -> NDArray[np.intp]:
    """(M, 2) numbers of points at most so far apart along each axis."""
    tree = cKDTree(points)
    return np.asarray(tree.query_pairs(distance, p=np.inf, output_type="ndarray"), np.intp)


def _apart(points: NDArray[np.float64], reach: int) -> NDArray[np.intp]:
    """Which tops stay: of two within ``reach``, which are equally high, the first."""
    dropped: set[int] = set()
    for one, other in sorted(_pairs_within(points, reach).tolist()):
        if one not in dropped:
            dropped.add(other)
    return np.array([place for place in range(len(points)) if place not in dropped], np.intp)


def _parabola(
    heatmaps: NDArray[np.float32],
    channel: NDArray[np.intp],
    y: NDArray[np.intp],
    x: NDArray[np.intp],
    curve: Callable[[NDArray[Any]], NDArray[Any]] | None,
) -> tuple[NDArray[np.float64], NDArray[np.floating[Any]]]:
    """(N, 2) how far the true top lies from a top pixel along x and y, at most half a pixel.

    And (N,) how high it is: as the pixel, or with ``curve`` as the parabolas along both axes. On
    the edge of a map they go through the three pixels nearest to it.
    """
    pixel = heatmaps[channel, y, x]
    top = pixel if curve is None else curve(pixel.astype(np.float64))
    heights, shifts = top, []
    for axis, place in ((2, x), (1, y)):
        size = heatmaps.shape[axis]
        middle = np.clip(place, 1, max(size - 2, 1))
        near = np.clip(middle[:, None] + (-1, 0, 1), 0, size - 1)
        at = (y[:, None], near) if axis == 2 else (near, x[:, None])
        line = heatmaps[channel[:, None], *at].astype(np.float64)
        low, center, high = (line if curve is None else curve(line)).T
        bend = 2 * center - low - high
        is_top = bend > 1e-9
        vertex = np.divide(high - low, 2 * bend, out=np.zeros(len(x)), where=is_top)
        shift = np.where(is_top, np.clip(vertex + middle - place, -0.5, 0.5), 0.0)
        shifts.append(shift)
        heights = heights if curve is None else heights + np.maximum(bend, 0) * shift**2 / 2
    return np.stack(shifts, axis=1), heights


def nearest(points_xy: NDArray[np.float64], size_hw: tuple[int, int]) -> NDArray[np.uint16]:
    """Which point is nearest to each pixel, in time that does not grow with their number.

    Args:
        points_xy: (N, 2) in pixels, N from 1 to 65,535; those outside count as on the edge. Of
            points in one pixel the first is taken.
        size_hw: (h, w).

    Returns:
        (h, w) uint16 number of the point, counted from 1.
    """
    height, width = size_hw
    x = np.clip(points_xy[:, 0].astype(np.int64), 0, width - 1)
    y = np.clip(points_xy[:, 1].astype(np.int64), 0, height - 1)
    free = np.ones(size_hw, np.uint8)
    free[y, x] = 0
    _, places = cv2.distanceTransformWithLabels(
        free, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.zeros(int(places.max()) + 1, np.uint16)
    number[places[y, x][::-1]] = np.arange(len(points_xy), 0, -1, dtype=np.uint16)
    return np.asarray(number[places], np.uint16)
