"""Crowds of made-up people, and the maps of a network that makes no mistake about their joints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perfect import logit
from pixelwise.joints import jointed, skeleton_of
from pixelwise.madeup.people import CATEGORIES, draw_people
from pixelwise.tasks._centers import PRIOR
from pixelwise.tasks._limbs import Limbs
from pixelwise.types import Annotation, Category

STRIDE = 2
_PERSON = next(i for i, category in enumerate(CATEGORIES) if category.skeleton is not None)


def maps_of(
    annotation: Annotation, categories: Sequence[Category]
) -> tuple[np.ndarray, np.ndarray]:
    """Joint logits above `PRIOR` (K, h, w) and limb vectors (2 L, h, w), float32, at stride 2."""
    people = jointed(annotation, categories)
    limbs = Limbs.of(skeleton_of(categories)[1])
    height, width = (side // STRIDE for side in annotation.size_hw)
    sigma = np.clip(0.03 * np.sqrt(people.areas_px), 1.0, 2.0)
    heat = np.zeros((people.keypoints.shape[1], height, width))
    field, count = np.zeros((len(limbs), 2, height, width)), np.zeros((len(limbs), height, width))
    for keypoints, wide in zip(people.keypoints.astype(np.float64), sigma, strict=True):
        for bump, (x, y, seen) in zip(heat, keypoints, strict=True):
            if seen:
                _raise(bump, (x / STRIDE, y / STRIDE), wide)
        for number, (one, two) in enumerate(limbs.ends):
            if keypoints[one, 2] and keypoints[two, 2]:
                ends = keypoints[[one, two], :2] / STRIDE
                _run(field[number], count[number], ends)
    vectors = (field / np.maximum(count, 1)[:, None]).reshape(-1, height, width)
    return logit(heat) - np.float32(PRIOR), vectors.astype(np.float32)


def _window(low, high, size_hw):
    """The rows and columns of a map from ``low`` to ``high`` (x, y), and their pixel centres."""
    x0, y0 = np.maximum(np.floor(low), 0).astype(int)
    x1, y1 = np.ceil(high).astype(int) + 1
    rows, columns = slice(y0, min(y1, size_hw[0])), slice(x0, min(x1, size_hw[1]))
    y, x = np.mgrid[rows, columns] + 0.5
    return (rows, columns), x, y


def _raise(bump, center, sigma):
    """The larger of what stands there and a Gaussian."""
    place, x, y = _window(np.subtract(center, 4 * sigma), np.add(center, 4 * sigma), bump.shape)
    squared = (x - center[0]) ** 2 + (y - center[1]) ** 2
    bump[place] = np.maximum(bump[place], np.exp(-squared / (2 * sigma**2)))


def _run(field, count, ends, breadth=1.0):
    """Add the unit vector from end to end to pixels within ``breadth`` of the limb."""
    along = ends[1] - ends[0]
    length = max(float(np.hypot(*along)), 1e-6)
    place, x, y = _window(ends.min(axis=0) - breadth, ends.max(axis=0) + breadth, count.shape)
    x, y = x - ends[0, 0], y - ends[0, 1]
    share = np.clip((x * along[0] + y * along[1]) / length**2, 0, 1)
    near = np.hypot(x - share * along[0], y - share * along[1]) <= breadth
    count[place] += near
    field[0][place] += near * along[1] / length
    field[1][place] += near * along[0] / length


def scene(index: int, people: int, size_hw: tuple[int, int] = (512, 512)) -> Annotation:
    """A made-up scene with so many people, fewer where hardly anything of one would be seen."""
    drawn = draw_people(7, index, size_hw=size_hw, people=(people, people))
    return drawn.annotation


def crowd(index: int, people: int, size_hw: tuple[int, int] = (512, 512)) -> Annotation:
    """Exactly so many people out of made-up scenes, strewn over a picture; nobody has pixels.

    Each as large as people are in scenes of twenty, anywhere, in front of and behind each other;
    joints beyond the picture's edge are not known.
    """
    rng = np.random.default_rng([index, people])
    poses: list[np.ndarray] = []
    boxes: list[np.ndarray] = []
    number = 0
    while len(poses) < people:
        drawn = scene(1000 * index + number, 20)
        number += 1
        every = jointed(drawn, CATEGORIES)
        for pose in every.keypoints[(every.keypoints[..., 2] > 0).all(axis=1)]:
            middle = (pose[:, :2].max(axis=0) + pose[:, :2].min(axis=0)) / 2
            pose[:, :2] += rng.uniform(0, (size_hw[1], size_hw[0])) - middle
            is_out = (pose[:, :2] < 0).any(axis=1) | (pose[:, :2] >= size_hw[::-1]).any(axis=1)
            boxes.append(np.hstack([pose[:, :2].min(axis=0), pose[:, :2].max(axis=0)]))
            pose[is_out] = 0
            poses.append(pose)
    return Annotation(
        np.zeros(size_hw, np.uint8),
        labels=np.full(people, _PERSON, np.int64),
        crowd=np.zeros(people, np.bool_),
        keypoints=np.stack(poses[:people]),
        boxes=np.stack(boxes[:people]).astype(np.float32),
    )
