"""Average precision and recall of many pictures' detections, and their intervals.

See `pixelwise.metrics.detections` for the rules and for what a picture keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pixelwise.metrics import mean_of
from pixelwise.metrics.detections import IOUS, MOST, RECALLS, SIZES, Detections
from pixelwise.metrics.matching import Floats, Numbers
from pixelwise.metrics.sums import Drawing
from pixelwise.statistics import Interval, bootstrap, bootstrap_of

RESAMPLES = 1_000
"""Drawings for an interval of average precision: each ranks every detection anew. Of more than
50,000 detections of a category fewer, but never less than 200."""
_LEAST_RESAMPLES = 200
_RANKED_AT_MOST = 50_000_000
# name -> place in `SIZES`, and the places in `IOUS` that are averaged.
AVERAGES: dict[str, tuple[int, slice]] = {
    "ap": (0, slice(None)),
    "ap50": (0, slice(0, 1)),
    "ap75": (0, slice(5, 6)),
    "ap_small": (1, slice(None)),
    "ap_medium": (2, slice(None)),
    "ap_large": (3, slice(None)),
}
RECALL_AT = {"ar1": (1, slice(None)), "ar10": (10, slice(None)), "ar100": (MOST, slice(None))}
"""name -> how many detections of a category in a picture count, and at which of the `IOUS`."""
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

    def precision(self, size: int, level: int) -> tuple[Floats, Floats]:
        """Precision and recall (K,) at each of the K right detections, every picture counted once.

        Precision is the highest at that recall or a larger one.
        """
        once = _Drawn.of(self, np.ones((1, len(self.demanded))))
        best, found = once.precision(self, size, level)
        return best[0], found[0] / self.demanded[:, size].sum()

    def averages(
        self, weights: Floats, needed: Mapping[int, Collection[int]]
    ) -> dict[tuple[int, int], Floats]:
        """Mean precision at the 101 `RECALLS`; NaN where nothing is demanded.

        Args:
            weights: (R, N) how often each picture counts.
            needed: place in `SIZES` -> places in `IOUS`.

        Returns:
            {(size, level): (R,)}.
        """
        drawn, found = _Drawn.of(self, weights), {}
        for size, levels in needed.items():
            demanded = np.rint(weights @ self.demanded[:, size]).astype(np.int64)
            reached = _reached(demanded)
            for level in levels:
                best, right = drawn.precision(self, size, level)
                steps = np.diff(np.take_along_axis(reached, right, axis=1), axis=1, prepend=0)
                mean = np.einsum("rk,rk->r", best, steps) / len(RECALLS)
                found[size, level] = np.where(demanded > 0, mean, np.nan)
        return found


@dataclass(frozen=True, eq=False)
class _Drawn:
    """How often each detection was drawn, ``times`` (R, D) int64, and the sums of these so far."""

    times: Numbers
    so_far: Numbers

    @classmethod
    def of(cls, ranked: _Ranked, weights: Floats) -> _Drawn:
        times = np.rint(weights).astype(np.int64)[:, ranked.picture]
        return cls(times, np.cumsum(times, axis=1))

    def precision(self, ranked: _Ranked, size: int, level: int) -> tuple[Floats, Numbers]:
        """(R, K) best precision from each right detection on, and how many are right up to it."""
        right, wrong = ranked.is_right[:, size, level], ranked.is_wrong[:, size, level]
        # Only at a right detection recall grows, and precision matters nowhere else.
        found = np.cumsum(self.times[:, right], axis=1)
        counted = right | wrong
        judged = self.so_far
        if not counted.all():
            judged = np.cumsum(self.times * counted, axis=1)
        precision = found / np.maximum(judged[:, right], 1)
        return np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1], found


def _reached(demanded: Numbers) -> Numbers:
    """(R, most + 1) how many of the `RECALLS` are reached by 0, 1, 2, ... right detections."""
    right = np.arange(int(demanded.max(initial=0)) + 1)
    which, place = np.unique(demanded, return_inverse=True)
    recall = right / np.maximum(which, 1)[:, None]
    return np.searchsorted(RECALLS, recall, side="right")[place]


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

        most = max(1, *(len(each.picture) for each in self._ranked), 1)

        def statistic(weights: Floats) -> Floats:
            size = max(1, _CHUNK // most)
            parts = np.split(weights, range(size, len(weights), size))
            return np.concatenate([self._averages(part, names) for part in parts])

        affordable = max(_LEAST_RESAMPLES, _RANKED_AT_MOST // most)
        resamples = min(RESAMPLES, affordable, drawing.resamples)
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
        needed: dict[int, set[int]] = {}
        for size, levels in spans:
            needed.setdefault(size, set()).update(range(len(IOUS))[levels])
        table = np.full((len(self._ranked), len(SIZES), len(IOUS), len(weights)), np.nan)
        for row, ranked in zip(table, self._ranked, strict=True):
            if ranked.demanded.any():
                for (size, level), values in ranked.averages(weights, needed).items():
                    row[size, level] = values
        each = np.stack([table[:, size, levels].mean(axis=1) for size, levels in spans], axis=1)
        both = np.concatenate([mean_of(each)[None], each])
        return both.reshape(-1, len(weights)).T

    def recalls(
        self, drawing: Drawing, asked: Mapping[str, tuple[int, slice]] = RECALL_AT
    ) -> dict[str, Interval]:
        """Average recall: the mean over IoU and categories of what share was found."""
        demanded = np.array(
            [[each.demanded[index, 0] for index in self._categories] for each in self._pictures]
        ).reshape(len(self._pictures), len(self._categories))
        found = {}
        for name, (most, levels) in asked.items():
            tops = np.zeros(demanded.shape)
            for row, each in zip(tops, self._pictures, strict=True):
                counted = each.is_right[:, 0, levels].mean(axis=1) * (each.ranks < most)
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
        curves = [np.full(len(RECALLS), np.nan)]
        for ranked in self._ranked:
            if ranked.demanded[:, 0].any():
                best, recall = ranked.precision(0, level)
                curves.append(np.append(best, 0.0)[np.searchsorted(recall, RECALLS)])
        return mean_of(np.stack(curves))
