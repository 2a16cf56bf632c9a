"""Maps become segments: classes and centres meet at the picture's own size.

The maps are brought home strip by strip (`Warp.maps_back`), decided there, and added up; what is
held at full size is one number and one class for each pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from pixelwise.geometry import Warp
from pixelwise.tasks._centers import Centers
from pixelwise.types import Category, LabelMap

# A centre that gets no pixel keeps the one it is on, if that is a thing by this much: so that the
# smallest things, which cover less than half of a map pixel, are counted.
_LEAST_THING = 0.1

Parts = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]]
"""An id map (H, W), and of its N segments the labels (N,) and scores (N,)."""


@dataclass(frozen=True)
class Segments:
    """What the maps say of every pixel, and the sums over those of each centre.

    ``ids``: (H, W) uint16, the centre each pixel of a thing belongs to, counted from 1. ``labels``
    and ``probs``: (H, W) uint8 class and float16 probability of it; None where only things are
    asked for. ``area``, ``sureness``: (N + 1,) pixels of each centre and the sum of their
    probabilities; ``votes``: (N + 1, C) their classes.
    """

    centers: Centers
    warp: Warp
    is_thing: NDArray[np.bool_]
    ids: NDArray[np.uint16]
    area: NDArray[np.int64]
    sureness: NDArray[np.float64]
    votes: NDArray[np.int64]
    at_center: NDArray[np.float32]
    labels: LabelMap | None = None
    probs: NDArray[np.float16] | None = None

    @classmethod
    def of(
        cls,
        maps: Mapping[str, NDArray[np.float32]],
        warp: Warp,
        categories: Sequence[Category],
        *,
        stuff: bool = False,
    ) -> Segments:
        """Decide every pixel.

        Args:
            maps: "class" (1 or C, h, w), "center" (1, h, w) and "offset" (2, h, w).
            warp: from the picture to the working size.
            categories: C of them.
            stuff: whether classes and probabilities are kept for `stuff`.
        """
        centers = Centers.of(maps["center"][0], warp)
        is_thing = np.array([category.is_thing for category in categories])
        num, hw = len(centers.scores) + 1, warp.source_hw
        found = cls(
            centers,
            warp,
            is_thing,
            np.zeros(hw, np.uint16),
            np.zeros(num, np.int64),
            np.zeros(num),
            np.zeros((num, len(categories)), np.int64),
            _class_probs(maps["class"], centers),
            np.zeros(hw, np.uint8) if stuff else None,
            np.zeros(hw, np.float16) if stuff else None,
        )
        if num > 1 or stuff:
            both = np.concatenate([maps["class"], maps["offset"]])
            for rows, strip in warp.maps_back(both):
                found._add(rows, strip[:-2], strip[-2:])
        return found

    def _add(self, rows: slice, logits: NDArray[np.float32], offset: NDArray[np.float32]) -> None:
        """One strip: its class, and its things' centres."""
        labels, thing = self._classes(rows, logits)
        if len(self.area) == 1:
            return
        ids = self.centers.assign(offset, rows, self.warp)
        ids *= thing
        self.ids[rows] = ids
        owner = ids[thing].astype(np.int64)
        num, classes = self.votes.shape
        self.area[:] += np.bincount(owner, minlength=num)
        self.sureness[:] += np.bincount(owner, _sureness(logits, thing), num)
        if classes > 2:
            pairs = owner * classes + labels[thing]
            self.votes[:] += np.bincount(pairs, minlength=num * classes).reshape(num, classes)

    def _classes(
        self, rows: slice, logits: NDArray[np.float32]
    ) -> tuple[LabelMap, NDArray[np.bool_]]:
        """(rows, W) the class of each pixel, and whether it is a thing."""
        if len(logits) == 1:
            thing = logits[0] > 0
            return thing.view(np.uint8), thing
        labels = logits.argmax(axis=0).astype(np.uint8)
        if self.labels is not None and self.probs is not None:
            self.labels[rows] = labels
            self.probs[rows] = softmax(logits, axis=0).max(axis=0)
        return labels, self.is_thing[labels]

    def things(self) -> Parts:
        """Every thing that was found, the surest first."""
        own = np.maximum(self.area[1:], 1)
        scores = self.centers.scores * (self.sureness[1:] / own)
        labels = np.where(self.is_thing, self.votes[1:], -1).argmax(axis=1)
        lost = np.flatnonzero(self.area[1:] == 0)
        thing_probs = self.at_center * self.is_thing
        labels[lost] = thing_probs[lost].argmax(axis=1)
        scores[lost] = self.centers.scores[lost] * thing_probs[lost].sum(axis=1)
        is_there = (self.area[1:] > 0) | (thing_probs.sum(axis=1) >= _LEAST_THING)
        kept = np.flatnonzero(is_there)
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        ids, lost = self.ids, lost[is_there[lost]]
        if len(lost):
            ids = self._with_lost(lost)
            # Whoever lost its only pixel to a lost one is gone.
            kept = kept[np.bincount(ids.ravel(), minlength=len(self.area))[1:][kept] > 0]
        number = np.zeros(len(self.area), np.int32)
        number[kept + 1] = np.arange(1, len(kept) + 1)
        return number[ids], labels[kept], scores[kept].astype(np.float32)

    def _with_lost(self, lost: NDArray[np.intp]) -> NDArray[np.uint16]:
        """The id map, where each lost centre has the pixel under it."""
        ids = self.ids.copy()
        x, y = self.centers.home(self.warp)[lost].T
        ids[y, x] = lost + 1
        return ids

    def stuff(self, ids: NDArray[np.int32], least_area: float, first: int) -> Parts:
        """What is left to stuff: one segment for each kind of at least ``least_area`` pixels.

        Args:
            ids: (H, W) where things are; changed in place.
            least_area: in pixels.
            first: the number of the first of these segments.
        """
        assert self.labels is not None and self.probs is not None
        left = np.where(ids == 0, self.labels, np.uint8(255))
        counts = np.bincount(left.ravel(), minlength=256)[: len(self.is_thing)]
        kinds = np.flatnonzero(~self.is_thing & (counts >= max(1.0, least_area)))
        scores = []
        for number, kind in enumerate(kinds, start=first):
            where = left == kind
            ids[where] = number
            scores.append(float(self.probs[where].mean(dtype=np.float64)))
        return ids, kinds.astype(np.int64), np.array(scores, np.float32)


def _sureness(logits: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The probability of the class that was decided on, of some pixels."""
    if len(logits) == 1:
        return np.asarray(expit(logits[0][where]), np.float32)
    return np.asarray(softmax(logits[:, where], axis=0).max(axis=0), np.float32)


def _class_probs(logits: NDArray[np.float32], centers: Centers) -> NDArray[np.float32]:
    """(N, C) the classes' probabilities in the map pixel of each centre."""
    height, width = logits.shape[1:]
    x, y = np.clip(centers.xy.astype(int), 0, (width - 1, height - 1)).T
    here = logits[:, y, x]
    if len(here) == 1:
        thing = expit(here[0])
        return np.stack([1 - thing, thing], axis=1)
    probs: NDArray[np.float32] = softmax(here, axis=0).T
    return probs
