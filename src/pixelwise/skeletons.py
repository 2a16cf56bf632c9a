"""Skeletons that more than one dataset shares, joints by their names, and limbs that are missing.

Names of joints are compared without regard to case, and "Right-ankle", "right ankle" and
"right_ankle" are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.types import Skeleton

UNKNOWN_SIGMA = 0.05
"""The sigma of a joint for which nobody has measured one; see `Skeleton`."""

_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l"}
_SIDE = re.compile(r"(?<![a-z])(left|right|l|r)(?![a-z])", re.IGNORECASE)
# "lefteye", "EyeRight": only the whole words, since letters occur in any name.
_GLUED = re.compile(r"^(?:left|right)|(?:left|right)$", re.IGNORECASE)
# Enough people to tell how far apart joints are, whatever the size of the dataset.
_MOST_PEOPLE = 500
# A bone seldom looks as long as it is, and a hand often hangs beside the hip: how far apart joints
# come tells more than how far they mostly are. With the median 4 of LSP's 16 limbs were no bones
# (elbow to hip, knee to knee); with this quantile none of 14 is.
_NEARLY_ALL = 0.9

Ends = tuple[int, int]
"""The two joints of a limb."""


# --- names ---------------------------------------------------------------------------------------


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


def known(joints: Sequence[str]) -> Skeleton | None:
    """The skeleton with exactly these joints in this order; None where none is known."""
    return _KNOWN.get(tuple(_plain(name) for name in joints))


def sigmas_of(joints: Sequence[str]) -> tuple[float, ...] | None:
    """(K,) the sigmas of the skeleton with these joints, see `known`; None where none is known."""
    skeleton = known(joints)
    return None if skeleton is None else skeleton.sigmas


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


# --- the skeletons -------------------------------------------------------------------------------


def _skeleton(
    joints: Sequence[str], limbs: Sequence[tuple[str, str]], sigmas: Mapping[str, float]
) -> Skeleton:
    """A skeleton by the names of its joints.

    In ``limbs`` and ``sigmas`` a joint without its side stands for both: ("knee", "hip") is a limb
    of each leg, and ("hip", "hip") the one between them.
    """
    ends = (pair for one, other in limbs for pair in _on_both_sides(one, other, joints))
    return Skeleton(
        tuple(joints),
        tuple((joints.index(one), joints.index(other)) for one, other in ends),
        mirrored(joints),
        tuple(sigmas[name.removeprefix("left_").removeprefix("right_")] for name in joints),
    )


def _on_both_sides(one: str, other: str, joints: Sequence[str]) -> Iterator[tuple[str, str]]:
    if one == other:
        yield f"left_{one}", f"right_{one}"
    elif one in joints and other in joints:
        yield one, other
    else:
        for side in ("left_", "right_"):
            yield one if one in joints else side + one, other if other in joints else side + other


_LEG = (("ankle", "knee"), ("knee", "hip"))
_ARM = (("shoulder", "elbow"), ("elbow", "wrist"))
_TRUNK = (("hip", "hip"), ("shoulder", "hip"))
_BODY = (*_LEG, *_TRUNK, *_ARM, ("neck", "shoulder"))
# What COCO's authors measured on pictures that were annotated twice.
_LIMB_SIGMAS = {
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}

COCO = _skeleton(
    (
        *("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder"),
        *("right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip"),
        *("right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
    ),
    (
        *(*_LEG, *_TRUNK, ("shoulder", "shoulder"), *_ARM),
        *(("eye", "eye"), ("nose", "eye"), ("eye", "ear"), ("ear", "shoulder")),
    ),
    {"nose": 0.026, "eye": 0.025, "ear": 0.035, **_LIMB_SIGMAS},
)
"""A person's 17 joints as in COCO (Lin et al., "Microsoft COCO: Common objects in context", ECCV
2014); the sigmas are those of its evaluation by object keypoint similarity."""

CROWDPOSE = _skeleton(
    (
        *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist"),
        *("right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle"),
        *("right_ankle", "head", "neck"),
    ),
    (*_BODY, ("head", "neck")),
    {**_LIMB_SIGMAS, "head": 0.079, "neck": 0.079},
)
"""14 joints as in CrowdPose (Li et al., "CrowdPose: Efficient crowded scenes pose estimation and a
new benchmark", CVPR 2019), with the sigmas of its evaluation. The limbs that its files list are
COCO's, and mean other joints."""

LSP = _skeleton(
    (
        *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
        *("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow"),
        *("left_wrist", "neck", "head_top"),
    ),
    (*_BODY, ("head_top", "neck")),
    {**_LIMB_SIGMAS, "head_top": 0.079, "neck": 0.079},
)
"""14 joints as in Leeds Sports Pose (Johnson and Everingham, "Clustered pose and nonlinear
appearance models for human pose estimation", BMVC 2010). Nobody has published sigmas for it: these
are CrowdPose's, which has the same joints."""

MPII = _skeleton(
    (
        *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
        *("pelvis", "thorax", "upper_neck", "head_top", "right_wrist", "right_elbow"),
        *("right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
    ),
    (
        *(*_LEG, ("hip", "pelvis"), ("pelvis", "thorax"), ("thorax", "upper_neck")),
        *(("upper_neck", "head_top"), ("thorax", "shoulder"), *_ARM),
    ),
    {
        "ankle": 0.089,
        "knee": 0.083,
        "hip": 0.107,
        "pelvis": 0.026,
        "thorax": 0.026,
        "upper_neck": 0.026,
        "head_top": 0.026,
        "wrist": 0.062,
        "elbow": 0.072,
        "shoulder": 0.179,
    },
)
"""16 joints as in MPII Human Pose (Andriluka et al., "2D human pose estimation: New benchmark and
state of the art analysis", CVPR 2014), and in MHP. MPII itself is measured by PCKh and has no
sigmas: these are the ones that MMPose gives it."""

AIC = replace(
    _skeleton(
        (
            *("right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow"),
            *("left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee"),
            *("left_ankle", "head_top", "neck"),
        ),
        (*_BODY, ("head_top", "neck")),
        {**_LIMB_SIGMAS, "head_top": UNKNOWN_SIGMA, "neck": UNKNOWN_SIGMA},
    ),
    sigmas=(
        *(0.01388152, 0.01515228, 0.01057665, 0.01417709, 0.01497891, 0.01402144, 0.03909642),
        *(0.03686941, 0.01981803, 0.03843971, 0.03412318, 0.02415081, 0.01291456, 0.01236173),
    ),
)
"""14 joints as in AI Challenger (Wu et al., "AI Challenger: A large-scale dataset for going deeper
in image understanding", 2017), with the sigmas of its evaluation, each joint its own."""

_KNOWN = {skeleton.joints: skeleton for skeleton in (COCO, CROWDPOSE, LSP, MPII, AIC)}


# --- limbs ---------------------------------------------------------------------------------------


def connected(skeleton: Skeleton, keypoints: NDArray[np.floating[Any]]) -> Skeleton:
    """The skeleton with as few and as short further limbs as connect all of its joints.

    People are put together from joints along limbs, so a joint without one would belong to nobody.
    The limbs are those of the minimum spanning tree (Kruskal, "On the shortest spanning subtree of
    a graph and the traveling salesman problem", 1956) that contains the given ones, where joints
    are as far apart as they come in nine of ten people, relative to their size. A limb and its
    mirror image are equally long and come together, even where that makes a limb more.

    Args:
        skeleton: with any limbs, or none. They stay as they are, and come first.
        keypoints: (M, K, 3) x, y, and above 0 where a joint is known. Joints that nobody has
            together are taken to be as near as their numbers.
    """
    mirror = skeleton.mirrored
    parts = np.arange(len(skeleton.joints))
    for limb in skeleton.limbs:
        _join(parts, limb)
    limbs = list(skeleton.limbs)
    for one, other in _shortest_first(skeleton, keypoints) if parts.any() else ():
        images = {_sorted(one, other), _sorted(mirror[one], mirror[other])}
        if any(parts[a] != parts[b] for a, b in images):
            limbs += sorted(images)
            for limb in images:
                _join(parts, limb)
    return replace(skeleton, limbs=tuple(limbs))


def _sorted(one: int, other: int) -> Ends:
    return min(one, other), max(one, other)


def _join(parts: NDArray[np.intp], limb: Ends) -> None:
    """One part out of two, under the smaller number: all zeros are one whole."""
    low, high = sorted(parts[list(limb)])
    parts[parts == high] = low


def _shortest_first(skeleton: Skeleton, keypoints: NDArray[np.floating[Any]]) -> list[Ends]:
    """All pairs of joints, a pair and its mirror image as if equally long."""
    apart = _apart(keypoints, skeleton.mirrored)
    pairs = zip(*np.triu_indices(len(apart), 1), strict=True)
    return sorted(
        ((int(one), int(other)) for one, other in pairs),
        key=lambda ends: (apart[ends], ends[1] - ends[0], ends),
    )


def _apart(keypoints: NDArray[np.floating[Any]], mirror: Sequence[int]) -> NDArray[np.float64]:
    """(K, K) how far apart joints are, as a share of the person; infinite where nobody tells."""
    people = keypoints[:: 1 + len(keypoints) // _MOST_PEOPLE].astype(np.float64)
    people = people[(people[..., 2] > 0).sum(axis=1) > 1]
    apart = np.full((len(mirror), len(mirror)), np.inf)
    if not len(people):
        return apart
    xy = np.where(people[..., 2:] > 0, people[..., :2], np.nan)
    size = np.hypot(*(np.nanmax(xy, axis=1) - np.nanmin(xy, axis=1)).T) + 1e-9
    xy = np.concatenate([xy, xy[:, mirror]]) / np.tile(size, 2)[:, None, None]
    for joint in range(len(mirror)):
        # Sorting puts NaN last; NumPy's quantile without them takes ten times as long.
        distance = np.sort(np.hypot(*np.moveaxis(xy - xy[:, joint : joint + 1], -1, 0)), axis=0)
        count = (~np.isnan(distance)).sum(axis=0)
        told = np.flatnonzero(count)
        apart[joint, told] = distance[(_NEARLY_ALL * (count[told] - 1)).astype(int), told]
    return apart
