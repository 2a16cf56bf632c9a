"""Rows of many pictures as tables of sums, and the ratios of them with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from pixelwise.metrics import starts_of
from pixelwise.metrics.detections import IOUS
from pixelwise.metrics.matching import Floats
from pixelwise.metrics.rows import SegmentRow
from pixelwise.statistics import Interval, bootstrap, bootstrap_of
from pixelwise.types import Category


@dataclass(frozen=True)
class Drawing:
    """How to draw pictures again: ``units`` (pictures,) names of what is drawn together, None =
    each picture alone; ``seed`` and number of ``resamples``, 0 for no intervals.
    """

    units: tuple[str, ...] | None
    seed: int
    resamples: int

    def ratio(self, tops: ArrayLike, bottoms: ArrayLike) -> Interval:
        """The mean of K ratios of sums (pictures, K); 1 where there is nothing to divide by."""
        found = bootstrap(tops, bottoms, self.units, seed=self.seed, resamples=self.resamples)
        return replace(found, value=1.0) if np.isnan(found.value) else found

    def ratios(self, tops: Floats, bottoms: Floats) -> tuple[Interval, ...]:
        """S ratios of sums (pictures, S), drawn once for all; NaN with nothing to divide by."""

        def statistic(weights: Floats) -> Floats:
            sums = weights @ bottoms
            blank = np.full(sums.shape, np.nan)
            found: Floats = np.divide(weights @ tops, sums, out=blank, where=sums > 0)
            return found

        return bootstrap_of(
            statistic, len(tops), self.units, seed=self.seed, resamples=self.resamples
        )


@dataclass(frozen=True, eq=False)
class SegmentSums:
    """N pictures, K categories, T `IOUS`; see `SegmentRow` for what is summed.

    ``tp``, ``fp``, ``fn``, ``iou``, ``best_truth``, ``best_found``: (N, K) float64. ``tp_at``,
    ``fp_at``: (N, K, T).
    """

    tp: Floats
    fp: Floats
    fn: Floats
    iou: Floats
    best_truth: Floats
    best_found: Floats
    tp_at: Floats
    fp_at: Floats

    @classmethod
    def of(cls, rows: Sequence[SegmentRow], categories: Sequence[Category]) -> SegmentSums:
        """``categories``: the K that are looked at; rows of others are left out."""
        columns = {category.name: place for place, category in enumerate(categories)}
        starts = starts_of(rows)
        picture = np.searchsorted(starts, np.arange(len(rows)), side="right") - 1
        plain = np.zeros((6, len(starts), len(columns)))
        leveled = np.zeros((2, len(starts), len(columns), len(IOUS)))
        for place, row in zip(picture, rows, strict=True):
            if row.category in columns:
                at = place, columns[row.category]
                dice = row.best_dice_truth_sum, row.best_dice_found_sum
                plain[:, *at] = row.tp, row.fp, row.fn, row.iou_sum, *dice
                leveled[:, *at] = row.tp_at, row.fp_at
        return cls(*plain, *leveled)

    def qualities(self, drawing: Drawing, columns: Sequence[int]) -> tuple[Interval, ...]:
        """PQ, SQ and RQ, the mean over some categories of which there is any segment.

        SQ of a category of which nothing was found is 0, as the reference code has it.
        """
        tp, iou = self.tp[:, columns], self.iou[:, columns]
        whole = tp + 0.5 * self.fp[:, columns] + 0.5 * self.fn[:, columns]

        def segmentation(weights: Floats) -> Floats:
            found, sums, there = weights @ tp, weights @ iou, weights @ whole > 0
            each = np.divide(sums, found, out=np.zeros_like(sums), where=found > 0)
            count = there.sum(axis=1)
            means = np.where(there, each, 0.0).sum(axis=1) / np.maximum(count, 1)
            return np.where(count > 0, means, np.nan)[:, None]

        (sq,) = bootstrap_of(
            segmentation, len(tp), drawing.units, seed=drawing.seed, resamples=drawing.resamples
        )
        sq = replace(sq, value=1.0) if np.isnan(sq.value) else sq
        return drawing.ratio(iou, whole), sq, drawing.ratio(tp, whole)

    def detection(self, drawing: Drawing, columns: Sequence[int]) -> dict[str, Interval]:
        """TP / (TP + FP + FN), recall and precision at IoU 0.5; the first also over all `IOUS`."""
        tp_at, fp_at = self.tp_at[:, columns], self.fp_at[:, columns]
        tp, truth = self.tp[:, columns], (self.tp + self.fn)[:, columns]
        either = fp_at + truth[:, :, None]
        flat = len(tp), len(columns) * len(IOUS)
        return {
            "detection_50": drawing.ratio(tp_at[:, :, 0], either[:, :, 0]),
            "detection": drawing.ratio(tp_at.reshape(flat), either.reshape(flat)),
            "recall_50": drawing.ratio(tp, truth),
            "precision_50": drawing.ratio(tp, tp + self.fp[:, columns]),
        }

    def best_dice(self, drawing: Drawing, columns: Sequence[int]) -> dict[str, Interval]:
        """The mean over all segments of the truth, and over all that were found."""
        truth, found = self.tp + self.fn, self.tp + self.fp
        return {
            "best_dice_truth": drawing.ratio(self.best_truth[:, columns], truth[:, columns]),
            "best_dice_found": drawing.ratio(self.best_found[:, columns], found[:, columns]),
        }
