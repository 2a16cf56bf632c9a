"""Crowds of made-up people, and the maps of a network that makes no mistake about their joints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perfect import logit
from pixelwise.find import find
from pixelwise.joints import jointed
from pixelwise.madeup.people import CATEGORIES, draw_people
from pixelwise.tasks._fields import PRIOR
from pixelwise.types import Annotation, Category

STRIDE = 2
# COCO's first five joints.
_FACE = 5
_PERSON = next(i for i, category in enumerate(CATEGORIES) if category.skeleton is not None)


def maps_of(
    annotation: Annotation, categories: Sequence[Category], stride: int = STRIDE
) -> tuple[np.ndarray, np.ndarray]:
    """What decoding is given: "joint" (K, h, w) and "limb" (2 L, h, w), float32."""
    task = find("tasks", "pose").build(tuple(categories), {"joint": 1.0, "limb": 1.0})
    targets = task.encode(annotation, stride)
    joint = logit(targets["joint"]) - np.float32(PRIOR)
    return joint, targets.get("limb", np.zeros((0, *joint.shape[1:]), np.float32))


def scene(index: int, people: int, size_hw: tuple[int, int] = (512, 512)) -> Annotation:
    """A made-up scene with so many people, fewer where hardly anything of one would be seen."""
    drawn = draw_people(7, index, size_hw=size_hw, people=(people, people))
    return drawn.annotation


def crowd(index: int, people: int, size_hw: tuple[int, int] = (512, 512)) -> Annotation:
    """Exactly so many people out of made-up scenes, strewn over a picture; nobody has pixels.

    Each as large as people are in scenes of twenty, anywhere, in front of and behind each other,
    and whole but for what is turned away of a face; joints beyond the picture's edge are not known.
    """
    rng = np.random.default_rng([index, people])
    poses: list[np.ndarray] = []
    boxes: list[np.ndarray] = []
    number = 0
    while len(poses) < people:
        drawn = scene(1000 * index + number, 20)
        number += 1
        every = jointed(drawn, CATEGORIES)
        for pose in every.keypoints[(every.keypoints[:, _FACE:, 2] > 0).all(axis=1)]:
            known = pose[:, 2] > 0
            box = np.stack([pose[known, :2].min(axis=0), pose[known, :2].max(axis=0)])
            shift = rng.uniform(0, (size_hw[1], size_hw[0])) - box.mean(axis=0)
            pose[:, :2] += shift
            is_out = (pose[:, :2] < 0).any(axis=1) | (pose[:, :2] >= size_hw[::-1]).any(axis=1)
            boxes.append((box + shift).reshape(-1))
            pose[is_out | ~known] = 0
            poses.append(pose)
    return Annotation(
        np.zeros(size_hw, np.uint8),
        labels=np.full(people, _PERSON, np.int64),
        crowd=np.zeros(people, np.bool_),
        keypoints=np.stack(poses[:people]),
        boxes=np.stack(boxes[:people]).astype(np.float32),
    )
