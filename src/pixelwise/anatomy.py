"""Angles at joints and lengths of limbs, as a picture shows them.

A picture is a projection: an arm that points at the camera is short and its elbow may look
straight, whatever it is in space. These are angles and lengths in the picture's plane, not of the
body.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from pixelwise.joints import Keypoints
from pixelwise.types import Skeleton

ARM = ("shoulder", "elbow", "wrist")
LEG = ("hip", "knee", "ankle")
# Joint -> the two on its side that it joins.
_BETWEEN = {
    "elbow": ("shoulder", "wrist"),
    "knee": ("hip", "ankle"),
    "shoulder": ("elbow", "hip"),
    "hip": ("shoulder", "knee"),
}


def angles(keypoints: Keypoints, skeleton: Skeleton) -> dict[str, NDArray[np.float64]]:
    """The angle at each joint where two limbs meet.

    Where joints have the names of a body's: elbow (between shoulder and wrist), knee (hip and
    ankle), shoulder (elbow and hip) and hip (shoulder and knee), each as many times as there are
    sides. With other names: every joint at which exactly two limbs end.

    Args:
        keypoints: (N, K, 3) x, y in pixels, and a score or visibility, 0 where a joint is missing.
        skeleton: names of the K joints.

    Returns:
        Joint's name -> (N,) degrees from 0 (folded) to 180 (straight); NaN where one of the three
        joints is missing or lies on the joint itself.
    """
    places = _known(keypoints)
    return {
        skeleton.joints[joint]: _angle(places[:, one], places[:, joint], places[:, two])
        for one, joint, two in _triples(skeleton)
    }


def lengths(keypoints: Keypoints, skeleton: Skeleton) -> dict[str, NDArray[np.float64]]:
    """How long each limb is in the picture.

    Args:
        keypoints: (N, K, 3) x, y in pixels, and a score or visibility, 0 where a joint is missing.
        skeleton: names of the K joints and the limbs.

    Returns:
        "joint-joint" as the skeleton names the limb's ends -> (N,) pixels; NaN where an end is
        missing.
    """
    places = _known(keypoints)
    return {
        f"{skeleton.joints[one]}-{skeleton.joints[two]}": np.asarray(
            np.linalg.norm(places[:, one] - places[:, two], axis=-1)
        )
        for one, two in _limbs(skeleton)
    }


def extents(keypoints: Keypoints) -> NDArray[np.float64]:
    """(N,) pixels from the joint to the joint that lie farthest apart; NaN without any joint."""
    places = _known(keypoints)
    apart = np.linalg.norm(places[:, :, None] - places[:, None], axis=-1)
    farthest = np.nan_to_num(apart, nan=-1).max(axis=(1, 2), initial=-1)
    return np.where(farthest < 0, np.nan, farthest)


def _known(keypoints: Keypoints) -> NDArray[np.float64]:
    """(N, K, 2) x, y; NaN where a joint is missing."""
    return np.where(keypoints[..., 2:] > 0, keypoints[..., :2].astype(np.float64), np.nan)


def _triples(skeleton: Skeleton) -> list[tuple[int, int, int]]:
    """(one end, joint, other end) of each angle, in the order of the joints."""
    bodily = _bodily(skeleton)
    if bodily:
        return bodily
    beside: dict[int, list[int]] = defaultdict(list)
    for one, two in _limbs(skeleton):
        beside[one].append(two)
        beside[two].append(one)
    return [(ends[0], at, ends[1]) for at, ends in sorted(beside.items()) if len(ends) == 2]


def _bodily(skeleton: Skeleton) -> list[tuple[int, int, int]]:
    """The angles of a body, by the names of its joints."""
    places = {name.casefold(): place for place, name in enumerate(skeleton.joints)}
    found = []
    for name, place in places.items():
        for word, others in _BETWEEN.items():
            if word in name:
                # "Right elbow", "r_elbow", "ElbowRight": what stands around the word is the side.
                ends = [places.get(name.replace(word, other)) for other in others]
                if ends[0] is not None and ends[1] is not None:
                    found.append((ends[0], place, ends[1]))
    return found


def _limbs(skeleton: Skeleton) -> list[tuple[int, int]]:
    """Each limb once, whichever way it is given; none from a joint to itself."""
    found: list[tuple[int, int]] = []
    for one, two in skeleton.limbs:
        if one != two and (one, two) not in found and (two, one) not in found:
            found.append((one, two))
    return found


def _angle(
    one: NDArray[np.float64], joint: NDArray[np.float64], two: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N,) degrees between two limbs, from points (N, 2)."""
    a, b = one - joint, two - joint
    across = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    along = (a * b).sum(axis=-1)
    # Exact near 0 and 180, where the arc cosine is not.
    angle = np.degrees(np.arctan2(np.abs(across), along))
    return np.where((across == 0) & (along == 0), np.nan, angle)
