"""How far two outlines are apart: distances between borders, agreement of rims.

Both functions look only into the box that holds the masks, and take milliseconds on 3000 x 2304.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Mask = NDArray[np.bool_]


def surface_distances(
    truth: Mask, prediction: Mask, valid: Mask | None = None
) -> tuple[float, float]:
    """How far the two outlines are apart, in pixels of the picture.

    A mask's border is its pixels with one of the four neighbours outside the mask or the picture.
    From every border pixel the distance to the nearest border pixel of the other mask is taken.

    * ``hd95_px``, the 95 % Hausdorff distance: the larger of the two directed 95th percentiles.
    * ``assd_px``, the average symmetric surface distance: the mean over both borders' pixels.

    Both as in MONAI's HausdorffDistanceMetric(percentile=95) and SurfaceDistanceMetric(
    symmetric=True). Two empty masks are 0 apart; one empty mask alone is given the picture's
    diagonal, the worst there can be, so that a missed lesion cannot improve an average.

    Args:
        truth, prediction: (H, W) bool.
        valid: (H, W) bool; outside it neither mask is looked at. None for everywhere.

    Returns:
        (hd95_px, assd_px)
    """
    if valid is not None:
        truth, prediction = truth & valid, prediction & valid
    if not (truth.any() and prediction.any()):
        worst = math.hypot(*truth.shape) if truth.any() or prediction.any() else 0.0
        return worst, worst
    # A tree of border pixels: 0.03 s for outlines on 3000 x 2304, where a distance transform of
    # the whole picture takes 2.5 s.
    mine, theirs = _border(truth), _border(prediction)
    there = cKDTree(theirs).query(mine)[0]
    back = cKDTree(mine).query(theirs)[0]
    hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    return float(hd95), float(np.concatenate([there, back]).mean())


def boundary_iou(
    truth: Mask, prediction: Mask, valid: Mask | None = None, dilation_ratio: float = 0.02
) -> float:
    """The Jaccard index of the two masks' inner rims: strict about outlines, whatever the size.

    Cheng et al., "Boundary IoU" (CVPR 2021), equation 2: of each mask only the pixels within d of
    its own border are kept, d = ``dilation_ratio`` x the picture's diagonal. As in the authors'
    code, the picture's edge is a border too. Two empty masks score 1.

    Args:
        truth, prediction: (H, W) bool.
        valid: (H, W) bool; outside it neither mask is looked at. None for everywhere.
        dilation_ratio: d as a part of the diagonal.
    """
    if valid is not None:
        truth, prediction = truth & valid, prediction & valid
    width = max(1, round(dilation_ratio * math.hypot(*truth.shape)))
    window = _window(truth | prediction)
    mine, theirs = _rim(truth[window], width), _rim(prediction[window], width)
    union = np.count_nonzero(mine | theirs)
    return float(np.count_nonzero(mine & theirs) / union) if union else 1.0


def _window(mask: Mask) -> tuple[slice, slice]:
    """The rows and columns a mask lies in."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return slice(top, top + height), slice(left, left + width)


def _border(mask: Mask) -> NDArray[np.float64]:
    """The mask's pixels with a 4-neighbour outside it, or outside the picture: (N, 2) y, x."""
    rows, columns = _window(mask)
    inside = mask[rows, columns].astype(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    edge = inside - cv2.erode(inside, cross, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    corner = np.array([rows.start, columns.start], dtype=np.float64)
    return np.add(np.argwhere(edge), corner, dtype=np.float64)


def _rim(mask: Mask, width: int) -> Mask:
    """The mask's pixels within ``width`` steps (8 neighbours) of a pixel outside it."""
    # Padding makes the picture's edge an outside; chessboard distance is repeated 3 x 3 erosion.
    padded = np.pad(mask.astype(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_C, 3)[1:-1, 1:-1]
    return np.asarray(mask & (depth <= width))
