"""A mask as one polygon, for files that have room for one."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

# A line this close to the contour (in half pixels) still has every pixel's middle on its side.
_TOLERANCE = 0.45


def polygon_of(mask: NDArray[np.bool_]) -> tuple[Points, int]:
    """Trace a mask.

    The contour runs a quarter of a pixel inside the border: a tool that fills the pixels whose
    middles lie inside finds the mask again, and so does one that cuts coordinates off to whole
    numbers and fills up to them. Parts are joined by a bridge without width, there and back
    between their nearest corners. Holes are filled.

    Args:
        mask: (h, w) bool with at least one pixel.

    Returns:
        (P, 2) float64 x, y in pixels, and the number of holes.
    """
    # Twice as large, a pixel's contour has corners, and even a single one is an area.
    double = np.repeat(np.repeat(mask.view(np.uint8), 2, axis=0), 2, axis=1)
    found, hierarchy = cv2.findContours(double, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    is_part = hierarchy[0, :, 3] < 0
    parts = [_straightened(contour) for contour, outer in zip(found, is_part, strict=True) if outer]
    parts.sort(key=len, reverse=True)
    whole = parts[0]
    for contour in parts[1:]:
        whole = _bridged(whole, contour)
    return (whole + 0.5) / 2, int((~is_part).sum())


def _straightened(contour: NDArray[Any]) -> Points:
    fewer = cv2.approxPolyDP(contour, _TOLERANCE, closed=True)
    kept = fewer if len(fewer) >= 3 else contour
    return np.asarray(kept, np.float64).reshape(-1, 2)


def _bridged(whole: Points, other: Points) -> Points:
    """Go round ``whole`` up to its corner nearest to ``other``, round that, and back."""
    here, there = _nearest(whole, other)
    loop = np.roll(other, -there, axis=0)
    return np.concatenate([whole[: here + 1], loop, loop[:1], whole[here:]])


def _nearest(whole: Points, other: Points) -> tuple[int, int]:
    """The pair of corners that are closest, as their indices."""
    from scipy.spatial import cKDTree

    distances, places = cKDTree(whole).query(other)
    there = int(np.argmin(distances))
    return int(np.asarray(places)[there]), there
