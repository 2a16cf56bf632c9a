"""Made-up people with COCO's joints: standing figures, and results that have found them."""

import numpy as np

from pixelwise.skeletons import COCO
from pixelwise.types import Category, Poses, Skeleton

KINDS = (
    Category("background", (0, 0, 0)),
    Category("person", (230, 159, 0), is_thing=True, skeleton=COCO),
)
# x, y of somebody who stands facing the camera, 80 wide and 180 high: right is at the left.
_RIGHT = {
    "eye": (36, 10),
    "ear": (30, 14),
    "shoulder": (22, 40),
    "elbow": (12, 70),
    "wrist": (4, 100),
    "hip": (28, 100),
    "knee": (26, 140),
    "ankle": (24, 180),
}


def standing() -> np.ndarray:
    """(17, 3) float32 in pixels, every joint sure."""
    places = {"nose": (40.0, 16.0)}
    for name, (x, y) in _RIGHT.items():
        places |= {f"right_{name}": (x, y), f"left_{name}": (80 - x, y)}
    return np.array([(*places[name], 1) for name in COCO.joints], np.float32)


def people(count: int, size_hw: tuple[int, int] = (240, 400), seed: int = 0) -> Poses:
    """Standing people of several sizes and places, the surest first, their joints trembling."""
    rng = np.random.default_rng(seed)
    found = np.repeat(standing()[None], count, axis=0)
    sizes = rng.uniform(0.3, 1.0, (count, 1, 1))
    room = np.array(size_hw[::-1]) - sizes[:, 0] * (80, 185)
    found[..., :2] = (found[..., :2] + rng.normal(0, 2, found[..., :2].shape)) * sizes
    found[..., :2] += (rng.random((count, 2)) * room)[:, None] + 2
    found[..., 2] = rng.uniform(0.3, 1, found.shape[:2])
    scores = np.sort(rng.uniform(0.2, 1, count).astype(np.float32))[::-1]
    return Poses(found, scores, KINDS, size_hw)


def without(result: Poses, person: int, *joints: str, skeleton: Skeleton = COCO) -> Poses:
    """The same, but for joints of one person that were not found."""
    keypoints = result.keypoints.copy()
    keypoints[person, [skeleton.joints.index(name) for name in joints]] = (np.nan, np.nan, 0)
    return Poses(keypoints, result.scores, result.categories, result.size_hw, result.ids)
