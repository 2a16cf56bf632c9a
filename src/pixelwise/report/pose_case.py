"""People as they are and as they were found, drawn on one picture for the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise import draw
from pixelwise.joints import skeleton_of
from pixelwise.metrics import Metric
from pixelwise.metrics.likeness import LEAST_OKS, Likeness
from pixelwise.types import Annotation, Image, Poses, Skeleton

Points = NDArray[np.float64]

# As far from the other three as they are from one another, with normal eyes and with each kind of
# dichromacy; dark, it needs a light casing.
MISSED: draw.Rgb = (30, 60, 200)
IGNORED: draw.Rgb = (190, 190, 190)
_WHITE: draw.Rgb = (255, 255, 255)
LEGEND = (
    ("truth of who was found", draw.TRUTH),
    ("the pose found", draw.PREDICTION),
    ("from a true joint to where it was found", _WHITE),
    ("missed (the truth)", MISSED),
    ("false (the prediction)", draw.FALSE),
    ("no joints labelled, not counted", IGNORED),
)
# cv2 takes fractions of a pixel as whole numbers of 1/16.
_SHIFT = 4


@dataclass(frozen=True)
class _Stroke:
    """A line between two points (x, y) of the page's picture; a dot where they are the same."""

    start: Points
    end: Points
    color: draw.Rgb
    width_px: int
    casing: draw.Rgb = draw.BLACK


def draw_poses(
    small: Image, annotation: Annotation, result: Poses, metric: Metric, width_px: int
) -> Image:
    """Draw true and found skeletons, and how far each joint is off.

    Args:
        small: (h, w, 3) uint8, the picture as the page shows it.
        annotation, result: at the picture's own size.
        metric: says which categories there are. width_px: of a limb.
    """
    likeness = Likeness.of(annotation, result, metric.categories)
    _, skeleton = skeleton_of(metric.categories)
    size_hw = np.array(annotation.size_hw)
    scale_xy = (np.array(small.shape[:2]) / size_hw)[::-1]
    drawn = small.copy()
    strokes = [
        replace(each, start=each.start * scale_xy, end=each.end * scale_xy)
        for each in _strokes(likeness, skeleton, width_px)
    ]
    # All casings go first: none may hide another's colour.
    for stroke in strokes:
        _line(drawn, stroke, stroke.casing, stroke.width_px + 2)
    for stroke in strokes:
        _line(drawn, stroke, stroke.color, stroke.width_px)
    return drawn


def _strokes(likeness: Likeness, skeleton: Skeleton, width_px: int) -> Iterator[_Stroke]:
    """Everything in the order it is drawn, in pixels of the annotation; what is wrong last."""
    people, keypoints = likeness.people, likeness.keypoints
    rows, columns = likeness.pairs(LEAST_OKS)
    is_missed, is_false = people.is_labelled, ~likeness.excused()
    is_missed[rows], is_false[columns] = False, False
    is_excused = likeness.excused()
    is_excused[columns] = False
    for box in people.boxes[~people.is_labelled]:
        yield from _frame(box, width_px)
    truth = [(place, draw.TRUTH) for place in rows]
    truth += [(place, MISSED) for place in np.flatnonzero(is_missed)]
    found = [(place, IGNORED) for place in np.flatnonzero(is_excused)]
    found += [(place, draw.PREDICTION) for place in columns]
    found += [(place, draw.FALSE) for place in np.flatnonzero(is_false)]
    for each, colored in ((people.keypoints, truth), (keypoints, found)):
        for place, color in colored:
            yield from _figure(each[place], skeleton, color, width_px)
    for row, column in zip(rows, columns, strict=True):
        yield from _errors(people.keypoints[row], keypoints[column])


def _figure(
    joints: NDArray[np.float32], skeleton: Skeleton, color: draw.Rgb, width_px: int
) -> Iterator[_Stroke]:
    """The limbs and joints of one person that are known."""
    casing = _WHITE if color == MISSED else draw.BLACK
    xy, known = joints[:, :2].astype(np.float64), joints[:, 2] > 0
    for a, b in skeleton.limbs:
        if known[a] and known[b]:
            yield _Stroke(xy[a], xy[b], color, width_px, casing)
    for point in xy[known]:
        yield _Stroke(point, point, color, 2 * width_px + 1, casing)


def _errors(truth: NDArray[np.float32], found: NDArray[np.float32]) -> Iterator[_Stroke]:
    """A thin line for each joint that is labelled and was found."""
    for place in np.flatnonzero((truth[:, 2] > 0) & (found[:, 2] > 0)):
        ends = truth[place, :2].astype(np.float64), found[place, :2].astype(np.float64)
        yield _Stroke(*ends, _WHITE, 1)


def _frame(box: Points, width_px: int) -> Iterator[_Stroke]:
    left, top, right, bottom = box
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        yield _Stroke(start, end, IGNORED, width_px)


def _line(image: Image, stroke: _Stroke, color: draw.Rgb, width_px: int) -> None:
    # A point is continuous, and the middle of the first pixel is 0.5; cv2 counts from that.
    ends = (np.rint((end - 0.5) * 2**_SHIFT).astype(int) for end in (stroke.start, stroke.end))
    (x0, y0), (x1, y1) = (end.tolist() for end in ends)
    cv2.line(image, (x0, y0), (x1, y1), color, width_px, cv2.LINE_AA, _SHIFT)
