"""Who has joints in a picture, how large they are, and how alike two poses are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.layers import corners
from pixelwise.types import Annotation, Category, PixelwiseError, Skeleton

Keypoints = NDArray[np.floating[Any]]
"""(N, K, 3) x, y, and visibility (annotations) or score (results)."""

PIXEL_MIDDLE = 0.5
"""From the number of a pixel, which COCO writes for a joint, to the middle of that pixel."""

# People fill about so much of their box: what COCO's own scripts take where nobody is outlined.
BOX_SHARE = 0.53


def skeleton_of(categories: Sequence[Category]) -> tuple[int, Skeleton]:
    """The first category with joints: its index, and its skeleton.

    Raises:
        PixelwiseError: there is none.
    """
    for index, category in enumerate(categories):
        if category.skeleton is not None:
            return index, category.skeleton
    raise PixelwiseError(
        "No category has joints, which the task 'pose' needs. Leave out --task, or give a folder "
        "with joints (COCO keypoints, YOLO pose, LSP, MPII)."
    )


@dataclass(frozen=True, eq=False)
class Jointed:
    """The instances of one picture that can have joints, M of them.

    ``places``: (M,) their places in the annotation. ``keypoints``: (M, K, 3) float32 x, y,
    visibility. ``areas_px``: (M,) float64, of their pixels; without these, of the share of their
    box that people fill. ``boxes``: (M, 4) float64 xyxy. ``crowd``: (M,) bool.
    """

    places: NDArray[np.intp]
    keypoints: NDArray[np.float32]
    areas_px: NDArray[np.float64]
    boxes: NDArray[np.float64]
    crowd: NDArray[np.bool_]

    @property
    def is_labelled(self) -> NDArray[np.bool_]:
        """(M,) whether any joint is known; nobody can say where the others' joints are."""
        return np.asarray((self.keypoints[..., 2] > 0).any(axis=1) & ~self.crowd)


def jointed(annotation: Annotation, categories: Sequence[Category]) -> Jointed:
    """Those who can have joints: the instances of categories with a skeleton.

    Raises:
        PixelwiseError: no category has joints.
    """
    _, skeleton = skeleton_of(categories)
    can = np.array([category.skeleton is not None for category in categories])
    places = np.flatnonzero(can[annotation.labels])
    keypoints = annotation.keypoints
    if keypoints is None:
        keypoints = np.zeros((len(annotation), len(skeleton.joints), 3), np.float32)
    keypoints = keypoints[places]
    areas = annotation.areas_px[places].astype(np.float64)
    boxes = _boxes(annotation, keypoints, places)
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1)
    areas = np.where(areas > 0, areas, BOX_SHARE * sides.prod(axis=1))
    return Jointed(places, keypoints, areas, boxes, annotation.crowd[places])


def _boxes(
    annotation: Annotation, keypoints: NDArray[np.float32], places: NDArray[np.intp]
) -> NDArray[np.float64]:
    """(M, 4) around the pixels; without any as given; without that around the joints."""
    boxes = corners(annotation.layers, len(annotation))[places].astype(np.float64)
    if annotation.boxes is not None:
        is_empty = np.asarray(boxes[:, 2] <= boxes[:, 0])
        boxes[is_empty] = annotation.boxes[places][is_empty]
    from_joints = around(keypoints, keypoints[..., 2] > 0)
    has_box = boxes[:, 2:3] > boxes[:, :1]
    return np.where(has_box, boxes, from_joints)


def around(keypoints: Keypoints, known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N, 4) xyxy: the box around the known joints of each; zeros for one without any."""
    xy, mask = keypoints[..., :2].astype(np.float64), known[..., None]
    low = np.where(mask, xy, np.inf).min(axis=1, initial=np.inf)
    high = np.where(mask, xy, -np.inf).max(axis=1, initial=-np.inf)
    has_any = known.any(axis=1, keepdims=True)
    return np.where(has_any, np.hstack([low, high]), 0.0)


def in_numbered_pixels(keypoints: Keypoints) -> NDArray[np.float64]:
    """(N, K, 3) as COCO's and OpenPose's files hold joints: 0 is the middle of the first pixel.

    A joint whose third number is 0 is 0, 0, 0.
    """
    moved = keypoints.astype(np.float64) - (PIXEL_MIDDLE, PIXEL_MIDDLE, 0)
    return np.where(keypoints[..., 2:] > 0, moved, 0.0)


def similarity(
    truth: Keypoints, areas_px: NDArray[np.float64], found: Keypoints, sigmas: Sequence[float]
) -> NDArray[np.float64]:
    """Object keypoint similarity (OKS) of every true pose with every pose found.

    Lin et al., "Microsoft COCO: Common objects in context" (ECCV 2014), and the definition of its
    keypoint evaluation: the mean over the known joints i of exp(-d_i^2 / (2 area (2 sigma_i)^2)).
    A joint that was not found adds 0.

    Args:
        truth: (M, K, 3), third number above 0 where a joint is known.
        areas_px: (M,).
        found: (N, K, 3), NaN where a joint was not found.
        sigmas: (K,), see `Skeleton`.

    Returns:
        (M, N) float64 in [0, 1]; 0 for a truth without known joints.
    """
    apart = truth[:, None, :, :2].astype(np.float64) - found[None, :, :, :2].astype(np.float64)
    each = nearness((apart**2).sum(axis=-1), areas_px[:, None, None], sigmas)
    alike = np.nan_to_num(each, nan=0.0)
    known = (truth[..., 2] > 0).astype(np.float64)
    sums: NDArray[np.float64] = np.einsum("mnk,mk->mn", alike, known)
    return np.asarray(sums / np.maximum(known.sum(axis=1), 1)[:, None])


def nearness(
    squares_px: NDArray[np.float64], areas_px: NDArray[np.float64], sigmas: Sequence[float]
) -> NDArray[np.float64]:
    """How near each joint is, of which OKS is the mean: exp(-d^2 / (2 area (2 sigma)^2)).

    Args:
        squares_px: (..., K) squared distances; where one is NaN, so is what comes out.
        areas_px: of the people, in a shape that goes with it.
        sigmas: (K,).
    """
    spread = (2 * np.asarray(sigmas, np.float64)) ** 2
    return np.asarray(np.exp(-squares_px / spread / (areas_px + np.spacing(1)) / 2))
