"""Found objects against true ones: who is matched, and what is made of it.

An object that was found counts as right where its intersection over union (IoU) with a true one is
at least a threshold; one true object is matched by one at most. Of all such matchings that with the
most pairs is taken, and of those the one with the largest sum of IoUs (above one half there is only
one: Kirillov et al., "Panoptic Segmentation", CVPR 2019, section 4.1).

What is kept of a picture are sums, so that measures can be pooled over pictures.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
Sums = Mapping[str, ArrayLike]
"""What `count` gives, of one picture (floats) or of many (arrays)."""

PERCENTS = tuple(range(50, 100, 5))
"""The thresholds on the IoU, in percent."""


def count(truth: NDArray[np.integer], found: NDArray[np.integer]) -> dict[str, float]:
    """The sums of one picture.

    Args:
        truth, found: (H, W) integers; 0 = background, every other value one object.

    Returns:
        "truth" and "found", the numbers of objects; for each threshold "matched_50" ... and, the
        sum of the matches' IoUs, "iou_50" ...
    """
    assert truth.shape == found.shape, f"{truth.shape} and {found.shape} are not one picture"
    num_truth, num_found, iou = overlaps(truth, found)
    sums: dict[str, float] = {"truth": num_truth, "found": num_found}
    for percent in PERCENTS:
        matched = match(iou, percent / 100)
        sums |= {f"matched_{percent}": len(matched), f"iou_{percent}": float(matched.sum())}
    return sums


def overlaps(truth: NDArray[np.integer], found: NDArray[np.integer]) -> tuple[int, int, Floats]:
    """How many objects there are, and the IoUs of those that have one of at least a half.

    Returns:
        the numbers of true and of found objects, and (T, F) IoUs; pairs below a half are 0, and
        objects that have no other pairs are left out: a bad guess may hold a hundred thousand.
    """
    true_ids, t = np.unique(truth, return_inverse=True)
    found_ids, f = np.unique(found, return_inverse=True)
    true_px, found_px = np.bincount(t.ravel()), np.bincount(f.ravel())
    pairs, shared_px = np.unique(t.ravel() * len(found_ids) + f.ravel(), return_counts=True)
    t, f = np.divmod(pairs, len(found_ids))
    iou = shared_px / (true_px[t] + found_px[f] - shared_px)
    is_near = (true_ids[t] != 0) & (found_ids[f] != 0) & (iou >= PERCENTS[0] / 100)
    rows, t = np.unique(t[is_near], return_inverse=True)
    columns, f = np.unique(f[is_near], return_inverse=True)
    matrix = np.zeros((len(rows), len(columns)))
    matrix[t, f] = iou[is_near]
    return int((true_ids != 0).sum()), int((found_ids != 0).sum()), matrix


def match(iou: Floats, threshold: float) -> Floats:
    """The IoUs of the matched pairs, from (T, F) IoUs."""
    # A pair weighs more than all IoUs together.
    weights = np.where(iou >= threshold, iou + min(iou.shape), 0.0)
    chosen = iou[linear_sum_assignment(weights, maximize=True)]
    return np.asarray(chosen[chosen >= threshold])


def average_precision(sums: Sums, percent: int = 50) -> tuple[Floats, Floats]:
    """TP / (TP + FP + FN), as numerator and denominator.

    The measure of the 2018 Data Science Bowl (Caicedo et al., Nature Methods 2019), there and in
    StarDist's paper called average precision; elsewhere the critical success index.
    """
    truth, found, right = (
        np.asarray(sums[k], float) for k in ("truth", "found", f"matched_{percent}")
    )
    return right, truth + found - right


def panoptic_quality(sums: Sums, percent: int = 50) -> tuple[Floats, Floats]:
    """sum of IoU / (TP + FP / 2 + FN / 2), as numerator and denominator (Kirillov et al. 2019)."""
    truth, found, iou = (np.asarray(sums[k], float) for k in ("truth", "found", f"iou_{percent}"))
    return iou, (truth + found) / 2


def ratio(parts: tuple[Floats, Floats]) -> Floats:
    """Numerator by denominator, picture by picture; 1 where nothing is, and nothing was found."""
    top, bottom = parts
    return np.divide(top, bottom, out=np.ones_like(bottom), where=bottom > 0)
