"""The joints of a category: limbs, scatter, and which change sides in a mirror by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pixelwise.joints import PIXEL_MIDDLE as PIXEL_MIDDLE
from pixelwise.types import Skeleton

COCO_JOINTS = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder"),
    *("right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip"),
    *("right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
)
"""The 17 joints of COCO's people, in their order."""

# Measured by COCO's authors on pictures annotated twice (cocodataset.org, keypoints-eval).
_COCO_SIGMAS = (
    *(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072),
    *(0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
)
_UNKNOWN_SIGMA = 0.05
_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l"}
_SIDE = re.compile(r"(?<![a-z])(left|right|l|r)(?![a-z])", re.IGNORECASE)
# "lefteye", "EyeRight": only the whole words, since letters occur in any name.
_GLUED = re.compile(r"^(?:left|right)|(?:left|right)$", re.IGNORECASE)


def skeleton_of(category: Mapping[str, Any]) -> Skeleton | None:
    """The joints of a COCO category; None where it names none.

    Limbs are counted from 1 as COCO counts them, or from 0 where a 0 occurs; limbs to joints that
    are not there belong to another skeleton, and then none is taken. Sigmas are the category's own,
    COCO's for its 17 joints, else 0.05.
    """
    joints = category.get("keypoints")
    if not isinstance(joints, list) or not joints:
        return None
    names = tuple(str(joint) for joint in joints)
    return Skeleton(
        names,
        _limbs(category.get("skeleton") or (), len(names)),
        mirrored(names),
        _sigmas(category.get("sigmas"), names),
    )


def first_joints(skeleton: Skeleton, count: int) -> Skeleton:
    """The first ``count`` joints of a skeleton, and the limbs between them."""
    names = skeleton.joints[:count]
    limbs = tuple(limb for limb in skeleton.limbs if max(limb) < count)
    return Skeleton(names, limbs, mirrored(names), skeleton.sigmas[:count])


def mirrored(joints: Sequence[str]) -> tuple[int, ...]:
    """For each joint the one of the other side by its name (left_, right_, l_, r_); else itself."""
    places = {name.casefold(): place for place, name in enumerate(joints)}
    partners = [places.get(_other_side(name).casefold(), i) for i, name in enumerate(joints)]
    # Two joints of one name, or a partner that has another: those stay where they are.
    return tuple(there if partners[there] == i else i for i, there in enumerate(partners))


def _other_side(name: str) -> str:
    pattern = _SIDE if _SIDE.search(name) else _GLUED
    return pattern.sub(_swap, name, count=1)


def _swap(match: re.Match[str]) -> str:
    word = match[0]
    other = _SIDES[word.lower()]
    return other.upper() if word.isupper() else other.title() if word.istitle() else other


def _limbs(pairs: Sequence[Sequence[int]], count: int) -> tuple[tuple[int, int], ...]:
    flat = [int(end) for pair in pairs for end in pair]
    if any(len(pair) != 2 for pair in pairs) or not flat:
        return ()
    first = 0 if 0 in flat else 1
    if min(flat) < 0 or max(flat) - first >= count:
        return ()
    return tuple((int(a) - first, int(b) - first) for a, b in pairs)


def _sigmas(given: Any, joints: tuple[str, ...]) -> tuple[float, ...]:
    if isinstance(given, list) and len(given) == len(joints) and all(each > 0 for each in given):
        return tuple(float(each) for each in given)
    if tuple(name.casefold() for name in joints) == COCO_JOINTS:
        return _COCO_SIGMAS
    return (_UNKNOWN_SIGMA,) * len(joints)
