"""Maps become segments: classes and centres meet at the picture's own size.

The maps are brought home strip by strip (`Warp.maps_back`), decided there, and added up; what is
held at full size is one number and one class for each pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


class Segments:
    """What the maps say of every pixel, and the sums over the pixels of each centre.

    Args:
        maps: "class" (1 or C, h, w), "center" (1, h, w) and "offset" (2, h, w).
        warp: from the picture to the working size.
        categories: C of them.
        has_stuff: whether `stuff` will be asked for.
    """

    def __init__(
        self,
        maps: Mapping[str, NDArray[np.float32]],
        warp: Warp,
        categories: Sequence[Category],
        *,
        has_stuff: bool = False,
    ) -> None:
        self._warp = warp
        self._is_thing = np.array([category.is_thing for category in categories])
        self._centers = Centers.of(maps["center"][0], warp)
        self._at_center = _class_probs(maps["class"], self._centers)
        num = len(self._centers.scores) + 1
        # (H, W) the centre each pixel of a thing belongs to, counted from 1; of each centre its
        # pixels, the sum of their probabilities, and how many are of each class.
        self._ids = np.zeros(warp.source_hw, np.uint16)
        self._area = np.zeros(num, np.int64)
        self._sureness = np.zeros(num)
        self._votes = np.zeros((num, len(categories)), np.int64)
        # (H, W) every pixel's class and its probability, where stuff is asked for.
        self._labels = np.zeros(warp.source_hw, np.uint8) if has_stuff else None
        self._probs = np.zeros(warp.source_hw, np.float16) if has_stuff else None
        if num > 1 or has_stuff:
            both = np.concatenate([maps["class"], maps["offset"]])
            for rows, strip in warp.maps_back(both):
                self._add(rows, strip[:-2], strip[-2:])

    def _add(self, rows: slice, logits: NDArray[np.float32], offset: NDArray[np.float32]) -> None:
        """One strip: its class, and its things' centres."""
        labels, thing = self._classes(rows, logits)
        if len(self._area) == 1:
            return
        ids = self._centers.assign(offset, rows, self._warp)
        ids *= thing
        self._ids[rows] = ids
        owner = ids[thing].astype(np.int64)
        num, classes = self._votes.shape
        self._area += np.bincount(owner, minlength=num)
        self._sureness += np.bincount(owner, _sureness(logits, thing), num)
        pairs = owner * classes + labels[thing]
        self._votes += np.bincount(pairs, minlength=num * classes).reshape(num, classes)

    def _classes(
        self, rows: slice, logits: NDArray[np.float32]
    ) -> tuple[LabelMap, NDArray[np.bool_]]:
        """(rows, W) the class of each pixel, and whether it is a thing."""
        labels = _decided(logits)
        if self._labels is not None and self._probs is not None:
            self._labels[rows] = labels
            self._probs[rows] = _sureness(logits, np.ones(labels.shape, bool)).reshape(labels.shape)
        return labels, self._is_thing[labels]

    def things(self) -> Parts:
        """Every thing that was found, the surest first."""
        own = np.maximum(self._area[1:], 1)
        scores = self._centers.scores * (self._sureness[1:] / own)
        labels = np.where(self._is_thing, self._votes[1:], -1).argmax(axis=1)
        lost = np.flatnonzero(self._area[1:] == 0)
        thing_probs = self._at_center * self._is_thing
        labels[lost] = thing_probs[lost].argmax(axis=1)
        scores[lost] = self._centers.scores[lost] * thing_probs[lost].sum(axis=1)
        is_there = (self._area[1:] > 0) | (thing_probs.sum(axis=1) >= _LEAST_THING)
        kept = np.flatnonzero(is_there)
        kept = kept[np.argsort(-scores[kept], kind="stable")]
        ids, lost = self._ids, lost[is_there[lost]]
        if len(lost):
            ids = self._with_lost(lost)
            # Whoever lost its only pixel to a lost one is gone.
            kept = kept[np.bincount(ids.ravel(), minlength=len(self._area))[1:][kept] > 0]
        number = np.zeros(len(self._area), np.int32)
        number[kept + 1] = np.arange(1, len(kept) + 1)
        return number[ids], labels[kept], scores[kept].astype(np.float32)

    def _with_lost(self, lost: NDArray[np.intp]) -> NDArray[np.uint16]:
        """The id map, where each lost centre has the pixel under it."""
        ids = self._ids.copy()
        x, y = self._centers.home(self._warp)[lost].T
        ids[y, x] = lost + 1
        return ids

    def stuff(self, ids: NDArray[np.int32], least_area: float, first: int) -> Parts:
        """What is left to stuff: one segment for each kind of at least ``least_area`` pixels.

        Args:
            ids: (H, W) where things are; changed in place.
            least_area: in pixels.
            first: the number of the first of these segments.
        """
        assert self._labels is not None and self._probs is not None
        left = np.where(ids == 0, self._labels, np.uint8(255))
        counts = np.bincount(left.ravel(), minlength=256)[: len(self._is_thing)]
        kinds = np.flatnonzero(~self._is_thing & (counts >= max(1.0, least_area)))
        scores = []
        for number, kind in enumerate(kinds, start=first):
            where = left == kind
            ids[where] = number
            scores.append(float(self._probs[where].mean(dtype=np.float64)))
        return ids, kinds.astype(np.int64), np.array(scores, np.float32)


def _decided(logits: NDArray[np.float32]) -> LabelMap:
    """(H, W) the likeliest class; a single logit is that of the second of two categories."""
    is_two = len(logits) == 1
    return np.asarray(logits[0] > 0 if is_two else logits.argmax(axis=0), np.uint8)


def _sureness(logits: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(N,) the probability of the class that was decided on, of N pixels."""
    if len(logits) == 1:
        return np.asarray(expit(np.abs(logits[0][where])), np.float32)
    return np.asarray(softmax(logits[:, where], axis=0).max(axis=0), np.float32)


def _class_probs(logits: NDArray[np.float32], centers: Centers) -> NDArray[np.float32]:
    """(N, C) the classes' probabilities in the map pixel of each centre."""
    height, width = logits.shape[1:]
    x, y = np.clip(centers.xy.astype(int), 0, (width - 1, height - 1)).T
    here = logits[:, y, x]
    if len(here) == 1:
        second = expit(here[0])
        return np.stack([1 - second, second], axis=1)
    probs: NDArray[np.float32] = softmax(here, axis=0).T
    return probs
