"""Skeletons that more than one dataset shares."""

from __future__ import annotations

from pixelwise.types import Skeleton

_JOINTS = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
_LIMBS = (
    ("left_ankle", "left_knee"),
    ("left_knee", "left_hip"),
    ("right_ankle", "right_knee"),
    ("right_knee", "right_hip"),
    ("left_hip", "right_hip"),
    ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"),
    ("left_shoulder", "right_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
    ("left_eye", "right_eye"),
    ("nose", "left_eye"),
    ("nose", "right_eye"),
    ("left_eye", "left_ear"),
    ("right_eye", "right_ear"),
    ("left_ear", "left_shoulder"),
    ("right_ear", "right_shoulder"),
)
# For the nose, then for each pair of joints: 2 standard deviations of repeated annotations.
_SIGMAS = (0.026, 0.025, 0.035, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089)


def _other_side(joint: str) -> str:
    side, _, name = joint.partition("_")
    return {"left": "right_", "right": "left_"}.get(side, "") + (name or side)


COCO = Skeleton(
    joints=_JOINTS,
    limbs=tuple((_JOINTS.index(one), _JOINTS.index(two)) for one, two in _LIMBS),
    mirrored=tuple(_JOINTS.index(_other_side(joint)) for joint in _JOINTS),
    sigmas=(_SIGMAS[0], *(sigma for sigma in _SIGMAS[1:] for _ in range(2))),
)
"""A person's 17 joints as in COCO (Lin et al., "Microsoft COCO: Common objects in context", ECCV
2014); the sigmas are those of its evaluation by object keypoint similarity."""
