"""How well a prediction agrees with the truth: overlap, outlines, calibration.

Pure functions on two maps, and `SemanticMetric`, which holds counts and never maps, so that
metrics of parts add up to the metric of the whole.

One rule for empty masks, everywhere: a ratio whose denominator is 0 scores 1. Two empty masks agree
perfectly; an empty truth with a prediction on it scores Jaccard and Dice 0, and its sensitivity,
which asks about pixels that are not there, is 1. The ISIC challenge scores the same way
(ImageMarkup/isic-challenge-scoring, metrics.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pixelwise.metrics import Part, averages_of, ids_of, mean_of, means_of, ratios_of, starts_of
from pixelwise.metrics.boundaries import boundary_iou, surface_distances
from pixelwise.statistics import Interval, bootstrap, mean
from pixelwise.types import IGNORE, Annotation, Category, LabelMap, PixelwiseError, Semantic

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

THRESHOLD = 0.65
"""Below this Jaccard an outline counts as missed in ``threshold_jaccard`` (ISIC challenge 2018)."""
NUM_BINS = 15
"""Bins of the calibration histogram, as in Guo et al., "On Calibration ..." (2017)."""

# Name -> numerator and denominator, from the pixels rightly called a category (tp), wrongly called
# it (fp), missed (fn) and rightly left out (tn).
Ratio = Callable[[Floats, Floats, Floats, Floats], tuple[Floats, Floats]]
RATIOS: dict[str, Ratio] = {
    "jaccard": lambda tp, fp, fn, tn: (tp, tp + fp + fn),
    "dice": lambda tp, fp, fn, tn: (2 * tp, 2 * tp + fp + fn),
    "sensitivity": lambda tp, fp, fn, tn: (tp, tp + fn),
    "specificity": lambda tp, fp, fn, tn: (tn, tn + fp),
    "precision": lambda tp, fp, fn, tn: (tp, tp + fp),
    "accuracy": lambda tp, fp, fn, tn: (tp + tn, tp + fp + fn + tn),
}
OVERLAPS = (*RATIOS, "threshold_jaccard")
DISTANCES = ("boundary_iou", "hd95_px", "assd_px")
BY_CATEGORY = ("jaccard", "dice", "sensitivity", "precision", "boundary_iou")


def confusion(truth: LabelMap, prediction: LabelMap, num_classes: int) -> Counts:
    """Count pixels by what they are and what they were called.

    Args:
        truth: (H, W) uint8 class index; pixels that are 255 are not counted.
        prediction: (H, W) uint8 class index.
        num_classes: C.

    Returns:
        (C, C) int64; row = truth, column = prediction.

    Raises:
        PixelwiseError: the two differ in size, or hold a class that does not exist.
    """
    if truth.shape != prediction.shape:
        raise PixelwiseError(
            f"The truth is {truth.shape} and the prediction {prediction.shape} (height, width); "
            "they must have one size. Predict on the picture that the mask was drawn on."
        )
    valid = truth != IGNORE
    if not valid.all():
        truth, prediction = truth[valid], prediction[valid]
    highest = max(truth.max(initial=0), prediction.max(initial=0))
    if highest >= num_classes:
        raise PixelwiseError(
            f"A label map holds class {highest}, but there are only the classes 0 to "
            f"{num_classes - 1}. Check the masks, or use 255 for pixels to ignore."
        )
    # uint16 holds every pair of 8-bit classes and is a quarter of what bincount would make first.
    pairs = truth.astype(np.uint16) * np.uint16(num_classes) + prediction
    counts = np.bincount(pairs.ravel(), minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def overlap(tp: ArrayLike, fp: ArrayLike, fn: ArrayLike, tn: ArrayLike) -> dict[str, Floats]:
    """The scores that depend on how many pixels agree, one for each entry of the arrays.

    Args:
        tp, fp, fn, tn: pixels rightly called the category, wrongly called it, missed, and rightly
            left out; any one shape.

    Returns:
        The `OVERLAPS`, each in [0, 1]: Jaccard tp / (tp + fp + fn), Dice 2 tp / (2 tp + fp + fn),
        sensitivity tp / (tp + fn), specificity tn / (tn + fp), precision tp / (tp + fp), accuracy
        (tp + tn) / all, and ``threshold_jaccard``, the Jaccard where it is at least 0.65 and 0
        elsewhere. x / 0 is 1, see the top of this module.
    """
    counts = [np.asarray(part, dtype=np.float64) for part in (tp, fp, fn, tn)]
    scores = {name: ratios_of(*parts(*counts), empty=1.0) for name, parts in RATIOS.items()}
    is_found = scores["jaccard"] >= THRESHOLD
    return scores | {"threshold_jaccard": np.where(is_found, scores["jaccard"], 0.0)}


@dataclass(frozen=True)
class Row:
    """What one picture says about one category; rows are what `SemanticMetric` adds up.

    ``tp``, ``fp``, ``fn``, ``tn`` are pixels. The distances are NaN for the background, which has
    no outline of its own. ``is_missed``: exactly one of truth and prediction is empty, so that
    both distances are the picture's diagonal.
    """

    id: str
    category: str
    tp: int
    fp: int
    fn: int
    tn: int
    boundary_iou: float
    hd95_px: float
    assd_px: float
    is_missed: bool
    groups: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Histogram:
    """Pixels by the confidence the model had in them: `NUM_BINS` equal bins over [0, 1].

    ``counts``: pixels. ``confidence``: the sum of their confidences. ``correct``: how many of
    them were right. All (NUM_BINS,) float64.
    """

    counts: Floats
    confidence: Floats
    correct: Floats

    @classmethod
    def empty(cls) -> Histogram:
        """No pixels yet."""
        return cls(np.zeros(NUM_BINS), np.zeros(NUM_BINS), np.zeros(NUM_BINS))

    @classmethod
    def of(cls, truth: LabelMap, result: Semantic) -> Histogram:
        """The pixels of one picture; those whose truth is 255 are not counted."""
        valid = truth != IGNORE
        confidence = result.confidence[valid]
        bins = np.minimum((confidence * NUM_BINS).astype(np.uint8), NUM_BINS - 1)
        is_right = (truth == result.labels)[valid]
        return cls(
            np.bincount(bins, minlength=NUM_BINS).astype(np.float64),
            np.bincount(bins, confidence, NUM_BINS).astype(np.float64),
            np.bincount(bins, is_right, NUM_BINS).astype(np.float64),
        )

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(
            self.counts + other.counts,
            self.confidence + other.confidence,
            self.correct + other.correct,
        )


class SemanticMetric:
    """Adds up how well label maps agree with the truth.

    Two averages, always under these names:

    * **mean over pictures**: every picture counts the same. With two categories a picture's score
      is the foreground's (the second category's). With more it is the mean over the categories,
      background included, that are present in its truth or in its prediction.
    * **pooled over pixels**: all pictures' pixels counted as one picture; with more than two
      categories the mean over them (the usual mIoU).

    Distances are taken for every category but the background (the first). Pixel accuracy is the
    share of pixels that are right, which is one number for a picture, not one for each category:
    every row of a picture has it.
    """

    kind = "semantic"
    headline = "jaccard"
    is_headline_pooled = False
    counted = ("tp", "fp", "fn", "tn", "is_missed")

    def __init__(self, categories: Sequence[Category], pixel_mm: float | None = None) -> None:
        """``pixel_mm``: a pixel's side in millimetres; distances are then given in both units."""
        self.categories = tuple(categories)
        self.pixel_mm = pixel_mm
        self.rows: list[Row] = []
        self.confusion: Counts = np.zeros((len(categories), len(categories)), np.int64)
        self.histogram = Histogram.empty()

    def update(
        self,
        sample_id: str,
        annotation: Annotation,
        result: Semantic,
        groups: Mapping[str, str] | None = None,
    ) -> None:
        """Add one picture: its annotation, where 255 is not looked at, and its prediction."""
        truth = annotation.semantic
        counts = confusion(truth, result.labels, len(self.categories))
        self.confusion = self.confusion + counts
        self.histogram = self.histogram + Histogram.of(truth, result)
        self.rows += self._rows_of(sample_id, truth, result.labels, counts, dict(groups or {}))

    def __add__(self, other: SemanticMetric) -> SemanticMetric:
        """The metric of both sets of pictures."""
        assert (self.categories, self.pixel_mm) == (other.categories, other.pixel_mm)
        both = SemanticMetric(self.categories, self.pixel_mm)
        both.rows = self.rows + other.rows
        both.confusion = self.confusion + other.confusion
        both.histogram = self.histogram + other.histogram
        return both

    @property
    def names(self) -> tuple[str, ...]:
        """What is measured, in the order of a table."""
        in_mm = () if self.pixel_mm is None else ("hd95_mm", "assd_mm")
        return OVERLAPS + DISTANCES + in_mm

    @property
    def shown(self) -> tuple[str, ...]:
        """What a table by group shows."""
        distance = "hd95_px" if self.pixel_mm is None else "hd95_mm"
        return ("jaccard", "dice", "sensitivity", "specificity", distance)

    @property
    def sections(self) -> dict[str, tuple[str, ...]]:
        """One table of everything."""
        return {"All measures": self.names}

    def per_row(self) -> dict[str, Floats]:
        """Every measure for every row: {name: (rows,) float64}."""
        counted = {name: _column(self.rows, name) for name in ("tp", "fp", "fn", "tn")}
        scores = overlap(**counted) | {name: _column(self.rows, name) for name in DISTANCES}
        if len(self.categories) > 2:
            scores["accuracy"] = self._accuracy()
        if self.pixel_mm is not None:
            scores["hd95_mm"] = scores["hd95_px"] * self.pixel_mm
            scores["assd_mm"] = scores["assd_px"] * self.pixel_mm
        return scores

    def _accuracy(self) -> Floats:
        """(rows,) the share of the picture's pixels that are of the category they were called."""
        tops, bottoms = _right(*self.counts())
        ratios = ratios_of(tops[:, 0], bottoms[:, 0], empty=1.0)
        starts = starts_of(self.rows)
        return np.repeat(ratios, np.diff([*starts, len(self.rows)]))

    @property
    def ids(self) -> list[str]:
        """The pictures' ids, in the order they came."""
        return ids_of(self.rows)

    def per_picture(self) -> dict[str, Floats]:
        """Every measure for every picture of ``ids``: {name: (pictures,) float64}."""
        starts = starts_of(self.rows)
        return {name: means_of(values, starts) for name, values in self.per_row().items()}

    def pooled(self, units: Sequence[str] | None, *, seed: int = 0) -> dict[str, Interval]:
        """The `RATIOS` over all pictures' pixels; one without any such pixel is 1, as everywhere.

        Args:
            units: (pictures,) names of what is drawn together. None: each picture alone.
            seed: of the drawing.
        """
        counts, found = self.counts(), {}
        for name, parts in self._ratios().items():
            ratio = bootstrap(*parts(*counts), units, seed=seed)
            found[name] = replace(ratio, value=1.0) if np.isnan(ratio.value) else ratio
        return found

    def by_category(self, units: Sequence[str] | None, *, seed: int = 0) -> tuple[Part, ...]:
        """Every category over the pictures it is in; empty where there are only two categories."""
        if len(self.categories) == 2:
            return ()
        unit_of = dict(zip(self.ids, units or self.ids, strict=True))
        values, parts = self.per_row(), []
        for category in self.categories:
            places = [place for place, row in enumerate(self.rows) if row.category == category.name]
            tied = [unit_of[self.rows[place].id] for place in places]
            shown = {name: mean(values[name][places], tied, seed=seed) for name in BY_CATEGORY}
            parts.append(Part(category.name, len(places), shown))
        return tuple(parts)

    def counts(self) -> tuple[Floats, Floats, Floats, Floats]:
        """tp, fp, fn, tn in pixels, each (pictures, K): the foreground, or every category."""
        names = [category.name for category in self.categories]
        columns = {
            name: place for place, name in enumerate(names[1:] if len(names) == 2 else names)
        }
        starts = starts_of(self.rows)
        picture = np.searchsorted(starts, np.arange(len(self.rows)), side="right") - 1
        place = picture, [columns[row.category] for row in self.rows]
        table = np.zeros((4, len(starts), len(columns)))
        for values, name in zip(table, ("tp", "fp", "fn", "tn"), strict=True):
            values[place] = _column(self.rows, name)
        # A category that is nowhere in a picture has no row: all the picture's pixels are its tn.
        table[3] = table.sum(axis=0).max(axis=1, initial=0)[:, None] - table[:3].sum(axis=0)
        tp, fp, fn, tn = table
        return tp, fp, fn, tn

    def compute(self) -> dict[str, dict[str, float]]:
        """{"mean over pictures": {name: value}, "pooled over pixels": {name: value}}.

        Pooled are the `RATIOS` alone: a distance has no pixels to pool. A measure that no picture
        has (a distance where there is only background) is NaN.
        """
        return averages_of(self.per_picture(), self._pooled(), "pixels")

    def _ratios(self) -> dict[str, Ratio]:
        """The `RATIOS`; of more than two categories, accuracy counts all of them at once."""
        return RATIOS if len(self.categories) == 2 else RATIOS | {"accuracy": _right}

    def _pooled(self) -> dict[str, float]:
        """Ratios over all pixels, averaged over the categories that have a denominator."""
        first = 1 if len(self.categories) == 2 else 0
        counts = [part[first:].astype(np.float64) for part in _counts(self.confusion)]
        pooled = {}
        for name, parts in self._ratios().items():
            tops, bottoms = parts(*counts)
            there = bottoms > 0
            pooled[name] = float(mean_of(tops[there] / bottoms[there])) if there.any() else 1.0
        return pooled

    def _rows_of(
        self,
        sample_id: str,
        truth: LabelMap,
        labels: LabelMap,
        counts: Counts,
        groups: Mapping[str, str],
    ) -> Iterator[Row]:
        valid = truth != IGNORE if (truth == IGNORE).any() else None
        for index, numbers in enumerate(zip(*_counts(counts), strict=True)):
            tp, fp, fn, tn = (int(number) for number in numbers)
            # Two categories: the foreground, even where it is empty. More: those that are there.
            is_counted = index == 1 if len(counts) == 2 else tp + fp + fn > 0
            if not is_counted or counts.sum() == 0:
                continue
            rim, hd95, assd = math.nan, math.nan, math.nan
            if index > 0:
                pair = truth == index, labels == index, valid
                rim, (hd95, assd) = boundary_iou(*pair), surface_distances(*pair)
            is_missed = (tp + fn == 0) != (tp + fp == 0)
            name = self.categories[index].name
            yield Row(sample_id, name, tp, fp, fn, tn, rim, hd95, assd, is_missed, groups)


def _right(tp: Floats, fp: Floats, fn: Floats, tn: Floats) -> tuple[Floats, Floats]:
    """(..., 1) right pixels of all categories, and all pixels; from (..., K) of each category."""
    every = (tp + fp + fn + tn).max(axis=-1, keepdims=True, initial=0)
    return tp.sum(axis=-1, keepdims=True), every


def _counts(matrix: Counts) -> tuple[Counts, Counts, Counts, Counts]:
    """A confusion matrix (C, C) as tp, fp, fn, tn, each (C,)."""
    tp = np.diagonal(matrix)
    fp, fn = matrix.sum(axis=0) - tp, matrix.sum(axis=1) - tp
    return tp, fp, fn, matrix.sum() - tp - fp - fn


def _column(rows: Sequence[Row], name: str) -> Floats:
    return np.array([getattr(row, name) for row in rows], dtype=np.float64)
