"""Outlines as annotation tools write them, filled: (H, W) bool masks from points in pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pixelwise import rle

# Beyond this a number is a mistake, and its square may overflow.
_FARTHEST_PX = 1e7

Mask = NDArray[np.bool_]
Points = NDArray[np.float64]
"""(N, 2) x, y in pixels; one of them is (2,)."""


def polygon(points: Points, size_hw: tuple[int, int]) -> Mask:
    """The inside of a polygon, filled as COCO's tools fill it; nothing where it has no area.

    Args:
        points: (N, 2) in order; parts beyond the picture are cut off.

    Raises:
        ValueError: a corner that is not a finite number.
    """
    if not np.isfinite(points).all():
        raise ValueError("a corner is not a number")
    # The time of filling grows with the outline's length: what lies far outside is brought nearer.
    far = np.array(size_hw[::-1])
    return rle.decode([np.clip(points, -far, 2 * far).ravel().tolist()], size_hw)


def rectangle(one: Points, other: Points, size_hw: tuple[int, int]) -> Mask:
    """A rectangle with two opposite corners."""
    (x, y), (X, Y) = one, other
    return polygon(np.array([(x, y), (X, y), (X, Y), (x, Y)]), size_hw)


def ellipse(center: Points, radii: Points, size_hw: tuple[int, int], angle: float = 0.0) -> Mask:
    """The pixels whose centre lies in an ellipse.

    Args:
        center: x, y in pixels. radii: along its own x and y axis, in pixels.
        angle: by which it is turned from x towards y, in radians.

    Raises:
        ValueError: a number that is none, or absurdly large.
    """
    if not (np.abs([*center, *radii, angle]) <= _FARTHEST_PX).all():
        raise ValueError("a centre or a radius lies nowhere near the image")
    height, width = size_hw
    y, x = np.ogrid[:height, :width]
    dx, dy = x + 0.5 - center[0], y + 0.5 - center[1]
    across, along = max(radii[0], 1e-9), max(radii[1], 1e-9)
    turned_x = dx * np.cos(angle) + dy * np.sin(angle)
    turned_y = dy * np.cos(angle) - dx * np.sin(angle)
    inside: Mask = (turned_x / across) ** 2 + (turned_y / along) ** 2 <= 1
    return inside


def disc(center: Points, rim: Points, size_hw: tuple[int, int]) -> Mask:
    """The pixels whose centre lies in a circle, by its centre and a point on it."""
    with np.errstate(all="ignore"):  # what is too large is named by `ellipse`
        radius = float(np.hypot(rim[0] - center[0], rim[1] - center[1]))
    return ellipse(center, np.array([radius, radius]), size_hw)
