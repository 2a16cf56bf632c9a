"""Pure algebra on target maps."""

from __future__ import annotations

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
    heatmap: NDArray[np.float32], threshold: float, reach: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The tops of a map, each once.

    A top is highest within ``reach`` pixels on every side. A plateau has one top, at its middle,
    not as many as it has pixels; of two plateaus of one height within ``reach`` the first is it.

    Args:
        heatmap: (h, w) float32.
        threshold: a top is at least so high.
        reach: in map pixels.

    Returns:
        (N, 2) float64 x and y in map pixels (pixel i covers [i, i + 1)), refined by the parabola
        through each top and its neighbours; (N,) float32 heights.
    """
    side = 2 * reach + 1
    highest = cv2.dilate(heatmap, np.ones((side, side), np.uint8))
    is_top = (heatmap >= highest) & (heatmap >= threshold)
    if not is_top.any():
        return np.zeros((0, 2)), np.zeros(0, np.float32)
    y, x = np.nonzero(is_top)
    near = _pairs_within(np.stack([x, y], axis=1), 1)
    group = np.arange(len(x), dtype=np.int64)
    if len(near):
        links = coo_array((np.ones(len(near)), (near[:, 0], near[:, 1])), (len(x), len(x)))
        group = connected_components(links, directed=False)[1].astype(np.int64)
    count = np.bincount(group)
    found = np.stack([np.bincount(group, x) / count, np.bincount(group, y) / count], axis=1)
    first = np.unique(group, return_index=True)[1]
    alone = count == 1
    found[alone] += _parabola(heatmap, x[first][alone], y[first][alone])
    kept = _apart(found, reach)
    return found[kept] + 0.5, heatmap[y[first], x[first]][kept]


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
    heatmap: NDArray[np.float32], x: NDArray[np.intp], y: NDArray[np.intp]
) -> NDArray[np.float64]:
    """(N, 2) how far the true top lies from a top pixel along x and y, at most half a pixel."""
    height, width = heatmap.shape
    shifts = []
    for axis, place, size in ((0, x, width), (1, y, height)):
        before, after = np.maximum(place - 1, 0), np.minimum(place + 1, size - 1)
        low = heatmap[y, before] if axis == 0 else heatmap[before, x]
        high = heatmap[y, after] if axis == 0 else heatmap[after, x]
        bend = 2.0 * heatmap[y, x] - low - high
        slope = (high - low).astype(np.float64)
        shifts.append(np.divide(slope, 2 * bend, out=np.zeros(len(x)), where=bend > 1e-9))
    return np.asarray(np.clip(np.stack(shifts, axis=1), -0.5, 0.5), np.float64)


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
