"""Which segment of a prediction is which of the truth, and how well the two lie on one another.

Overlaps are counted, never masks compared one by one: one pass over the pixels for each layer of
the truth, however many segments there are.

Two kinds of pixels are nobody's fault. *Void* (255 in ``semantic``, on no layer) is taken out of
every union. A *crowd* is no segment that could be missed. A prediction that matches nothing and
lies with more than half of its pixels on void and on crowds of its category is *excused*: it does
not count. These are the rules of Kirillov et al., "Panoptic Segmentation" (CVPR 2019), section 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelwise.types import IGNORE, Annotation, Category, Instances, PixelwiseError

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_IOU = 0.5
"""Above this IoU at most one prediction fits a segment, where segments do not overlap."""


@dataclass(frozen=True, eq=False)
class Overlaps:
    """The segments of truth and prediction in one picture, and the pixels they share.

    Attributes:
        truth_labels, found_labels: (N,), (P,) int64 index of the category.
        truth_px, found_px: (N,), (P,) int64 pixels.
        truth_ids, found_ids: (N,), (P,) int64 place in the annotation (stuff of category c stands
            at its number of instances + c) and in the result; segments without pixels are left
            out here.
        crowd: (N,) bool.
        void_px: (P,) int64 pixels of each prediction that lie on void.
        rows, columns, shared_px: (M,) int64; segment ``rows[m]`` of the truth and ``columns[m]`` of
            the prediction share ``shared_px[m]`` > 0 pixels. Other pairs share none.
    """

    truth_labels: Numbers
    truth_px: Numbers
    truth_ids: Numbers
    crowd: NDArray[np.bool_]
    found_labels: Numbers
    found_px: Numbers
    found_ids: Numbers
    void_px: Numbers
    rows: Numbers
    columns: Numbers
    shared_px: Numbers

    @property
    def is_same(self) -> NDArray[np.bool_]:
        """(M,) whether both of a pair are of one category."""
        same: NDArray[np.bool_] = self.truth_labels[self.rows] == self.found_labels[self.columns]
        return same

    @property
    def seen_px(self) -> Numbers:
        """(P,) pixels of each prediction that are not on void."""
        return self.found_px - self.void_px

    @property
    def ious(self) -> Floats:
        """(M,) intersection over union of each pair; void counts for neither."""
        both = self.truth_px[self.rows] + self.seen_px[self.columns]
        found: Floats = self.shared_px / (both - self.shared_px)
        return found

    def excusable(self) -> NDArray[np.bool_]:
        """(P,) more than half on void and on crowds of its own category together."""
        on_crowd = self.crowd[self.rows] & self.is_same
        forgiven = self.void_px + np.bincount(
            self.columns[on_crowd], self.shared_px[on_crowd], len(self.found_px)
        )
        excused: NDArray[np.bool_] = forgiven > LEAST_IOU * self.found_px
        return excused


@dataclass(frozen=True, eq=False)
class Matches:
    """Pairs of segment and prediction that belong together.

    ``rows``, ``columns``: (K,) int64 places in `Overlaps`, each at most once. ``ious``: (K,) > 0.5.
    """

    rows: Numbers
    columns: Numbers
    ious: Floats


@dataclass(frozen=True, eq=False)
class Tally:
    """What one picture says of each category.

    ``tp``, ``fp``, ``fn``: (C,) int64 segments found, invented, missed. ``iou``: (C,) float64 sum
    over the found ones.
    """

    tp: Numbers
    fp: Numbers
    fn: Numbers
    iou: Floats


def overlaps(
    annotation: Annotation, result: Instances, categories: Sequence[Category], *, stuff: bool
) -> Overlaps:
    """Count what the segments of truth and prediction share.

    Args:
        annotation: instances on layers, which may overlap; stuff in ``semantic``.
        result: of the same picture.
        categories: index -> category, of both.
        stuff: whether the pixels of each category that is no thing are a segment too. Without it
            things alone are looked at.

    Raises:
        PixelwiseError: the two differ in size, or hold a category that does not exist.
    """
    _check(annotation, result, len(categories))
    is_thing = np.array([category.is_thing for category in categories], np.bool_)
    labels, crowd = annotation.labels, annotation.crowd
    if stuff:
        labels = np.concatenate([labels, np.arange(len(categories))])
        crowd = np.concatenate([crowd, np.zeros(len(categories), np.bool_)])
    truth_px, shared = np.zeros(len(labels) + 1, np.int64), []
    for layer in _numbered(annotation, is_thing, stuff):
        truth_px += np.bincount(layer.ravel(), minlength=len(truth_px))
        shared.append(shared_pixels(layer, result.id_map, len(labels), len(result)))
    rows, columns, shared_px = _pairs(shared)
    found_px = np.bincount(result.id_map.ravel(), minlength=len(result) + 1)[1:]
    void = (annotation.semantic == IGNORE) & ~annotation.layers.any(axis=0)
    void_px = np.bincount(result.id_map[void], minlength=len(result) + 1)[1:]
    there = truth_px[1:] > 0
    kept = (found_px > 0) & (is_thing[result.labels] | stuff)
    is_left = there[rows] & kept[columns]
    return Overlaps(
        truth_labels=labels[there],
        truth_px=truth_px[1:][there],
        truth_ids=np.flatnonzero(there),
        crowd=crowd[there],
        found_labels=result.labels[kept],
        found_px=found_px[kept],
        found_ids=np.flatnonzero(kept),
        void_px=void_px[kept],
        rows=(np.cumsum(there) - 1)[rows[is_left]],
        columns=(np.cumsum(kept) - 1)[columns[is_left]],
        shared_px=shared_px[is_left],
    )


def shared_pixels(
    layer: NDArray[np.integer], id_map: NDArray[np.integer], num_truth: int, num_found: int
) -> tuple[Numbers, Numbers, Numbers]:
    """Count the pixels that segments of two maps share.

    Args:
        layer, id_map: (H, W), n = segment n - 1, 0 = none. num_truth, num_found: their highest n.

    Returns:
        (M,) each: segment in ``layer``, segment in ``id_map``, pixels > 0.
    """
    both = (layer > 0) & (id_map > 0)
    pairs = layer[both].astype(np.int64) * (num_found + 1) + id_map[both]
    # A table of every pair that could be, as long as it is not much larger than the picture.
    if (num_truth + 1) * (num_found + 1) <= 4 * layer.size:
        counts = np.bincount(pairs)
        which = np.flatnonzero(counts)
        counts = counts[which]
    else:
        which, counts = np.unique(pairs, return_counts=True)
    return which // (num_found + 1) - 1, which % (num_found + 1) - 1, counts


def match(found: Overlaps) -> Matches:
    """Pair segments and predictions of one category whose IoU is above 0.5.

    Where segments do not overlap this is the only pairing there is (Kirillov et al. 2019, theorem
    1). Where those of the truth do, pairs are taken by falling IoU, so that the pairing at any
    higher IoU is the part of this one that is above it.
    """
    ious = found.ious
    fits = found.is_same & ~found.crowd[found.rows] & (ious > LEAST_IOU)
    places = np.flatnonzero(fits)
    places = places[np.argsort(-ious[places], kind="stable")]
    rows, columns = found.rows[places], found.columns[places]
    kept, taken_rows, taken_columns = [], set(), set()
    for place, row, column in zip(places, rows.tolist(), columns.tolist(), strict=True):
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            kept.append(place)
    chosen = np.array(kept, np.int64)
    return Matches(found.rows[chosen], found.columns[chosen], ious[chosen])


def tally(found: Overlaps, matches: Matches, num_categories: int) -> Tally:
    """Count, for each category, what was found, invented and missed."""
    is_missed, is_wrong = ~found.crowd, ~found.excusable()
    is_missed[matches.rows] = False
    is_wrong[matches.columns] = False
    labels = found.truth_labels[matches.rows]
    return Tally(
        tp=np.bincount(labels, minlength=num_categories),
        fp=np.bincount(found.found_labels[is_wrong], minlength=num_categories),
        fn=np.bincount(found.truth_labels[is_missed], minlength=num_categories),
        iou=np.bincount(labels, matches.ious, num_categories).astype(np.float64),
    )


def panoptic_quality(
    annotation: Annotation, result: Instances, categories: Sequence[Category], stuff: bool
) -> float:
    """The panoptic quality of one picture: the mean over the categories that are in it.

    PQ of a category is the sum of the matches' IoU / (tp + fp / 2 + fn / 2), equation 1 of
    Kirillov et al. 2019.

    Args:
        annotation, result, categories, stuff: as in `overlaps`.

    Returns:
        in [0, 1]; 1 where there is nothing and nothing was found.
    """
    found = overlaps(annotation, result, categories, stuff=stuff)
    counts = tally(found, match(found), len(categories))
    whole = counts.tp + 0.5 * counts.fp + 0.5 * counts.fn
    there = whole > 0
    return float((counts.iou[there] / whole[there]).mean()) if there.any() else 1.0


def _check(annotation: Annotation, result: Instances, num_categories: int) -> None:
    if annotation.size_hw != result.id_map.shape:
        raise PixelwiseError(
            f"The truth is {annotation.size_hw} and the prediction {result.id_map.shape} (height, "
            "width); they must have one size. Predict on the picture that was annotated."
        )
    highest = max(annotation.labels.max(initial=0), result.labels.max(initial=0))
    if highest >= num_categories:
        raise PixelwiseError(
            f"A segment is of category {highest}, but there are only the categories 0 to "
            f"{num_categories - 1}. Check the categories of the annotation and of the run."
        )


def _numbered(
    annotation: Annotation, is_thing: NDArray[np.bool_], stuff: bool
) -> Iterator[NDArray[np.uint16] | NDArray[np.int32]]:
    """The layers of the instances and, where asked for, one of stuff, numbered after them."""
    yield from annotation.layers
    if stuff:
        numbers = np.zeros(256, np.int32)
        places = np.flatnonzero(~is_thing)
        numbers[places] = len(annotation) + 1 + places
        yield numbers[annotation.semantic]


def _pairs(shared: Sequence[tuple[Numbers, Numbers, Numbers]]) -> tuple[Numbers, Numbers, Numbers]:
    """The pairs of all layers as one; an instance lies on one layer only."""
    none = np.zeros(0, np.int64)
    rows, columns, pixels = (
        (np.concatenate([none, *parts]) for parts in zip(*shared, strict=True))
        if shared
        else (none, none, none)
    )
    return rows, columns, pixels
