"""What the instances of pictures are like, in numbers: how many, how large, how close together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from scipy.spatial import cKDTree

from pixelwise.regions import equivalent_diameter
from pixelwise.types import Annotation, Category

TWINS_IOU = 0.5
"""Above this intersection over union two instances may be one that was outlined twice."""
SAME_PLACE_PX = 2.0
"""Centres of mass closer than this are one place to a network that looks for centres."""


@dataclass(frozen=True, eq=False)
class Objects:
    """The instances of one picture; crowds, and instances without a pixel, are only counted.

    ``labels``: (N,) category. ``areas_px``: (N,) pixels. ``num_crowds`` and ``num_empty`` are left
    out of these. ``shared_px``: pixels that belong to several instances, of ``covered_px`` that
    belong to any. ``num_twins``: pairs whose intersection over union is above 0.5.
    ``num_same_place``: pairs whose centres of mass are closer than 2 px. ``num_parted``: instances
    in several parts that do not touch.
    """

    labels: NDArray[np.int64]
    areas_px: NDArray[np.int64]
    num_crowds: int = 0
    num_empty: int = 0
    shared_px: int = 0
    covered_px: int = 0
    num_twins: int = 0
    num_same_place: int = 0
    num_parted: int = 0

    def __len__(self) -> int:
        """How many instances there are, without crowds."""
        return len(self.labels)


@dataclass(frozen=True)
class Count:
    """Instances over pictures.

    ``diameter_px``: the median of their equivalent diameters, the diameter of a disc of the same
    area, at the pictures' own size; 0 where there are none. ``per_picture``: smallest, median and
    largest number in a picture.
    """

    instances: int
    diameter_px: float
    per_picture: tuple[int, int, int]


@dataclass(frozen=True)
class Census:
    """The instances of a dataset: all of them, those of each category by its name, and crowds."""

    total: Count
    by_category: Mapping[str, Count]
    num_crowds: int


def measure(annotation: Annotation) -> Objects:
    """Measure the instances of one annotation."""
    layers = _without_crowds(annotation)
    areas = annotation.areas_px
    kept = ~annotation.crowd & (areas > 0)
    centers, num_parted = _centers_and_parts(layers)
    covered = int(np.count_nonzero(layers.any(axis=0)))
    return Objects(
        annotation.labels[kept],
        areas[kept],
        int(annotation.crowd.sum()),
        int((~annotation.crowd & (areas == 0)).sum()),
        _shared_px(layers),
        covered,
        _num_twins(layers, areas),
        len(cKDTree(centers).query_pairs(SAME_PLACE_PX)) if len(centers) else 0,
        num_parted,
    )


def census(found: Sequence[Objects], categories: Sequence[Category]) -> Census | None:
    """Count the instances of pictures; None where nothing is counted one by one."""
    things = [index for index, category in enumerate(categories) if category.is_thing]
    if not things:
        return None
    return Census(
        _count([each.areas_px for each in found]),
        {
            categories[thing].name: _count([each.areas_px[each.labels == thing] for each in found])
            for thing in things
        },
        sum(each.num_crowds for each in found),
    )


def _count(areas_px: Sequence[NDArray[np.int64]]) -> Count:
    """Of the areas of each picture's instances."""
    every = np.concatenate(areas_px) if areas_px else np.zeros(0, np.int64)
    numbers = sorted(len(areas) for areas in areas_px) or [0]
    diameter = float(np.median(equivalent_diameter(every))) if len(every) else 0.0
    return Count(len(every), diameter, (numbers[0], numbers[len(numbers) // 2], numbers[-1]))


def _without_crowds(annotation: Annotation) -> NDArray[np.uint16]:
    if not annotation.crowd.any():
        return annotation.layers
    kept = np.concatenate(([False], ~annotation.crowd))
    numbers: NDArray[np.uint16] = (np.arange(len(kept)) * kept).astype(np.uint16)
    return numbers[annotation.layers]


def _num_twins(layers: NDArray[np.uint16], areas: NDArray[np.int64]) -> int:
    """Instances overlap only on different layers."""
    found = 0
    for upper in range(1, len(layers)):
        for lower in range(upper):
            both = (layers[upper] > 0) & (layers[lower] > 0)
            pairs = layers[upper][both].astype(np.int64) << 16 | layers[lower][both]
            codes, shared = np.unique(pairs, return_counts=True)
            union = areas[(codes >> 16) - 1] + areas[(codes & 0xFFFF) - 1] - shared
            found += int((shared > TWINS_IOU * union).sum())
    return found


def _shared_px(layers: NDArray[np.uint16]) -> int:
    if len(layers) < 2:
        return 0
    depth = np.zeros(layers.shape[1:], np.uint16)
    for layer in layers:
        depth += layer > 0
    return int((depth > 1).sum())


def _centers_and_parts(layers: NDArray[np.uint16]) -> tuple[NDArray[np.float64], int]:
    """(N, 2) centres of mass x, y of the instances with a pixel, and how many are in parts.

    Parts are apart where no pixel of one touches the other, by a side or a corner.
    """
    centers, num_parted = [], 0
    for layer in layers:
        for number, box in enumerate(find_objects(layer.astype(np.int32)), start=1):
            if box is None:
                continue
            inside = (layer[box] == number).astype(np.uint8)
            sums = cv2.moments(inside, binaryImage=True)
            x, y = sums["m10"] / sums["m00"], sums["m01"] / sums["m00"]
            centers.append((x + box[1].start, y + box[0].start))
            num_parts = cv2.connectedComponents(inside, connectivity=8)[0] - 1
            num_parted += num_parts > 1
    return np.array(centers, np.float64).reshape(-1, 2), num_parted
