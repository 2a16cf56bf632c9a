"""Average precision and recall of many pictures' detections, and their intervals.

See `pixelwise.detections` for the rules and for what a picture keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pixelwise.detections import IOUS, MOST, RECALLS, SIZES, Detections
from pixelwise.matching import Floats, Numbers
from pixelwise.segment_sums import Drawing
from pixelwise.statistics import Interval, bootstrap, bootstrap_of

RESAMPLES = 1_000
"""Drawings for an interval of average precision: each ranks every detection anew."""
# name -> place in `SIZES`, and the places in `IOUS` that are averaged.
AVERAGES: dict[str, tuple[int, slice]] = {
    "ap": (0, slice(None)),
    "ap50": (0, slice(0, 1)),
    "ap75": (0, slice(5, 6)),
    "ap_small": (1, slice(None)),
    "ap_medium": (2, slice(None)),
    "ap_large": (3, slice(None)),
}
RECALL_AT = {"ar1": 1, "ar10": 10, "ar100": MOST}
"""name -> how many detections of a category in a picture count."""
# Numbers worked on at once while drawing again: 8 MB of them.
_CHUNK = 1_000_000


@dataclass(frozen=True, eq=False)
class _Ranked:
    """One category's detections of all pictures, the surest first.

    ``picture``: (D,) whose each is. ``is_right``, ``is_wrong``: (D, A, T). ``demanded``: (N, A).
    """

    picture: Numbers
    is_right: NDArray[np.bool_]
    is_wrong: NDArray[np.bool_]
    demanded: Numbers

    def precision(self, weights: Floats, size: int, level: int) -> tuple[Floats, Floats]:
        """Precision and recall where the ranking has a right detection.

        Precision is the highest at that recall or a larger one.

        Args:
            weights: (R, N) how often each picture counts.

        Returns:
            (R, K) each; recall is NaN where nothing is demanded.
        """
        right, wrong = self.is_right[:, size, level], self.is_wrong[:, size, level]
        drawn = weights[:, self.picture]
        found = np.cumsum(drawn[:, right], axis=1)
        # Only at a right detection recall grows, and precision matters nowhere else.
        invented = np.cumsum(np.where(wrong, drawn, 0), axis=1)[:, right]
        precision = found / np.maximum(found + invented, 1)
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        demanded = weights @ self.demanded[:, size].astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            return best, np.where(demanded > 0, found.T / demanded, np.nan).T

    def average(self, weights: Floats, size: int, level: int) -> Floats:
        """(R,) mean precision at the 101 `RECALLS`; NaN where nothing is demanded."""
        best, recall = self.precision(weights, size, level)
        reached = np.searchsorted(RECALLS, np.nan_to_num(recall), side="right")
        steps = np.diff(reached, axis=1, prepend=0)
        demanded = weights @ self.demanded[:, size].astype(np.float64)
        return np.where(demanded > 0, (best * steps).sum(axis=1) / len(RECALLS), np.nan)


class Ranking:
    """All detections of N pictures, to be averaged as often as an interval needs it."""

    def __init__(self, pictures: Sequence[Detections], categories: Sequence[int]) -> None:
        """``pictures``: in any order, which settles the order of equal scores. ``categories``:
        the indices that are looked at, the things.
        """
        self._pictures = tuple(pictures)
        self._categories = tuple(categories)

    @cached_property
    def _ranked(self) -> tuple[_Ranked, ...]:
        blank = np.zeros((0, len(SIZES), len(IOUS)), np.bool_)
        none = np.zeros(0, np.int64)
        counts = [len(each.labels) for each in self._pictures]
        picture = np.repeat(np.arange(len(counts)), counts)
        labels = np.concatenate([none, *(each.labels for each in self._pictures)])
        scores = np.concatenate([none, *(each.scores for each in self._pictures)])
        right = np.concatenate([blank, *(each.is_right for each in self._pictures)])
        wrong = np.concatenate([blank, *(each.is_wrong for each in self._pictures)])
        ranked = []
        for index in self._categories:
            places = np.flatnonzero(labels == index)
            places = places[np.argsort(-scores[places], kind="stable")]
            demanded = np.array([each.demanded[index] for each in self._pictures])
            ranked.append(_Ranked(picture[places], right[places], wrong[places], demanded))
        return tuple(ranked)

    def averages(
        self, names: Sequence[str], drawing: Drawing
    ) -> tuple[dict[str, Interval], tuple[dict[str, Interval], ...]]:
        """Average precision over all categories, and of each.

        Args:
            names: of `AVERAGES`.
            drawing: of pictures; at most `RESAMPLES` times.

        Returns:
            {name: interval} of the mean over the categories that have something to find, and one
            of these for each category; the value is NaN where there is nothing to find.
        """

        def statistic(weights: Floats) -> Floats:
            size = max(1, _CHUNK // max(1, *(len(each.picture) for each in self._ranked), 1))
            parts = np.split(weights, range(size, len(weights), size))
            return np.concatenate([self._averages(part, names) for part in parts])

        resamples = min(RESAMPLES, drawing.resamples)
        found = bootstrap_of(
            statistic, len(self._pictures), drawing.units, seed=drawing.seed, resamples=resamples
        )
        lines = [
            dict(zip(names, found[start : start + len(names)], strict=True))
            for start in range(0, len(found), len(names))
        ]
        return lines[0], tuple(lines[1:])

    def _averages(self, weights: Floats, names: Sequence[str]) -> Floats:
        """(R, (1 + C) * names): of the mean over categories, then of each category."""
        spans = [AVERAGES[name] for name in names]
        needed = {(size, level) for size, levels in spans for level in range(len(IOUS))[levels]}
        table = np.full((len(self._ranked), len(SIZES), len(IOUS), len(weights)), np.nan)
        for place, ranked in enumerate(self._ranked):
            if ranked.demanded.any():
                for size, level in needed:
                    table[place, size, level] = ranked.average(weights, size, level)
        each = np.stack([table[:, size, levels].mean(axis=1) for size, levels in spans], axis=1)
        both = np.concatenate([_mean(each)[None], each])
        return both.reshape(-1, len(weights)).T

    def recalls(self, drawing: Drawing) -> dict[str, Interval]:
        """Average recall: the mean over IoU and categories of what share was found."""
        demanded = np.array(
            [[each.demanded[index, 0] for index in self._categories] for each in self._pictures]
        ).reshape(len(self._pictures), -1)
        found = {}
        for name, most in RECALL_AT.items():
            tops = np.zeros(demanded.shape)
            for row, each in zip(tops, self._pictures, strict=True):
                counted = each.is_right[:, 0].mean(axis=1) * (each.ranks < most)
                row += np.bincount(each.labels, counted, len(each.demanded))[list(self._categories)]
            found[name] = bootstrap(
                tops, demanded, drawing.units, seed=drawing.seed, resamples=drawing.resamples
            )
        return found

    def curve(self, level: int) -> Floats:
        """(101,) precision at the `RECALLS`, the mean over categories; NaN without any.

        Args:
            level: place in `IOUS`.
        """
        weights, curves = np.ones((1, len(self._pictures))), [np.full(len(RECALLS), np.nan)]
        for ranked in self._ranked:
            if ranked.demanded[:, 0].any():
                best, recall = ranked.precision(weights, 0, level)
                places = np.searchsorted(recall[0], RECALLS)
                curves.append(np.append(best[0], 0.0)[places])
        return _mean(np.stack(curves))


def _mean(values: Floats) -> Floats:
    """The mean over the first axis of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    sums: Floats = np.where(known, values, 0.0).sum(axis=0)
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)
