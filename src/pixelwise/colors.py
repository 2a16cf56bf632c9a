"""Colours for the instances of a picture: no two neighbours alike."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.draw import palette
from pixelwise.types import Category

Colors = NDArray[np.uint8]
"""(N, 3) uint8 RGB."""

# Instances at most this far apart, in pixels, count as neighbours.
_NEAR_PX = 4
# What things of one category are mixed with, and how much of it: itself, light, dark, and so on.
_SHADES = ((0, 0.0), (255, 0.35), (0, 0.3), (255, 0.6), (0, 0.5), (255, 0.18))


def of_instances(id_map: NDArray[np.int32], count: int) -> Colors:
    """A colour for each instance, of seven safe for the colour-blind (Okabe & Ito 2008).

    Args:
        id_map: (H, W) int32, n = instance n - 1, 0 = none.
        count: how many instances there are.
    """
    colors = np.array(palette(8)[1:], np.uint8)
    chosen: Colors = colors[_apart(_neighbours(id_map), np.arange(count), len(colors))]
    return chosen


def of_segments(
    id_map: NDArray[np.int32], labels: NDArray[np.int64], categories: Sequence[Category]
) -> Colors:
    """A colour for each segment: stuff in its category's, things in shades of their category's.

    Args:
        id_map: (H, W) int32, n = segment n - 1, 0 = none.
        labels: (N,) int64 index into ``categories``.
        categories: index -> name and colour.
    """
    base = np.array([category.color for category in categories], np.float64)[labels]
    is_thing = np.array([category.is_thing for category in categories], np.bool_)[labels]
    alike = [(a, b) for a, b in _neighbours(id_map) if labels[a] == labels[b]]
    place = _apart(alike, _rank(labels), len(_SHADES))
    towards, share = np.array(_SHADES).T[:, place]
    shaded = base + (share * is_thing)[:, None] * (towards[:, None] - base)
    tones: Colors = np.rint(shaded).astype(np.uint8)
    return tones


def _rank(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,): how many of the same label come before."""
    seen: dict[int, int] = {}
    ranks = []
    for label in labels.tolist():
        ranks.append(seen.get(label, 0))
        seen[label] = ranks[-1] + 1
    return np.array(ranks, np.int64)


def _apart(
    neighbours: Sequence[tuple[int, int]], wished: NDArray[np.int64], choices: int
) -> NDArray[np.int64]:
    """(N,) numbers below ``choices``: neighbours' differ as long as there are few enough of them.

    Each instance in turn takes the one wished for it, or the next that no neighbour before it has.
    """
    before: list[list[int]] = [[] for _ in wished]
    for low, high in neighbours:
        before[high].append(low)
    chosen: list[int] = []
    for wish, others in zip(wished.tolist(), before, strict=True):
        taken = {chosen[other] for other in others}
        tries = [(wish + step) % choices for step in range(choices)]
        chosen.append(next((place for place in tries if place not in taken), tries[0]))
    return np.array(chosen, np.int64)


def _neighbours(id_map: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Pairs of indices of instances that touch or nearly do, the lower first."""
    # The highest number nearby: what OpenCV widens are floats, which hold whole numbers to 2^24.
    window = np.ones((2 * _NEAR_PX + 1,) * 2, np.uint8)
    near = np.asarray(cv2.dilate(id_map.astype(np.float32), window), np.int32)
    found = [
        _differing(id_map, near),
        _differing(id_map[1:], id_map[:-1]),
        _differing(id_map[:, 1:], id_map[:, :-1]),
    ]
    pairs = np.unique(np.concatenate(found))
    return [((pair >> 32) - 1, (pair & 0xFFFFFFFF) - 1) for pair in pairs.tolist()]


def _differing(a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.int64]:
    """Pairs of numbers at the same places of two maps, as low * 2^32 + high."""
    places = (a != b) & (a > 0) & (b > 0)
    low, high = np.minimum(a[places], b[places]), np.maximum(a[places], b[places])
    pairs: NDArray[np.int64] = (low.astype(np.int64) << 32) + high
    return pairs
