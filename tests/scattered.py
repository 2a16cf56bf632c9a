"""Made-up results: instances scattered over a picture, and a small scene."""

import cv2
import numpy as np

from pixelwise.types import Category, Instances, Panoptic

KINDS = (
    Category("background", (0, 0, 0)),
    Category("round", (230, 159, 0), is_thing=True),
    Category("long", (86, 180, 233), is_thing=True),
)
SCENE = (
    Category("sky", (0, 120, 220)),
    Category("grass", (0, 158, 60)),
    Category("sheep", (230, 200, 160), is_thing=True),
)


def scatter(count: int, size_hw: tuple[int, int] = (90, 130), seed: int = 0) -> np.ndarray:
    """(H, W) int32: overlapping ellipses, each with a pixel or more, some of them in pieces."""
    rng = np.random.default_rng(seed)
    ids = np.zeros(size_hw, np.int32)
    for number in range(1, count + 1):
        centre = int(rng.integers(size_hw[1])), int(rng.integers(size_hw[0]))
        axes = int(rng.integers(2, 12)), int(rng.integers(2, 12))
        cv2.ellipse(ids, centre, axes, float(rng.integers(180)), 0, 360, number, -1)
    ids.flat[rng.choice(ids.size, count, replace=False)] = np.arange(1, count + 1)
    return ids


def picture_of(ids: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (*ids.shape, 3), dtype=np.uint8)


def instances(count: int, seed: int = 0) -> Instances:
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, 3, count)
    scores = rng.random(count, np.float32)
    return Instances(scatter(count, seed=seed), labels, scores, KINDS)


def panoptic() -> Panoptic:
    """Sky above, grass below, two sheep that touch, a strip of nothing at the left."""
    ids = np.ones((60, 80), np.int32)
    ids[30:] = 2
    ids[35:50, 30:40], ids[35:50, 40:52] = 3, 4
    ids[:, :3] = 0
    return Panoptic(ids, np.array([0, 1, 2, 2]), np.array([0.9, 0.8, 0.7, 0.6], np.float32), SCENE)
