"""Average precision as COCO counts it, from what each picture says of each of its detections.

The rules are those of the COCO evaluation (Lin et al., "Microsoft COCO", ECCV 2014, and its
reference code): the surest detection chooses first; IoU from 0.50 to 0.95; precision at 101 levels
of recall; at most 100 detections of a category in a picture; crowds, and segments outside a range
of sizes, are neither demanded nor held against anyone. One rule is added: void is nobody's fault
(see `matching`), so a detection that matches nothing and lies mostly on it does not count.

Poses are judged by the same rules, with another likeness than IoU (see `likeness`).

A picture keeps a few bytes for each detection, never a mask, so that pictures add up and can be
drawn again for an interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelwise.layers import corners
from pixelwise.metrics.matching import Floats, Numbers, Overlaps
from pixelwise.types import Annotation, Instances

Booleans = NDArray[np.bool_]
Areas = NDArray[np.int64] | NDArray[np.float64]

# As the reference has them; steps added up would differ by rounding.
IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
SIZES = ("all", "small", "medium", "large")
_LARGEST = 1e10
_BOUNDS_PX = np.array([[0, _LARGEST], [0, 32**2], [32**2, 96**2], [96**2, _LARGEST]])
MOST = 100
"""Detections of one category in one picture that count, the surest first."""


@dataclass(frozen=True, eq=False)
class Sides:
    """Truth and detections of one picture, as far as it matters who may find whom.

    Attributes:
        truth_labels, found_labels: (N,), (P,) int64 category.
        truth_px, found_px: (N,), (P,) area in pixels, for the ranges of sizes.
        crowd: (N,) bool, may be found by many.
        ignored: (N,) bool, need not be found; crowds are among them.
        excused: (P,) bool, not held against anyone where it finds nothing.
    """

    truth_labels: Numbers
    truth_px: Areas
    crowd: Booleans
    ignored: Booleans
    found_labels: Numbers
    found_px: Areas
    excused: Booleans

    @classmethod
    def of(cls, found: Overlaps) -> Sides:
        """Segments: what lies mostly on void is excused."""
        return cls(
            truth_labels=found.truth_labels,
            truth_px=found.truth_px,
            crowd=found.crowd,
            ignored=found.crowd,
            found_labels=found.found_labels,
            found_px=found.found_px,
            excused=found.void_px > 0.5 * found.found_px,
        )


@dataclass(frozen=True, eq=False)
class Pairs:
    """Segments and detections of one category that touch, and their IoU.

    ``rows``, ``columns``: (M,) int64 places in `Sides`. ``ious``: (M,); with a crowd the share
    of the detection that lies on it.
    """

    rows: Numbers
    columns: Numbers
    ious: Floats


@dataclass(frozen=True, eq=False)
class Detections:
    """The detections of one picture, judged; D of them, A `SIZES`, T `IOUS`, C categories.

    Attributes:
        labels: (D,) int64 category.
        scores: (D,) float64.
        ranks: (D,) int64 place among those of its category in this picture, the surest 0.
        is_right, is_wrong: (D, A, T) bool; neither where it does not count.
        demanded: (C, A) int64 segments of the truth that ought to be found.
    """

    labels: Numbers
    scores: Floats
    ranks: Numbers
    is_right: Booleans
    is_wrong: Booleans
    demanded: Numbers


def judge(
    sides: Sides, scores: Floats, order: Numbers, pairs: Pairs, num_categories: int
) -> Detections:
    """Give each detection of a picture its segment, at every IoU and for every range of sizes.

    Args:
        sides: of truth and prediction.
        scores: (P,) of the predictions.
        order: (D,) what `surest` gave.
        pairs: which may belong together.
        num_categories: C.
    """
    is_out = sides.ignored[:, None] | _is_outside(sides.truth_px)
    matched, ignored = _matched(sides, order, pairs, is_out)
    # What matches nothing is not held against anyone where it is of another size, or excused.
    pardoned = _is_outside(sides.found_px) | sides.excused[:, None]
    ignored |= ~matched & pardoned[:, :, None]
    demanded = np.zeros((num_categories, len(SIZES)), np.int64)
    np.add.at(demanded, sides.truth_labels, ~is_out)
    return Detections(
        labels=sides.found_labels[order],
        scores=scores[order].astype(np.float64),
        ranks=_ranks(sides.found_labels[order]),
        is_right=(matched & ~ignored)[order],
        is_wrong=(~matched & ~ignored)[order],
        demanded=demanded,
    )


def surest(labels: Numbers, scores: Floats, most: int = MOST) -> Numbers:
    """(D,) places of the predictions that count, the surest first: ``most`` of each category."""
    order = np.argsort(-scores, kind="stable")
    return order[_ranks(labels[order]) < most]


def mask_pairs(found: Overlaps) -> Pairs:
    """Pairs by the pixels they share."""
    same = found.is_same
    rows, columns = found.rows[same], found.columns[same]
    on_crowd = found.shared_px[same] / found.found_px[columns]
    return Pairs(rows, columns, np.where(found.crowd[rows], on_crowd, found.ious[same]))


def box_pairs(found: Overlaps, annotation: Annotation, result: Instances, order: Numbers) -> Pairs:
    """Pairs by the boxes around their pixels; of the predictions those in ``order`` alone."""
    truth = corners(annotation.layers, len(annotation))[found.truth_ids]
    boxes = corners(result.id_map[None], len(result))[found.found_ids]
    rows, places = np.nonzero(found.truth_labels[:, None] == found.found_labels[order])
    columns = order[places]
    low = np.maximum(truth[rows, :2], boxes[columns, :2])
    high = np.minimum(truth[rows, 2:], boxes[columns, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    truth_px, box_px = (np.prod(each[:, 2:] - each[:, :2], axis=1) for each in (truth, boxes))
    rest = np.where(found.crowd[rows], 0, truth_px[rows] - shared)
    touch = shared > 0
    ious = shared[touch] / (box_px[columns] + rest)[touch]
    return Pairs(rows[touch], columns[touch], ious)


def _matched(
    sides: Sides, order: Numbers, pairs: Pairs, is_out: Booleans
) -> tuple[Booleans, Booleans]:
    """(P, A, T) whether each detection got a segment, and whether that is one not demanded."""
    shape = len(sides.found_px), len(SIZES), len(IOUS)
    matched, ignored = np.zeros((2, *shape), np.bool_)
    taken = np.zeros((len(sides.truth_px), *shape[1:]), np.bool_)
    for place, rows, ious in _by_detection(order, pairs):
        out = is_out[rows]
        is_free = ~taken[rows] | sides.crowd[rows, None, None]
        fits = is_free & (ious[:, None] >= IOUS)[:, None, :]
        # A segment that is demanded comes before one that is not, whatever its IoU; of equals the
        # reference takes the last.
        rating = np.where(fits, (ious[:, None] + 2 * ~out)[:, :, None], -1)
        best = len(rows) - 1 - rating[::-1].argmax(axis=0)
        matched[place] = fits.any(axis=0)
        ignored[place] = matched[place] & out[best, np.arange(len(SIZES))[:, None]]
        sizes, levels = np.nonzero(matched[place])
        taken[rows[best[sizes, levels]], sizes, levels] = True
    return matched, ignored


def _by_detection(order: Numbers, pairs: Pairs) -> Iterator[tuple[int, Numbers, Floats]]:
    """Each detection that may fit a segment at all, in order: its place, those segments, IoUs."""
    fit = pairs.ious >= IOUS[0]
    rows, columns, ious = pairs.rows[fit], pairs.columns[fit], pairs.ious[fit]
    sorting = np.lexsort([rows, columns])
    rows, columns, ious = rows[sorting], columns[sorting], ious[sorting]
    starts, ends = (np.searchsorted(columns, order, side) for side in ("left", "right"))
    for place, start, end in zip(order.tolist(), starts, ends, strict=True):
        if end > start:
            yield place, rows[start:end], ious[start:end]


def _is_outside(px: Areas) -> Booleans:
    """(N, A) whether a segment's size is outside each range."""
    outside: Booleans = (px[:, None] < _BOUNDS_PX[:, 0]) | (px[:, None] > _BOUNDS_PX[:, 1])
    return outside


def _ranks(labels: Numbers) -> Numbers:
    """(D,) how many of the same label came before."""
    sorting = np.argsort(labels, kind="stable")
    grouped = labels[sorting]
    ranks = np.empty(len(labels), np.int64)
    ranks[sorting] = np.arange(len(labels)) - np.searchsorted(grouped, grouped)
    return ranks
