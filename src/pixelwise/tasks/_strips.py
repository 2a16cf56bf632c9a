"""The pixels along lines of some width, of all lines at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def strips(
    start: Floats, unit: Floats, length: Floats, reach: Floats, size_hw: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.float32]]:
    """The pixels around lines, and how far each lies inside.

    A line is followed along the axis it runs along most, and at each step of it a few pixels
    across are looked at: as many as lie in its strip, not as in the box around it.

    Args:
        start: (N, 2) x and y in pixels.
        unit: (N, 2) direction.
        length: (N,).
        reach: (N,) the distance from the line at which a pixel's share is 0.
        size_hw: h, w.

    Returns:
        for each of P pixels the line's number, the pixel's number in its map, and its share in
        (0, 1]. A pixel comes at most once for each line.
    """
    is_steep = np.abs(unit[:, 1]) > np.abs(unit[:, 0])
    turned = np.where(is_steep[:, None], [1, 0], [0, 1])
    start, unit = (np.take_along_axis(values, turned, axis=1) for values in (start, unit))
    limit = np.where(is_steep[:, None], size_hw, size_hw[::-1])
    ends = start[:, 0], start[:, 0] + length * unit[:, 0]
    first = np.clip(np.floor(np.minimum(*ends) - reach), 0, limit[:, 0]).astype(np.int64)
    last = np.clip(np.ceil(np.maximum(*ends) + reach), first, limit[:, 0]).astype(np.int64)
    which, step = _ranges(first, last)
    along = step + 0.5 - start[which, 0]
    middle = start[which, 1] + along * unit[which, 1] / unit[which, 0]
    # A strip is widest across where it runs at 45 degrees.
    beyond = int(np.ceil(np.sqrt(2) * reach.max(initial=0.0)))
    across = np.floor(middle).astype(np.int64)[:, None] + np.arange(-beyond, beyond + 1)
    distance = _distance(along, across + 0.5 - start[which, 1:], unit[which], length[which])
    share = np.clip(reach[which, None].astype(np.float32) - distance, 0, 1)
    is_in = (share > 0) & (across >= 0) & (across < limit[which, 1:])
    row, _ = np.nonzero(is_in)
    y, x = np.where(is_steep[which[row]], (step[row], across[is_in]), (across[is_in], step[row]))
    return which[row], y * size_hw[1] + x, share[is_in]


def _ranges(
    first: NDArray[np.int64], last: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """The numbers from each first to before its last, one after the other, and whose they are."""
    count = last - first
    which = np.repeat(np.arange(len(count)), count)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(count) - count - first, count)


def _distance(along: Floats, across: Floats, unit: Floats, length: Floats) -> NDArray[np.float32]:
    """(R, S) float32: how far places are from lines.

    Args:
        along, across: (R,) and (R, S) from a line's start, on two axes.
        unit: (R, 2) the line's direction, on the same.
        length: (R,) the line's.
    """
    ahead, aside = along.astype(np.float32)[:, None], across.astype(np.float32)
    cos, sin = unit.astype(np.float32).T[..., None]
    passed = ahead * cos + aside * sin
    half = (length / 2).astype(np.float32)[:, None]
    past_end = np.maximum(np.abs(passed - half) - half, 0)
    return np.asarray(np.hypot(aside * cos - ahead * sin, past_end))
