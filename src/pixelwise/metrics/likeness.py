"""Which pose of a prediction is whose, and how alike the two are; `poses` stands on this.

The measure is COCO's object keypoint similarity (OKS, `pixelwise.joints.similarity`). *Ignored* are
crowds and people without a labelled joint: nobody knows where their joints are. They cannot be
missed, and a pose that lies on one of them is *excused*: it does not count. How much it lies on
one is, as in COCO's evaluation, the same similarity with each joint's distance to the person's box
with its own width and height added on every side, in place of the distance to the true joint; so
all of a pose within that box scores 1.

Ignore regions (255) excuse too, as they do segments: a pose that matches nobody and has more than
half of its joints there does not count. Datasets that mark one person of several (LSP, MPII) need
it; in COCO's there is no such region beside crowds and unlabelled people, who have the rule above.

COCO's files have a place for every joint. Here a joint may be not found: it adds nothing to the
similarity with a labelled person, and says nothing of lying on an ignored one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelwise.joints import Jointed, around, jointed, nearness, similarity, skeleton_of
from pixelwise.layers import touched
from pixelwise.metrics.detections import Detections, Pairs, Sides, judge, surest
from pixelwise.metrics.matching import Floats, Numbers
from pixelwise.types import IGNORE, Annotation, Category, PixelwiseError, Poses

LEAST_OKS = 0.5
"""From this OKS on a pose counts as found, as from IoU 0.5 a segment does."""
MOST = 20
"""Poses in one picture that count in average precision, the surest first (COCO)."""


@dataclass(frozen=True, eq=False)
class Likeness:
    """The people of one picture, M of them, and the N poses found in it.

    ``people``: who is there. ``keypoints``: (N, K, 3) of the poses; ``scores``: (N,) float64.
    ``alike``: (M, N) float64 in [0, 1], OKS; of an ignored person how much of a pose lies on it.
    ``in_void``: (N,) bool, more than half of a pose's joints lie in ignore regions.
    """

    people: Jointed
    keypoints: NDArray[np.float32]
    scores: Floats
    alike: Floats
    in_void: NDArray[np.bool_]

    @classmethod
    def of(cls, truth: Annotation, result: Poses, categories: Sequence[Category]) -> Likeness:
        """Compare everybody with every pose.

        Raises:
            PixelwiseError: no category has joints, or the two differ in size or joints.
        """
        _, skeleton = skeleton_of(categories)
        people = jointed(truth, categories)
        _check(truth, result, len(skeleton.joints))
        known = (people.keypoints[..., 2] > 0).any(axis=1)
        alike = similarity(people.keypoints, people.areas_px, result.keypoints, skeleton.sigmas)
        alike[~known] = _lying_on(
            people.boxes[~known], people.areas_px[~known], result.keypoints, skeleton.sigmas
        )
        in_void = _share_on(_void(truth, people), result.keypoints) > 0.5
        return cls(people, result.keypoints, result.scores.astype(np.float64), alike, in_void)

    @property
    def found(self) -> NDArray[np.bool_]:
        """(N, K) which joints were found."""
        return np.asarray(self.keypoints[..., 2] > 0)

    def pairs(self, least: float) -> tuple[Numbers, Numbers]:
        """People who count and the poses that are theirs: places (P,) and (P,), each at most once.

        Pairs are taken by falling OKS, down to ``least``, so that the pairing at any higher OKS is
        the part of this one that is above it. Scores have no say: a second pose of one person must
        not take that of the neighbour because it is the surer one.
        """
        fits = (self.alike >= least) & self.people.is_labelled[:, None]
        rows, columns = np.nonzero(fits)
        order = np.argsort(-self.alike[rows, columns], kind="stable")
        kept: list[tuple[int, int]] = []
        taken_rows, taken_columns = set[int](), set[int]()
        for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
            if row not in taken_rows and column not in taken_columns:
                taken_rows.add(row)
                taken_columns.add(column)
                kept.append((row, column))
        both = np.array(kept, np.int64).reshape(-1, 2)
        return both[:, 0], both[:, 1]

    def excused(self) -> NDArray[np.bool_]:
        """(N,) whether a pose lies on somebody who is ignored, or in ignore regions."""
        on_ignored = self.alike[~self.people.is_labelled]
        return np.asarray((on_ignored >= LEAST_OKS).any(axis=0) | self.in_void)

    def judged(self) -> Detections:
        """What average precision needs: every pose judged at every OKS, as COCO judges."""
        people, labels = self.people, np.zeros(len(self.scores), np.int64)
        box = around(self.keypoints, self.found)
        sides = Sides(
            truth_labels=np.zeros(len(people.places), np.int64),
            truth_px=people.areas_px,
            crowd=people.crowd,
            ignored=~people.is_labelled,
            found_labels=labels,
            found_px=(box[:, 2:] - box[:, :2]).prod(axis=1),
            excused=self.in_void,
        )
        order = surest(labels, self.scores, MOST)
        rows, columns = np.nonzero(self.alike >= LEAST_OKS)
        pairs = Pairs(rows, columns, self.alike[rows, columns])
        return judge(sides, self.scores, order, pairs, num_categories=1)


def _check(truth: Annotation, result: Poses, num_joints: int) -> None:
    if truth.size_hw != tuple(result.size_hw):
        raise PixelwiseError(
            f"The truth is {truth.size_hw} and the prediction {tuple(result.size_hw)} (height, "
            "width); they must have one size. Predict on the picture that was annotated."
        )
    numbers = {result.keypoints.shape[1], num_joints}
    if truth.keypoints is not None:
        numbers.add(truth.keypoints.shape[1])
    if len(numbers) > 1:
        raise PixelwiseError(
            f"The skeleton has {num_joints} joints and the poses {result.keypoints.shape[1]}. "
            "Measure on a dataset with the joints that the run has learned."
        )


def _void(truth: Annotation, people: Jointed) -> NDArray[np.bool_]:
    """(H, W) ignore regions, without crowds and the boxes of unlabelled people."""
    void = (truth.semantic == IGNORE) & ~truth.layers.any(axis=0)
    for box in people.boxes[~people.is_labelled].tolist():
        void[touched(box)] = False
    return np.asarray(void, np.bool_)


def _share_on(region: NDArray[np.bool_], keypoints: NDArray[np.float32]) -> Floats:
    """(N,) the share of each pose's joints that lie in a region; 0 of a pose without joints."""
    is_found = keypoints[..., 2] > 0
    height, width = region.shape
    x, y = np.floor(np.where(is_found[..., None], keypoints[..., :2], -1)).T.astype(np.int64)
    is_there = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    inside = region[np.where(is_there, y, 0), np.where(is_there, x, 0)] & is_there
    return np.asarray(inside.sum(axis=0) / np.maximum(is_found.sum(axis=1), 1))


def _lying_on(
    boxes: Floats, areas_px: Floats, found: NDArray[np.float32], sigmas: Sequence[float]
) -> Floats:
    """(M, N) how much of each pose lies on each box widened by its own size on every side."""
    size = boxes[:, 2:] - boxes[:, :2]
    low, high = (boxes[:, :2] - size)[:, None, None], (boxes[:, 2:] + size)[:, None, None]
    xy = found[None, :, :, :2].astype(np.float64)
    outside = np.maximum(low - xy, 0) + np.maximum(xy - high, 0)
    each = nearness((outside**2).sum(axis=-1), areas_px[:, None, None], sigmas)
    is_found = ~np.isnan(each)
    sums: Floats = np.where(is_found, each, 0.0).sum(axis=-1)
    return np.asarray(sums / np.maximum(is_found.sum(axis=-1), 1))
