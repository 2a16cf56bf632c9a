"""Poses as OpenPose writes them: Cao et al. (IEEE TPAMI 2019), its JSON of version 1.3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.joints import in_numbered_pixels
from pixelwise.skeletons import COCO
from pixelwise.types import Poses, Skeleton

# fmt: off
BODY = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)
"""OpenPose's 18 joints of COCO's people, in its order."""
# fmt: on
# What OpenPose also looks for, and leaves empty where it was not asked to.
_EMPTY = (
    *("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d"),
    *("pose_keypoints_3d", "face_keypoints_3d"),
    *("hand_left_keypoints_3d", "hand_right_keypoints_3d"),
)


def describe(result: Poses, skeleton: Skeleton) -> dict[str, Any]:
    """The content of a file for one picture.

    COCO's 17 joints become OpenPose's 18 in its order, the neck in the middle between the
    shoulders where both were found. Other skeletons keep their joints and order.

    Positions are numbers of pixels: 0 is the middle of the first. A joint that was not found is
    0, 0, 0.
    """
    joints = in_numbered_pixels(result.keypoints)
    places = {re.sub(r"\W+", "_", name.casefold()): i for i, name in enumerate(skeleton.joints)}
    if places.keys() == set(COCO.joints):
        joints = _body(joints, places)
    ids = [-1] * len(result) if result.ids is None else result.ids.tolist()
    people = [
        {
            "person_id": [number],
            "pose_keypoints_2d": each.round(4).ravel().tolist(),
            **{name: [] for name in _EMPTY},
        }
        for number, each in zip(ids, joints, strict=True)
    ]
    return {"version": 1.3, "people": people}


def _body(joints: NDArray[np.float64], places: Mapping[str, int]) -> NDArray[np.float64]:
    """(N, 17, 3) in any order -> (N, 18, 3) in OpenPose's; the neck as sure as the less sure
    shoulder."""
    shoulders = joints[:, [places["left_shoulder"], places["right_shoulder"]]]
    sure = shoulders[..., 2].min(axis=1, keepdims=True)
    neck = np.where(sure > 0, np.hstack([shoulders[..., :2].mean(axis=1), sure]), 0)
    order = [places[name] for name in BODY if name != "neck"]
    return np.insert(joints[:, order], BODY.index("neck"), neck, axis=1)
