"""What one picture says of the segments of one category: the rows that instance metrics add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pixelwise.metrics import Counted
from pixelwise.metrics.detections import IOUS
from pixelwise.metrics.matching import Floats, Matches, Numbers, Overlaps, match, tally
from pixelwise.types import Category

_NONE = (0,) * len(IOUS)


@dataclass(frozen=True)
class SegmentRow(Counted):
    """One picture and one category.

    Attributes:
        id, category: the picture's id; the category's name, "" where the picture has no segment of
            any category, neither in truth nor in prediction.
        tp, fp, fn: segments found (IoU above 0.5), invented and missed.
        iou_sum: of the found ones.
        tp_at, fp_at: the same counts at IoU above 0.50, 0.55, ..., 0.95.
        best_dice_truth_sum: over the segments of the truth, the Dice of the prediction that fits
            each best. ``best_dice_found_sum``: over the predictions, of the truth that does.
        is_thing: whether the category is counted one by one.
        groups: named facts about the picture.
    """

    id: str
    category: str
    tp: int = 0
    fp: int = 0
    fn: int = 0
    iou_sum: float = 0.0
    tp_at: tuple[int, ...] = _NONE
    fp_at: tuple[int, ...] = _NONE
    best_dice_truth_sum: float = 0.0
    best_dice_found_sum: float = 0.0
    is_thing: bool = True
    groups: Mapping[str, str] = field(default_factory=dict)


def rows_of(
    sample_id: str,
    found: Overlaps,
    categories: Sequence[Category],
    groups: Mapping[str, str],
) -> Iterator[SegmentRow]:
    """The rows of one picture: a category in truth or prediction each, or one of nothing."""
    matches, count = match(found), len(categories)
    counts = tally(found, matches, count)
    tp_at, fp_at = _at_each_iou(found, matches, count)
    there, back = _best_dice(found, matches, count)
    present = np.flatnonzero(counts.tp + counts.fp + counts.fn)
    if not len(present):
        yield SegmentRow(sample_id, "", groups=groups)
    for index in present.tolist():
        yield SegmentRow(
            id=sample_id,
            category=categories[index].name,
            tp=int(counts.tp[index]),
            fp=int(counts.fp[index]),
            fn=int(counts.fn[index]),
            iou_sum=float(counts.iou[index]),
            tp_at=tuple(tp_at[:, index].tolist()),
            fp_at=tuple(fp_at[:, index].tolist()),
            best_dice_truth_sum=float(there[index]),
            best_dice_found_sum=float(back[index]),
            is_thing=categories[index].is_thing,
            groups=groups,
        )


def _at_each_iou(found: Overlaps, matches: Matches, count: int) -> tuple[Numbers, Numbers]:
    """(T, C) segments found and invented at each of the `IOUS`.

    A pairing by falling IoU holds the pairing at every higher IoU.
    """
    tp, fp = np.zeros((2, len(IOUS), count), np.int64)
    excusable = found.excusable()
    for level, least in enumerate(IOUS):
        columns = matches.columns[matches.ious > least]
        is_wrong = ~excusable
        is_wrong[columns] = False
        tp[level] = np.bincount(found.found_labels[columns], minlength=count)
        fp[level] = np.bincount(found.found_labels[is_wrong], minlength=count)
    return tp, fp


def _best_dice(found: Overlaps, matches: Matches, count: int) -> tuple[Floats, Floats]:
    """(C,) sums of the best Dice of each segment of the truth, and of each prediction."""
    counts_truth, counts_found = ~found.crowd, ~found.excusable()
    counts_found[matches.columns] = True
    fits = found.is_same & counts_truth[found.rows] & counts_found[found.columns]
    rows, columns = found.rows[fits], found.columns[fits]
    dice = 2 * found.shared_px[fits] / (found.truth_px[rows] + found.seen_px[columns])
    best_truth, best_found = np.zeros(len(counts_truth)), np.zeros(len(counts_found))
    np.maximum.at(best_truth, rows, dice)
    np.maximum.at(best_found, columns, dice)
    there = np.bincount(found.truth_labels, best_truth, count).astype(np.float64)
    back = np.bincount(found.found_labels, best_found, count).astype(np.float64)
    return there, back
