"""The joints of a category: limbs, scatter, and which change sides in a mirror by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise.skeletons import UNKNOWN_SIGMA, connected, known, mirrored, sigmas_of
from pixelwise.types import Skeleton

_MOST_NAMED = 8  # limbs, in a note
_ENOUGH = 5_000  # people, to tell how far apart their joints are


def skeleton_in(category: Mapping[str, Any]) -> Skeleton | None:
    """The joints of a COCO category; None where it names none.

    Limbs are counted from 1 as COCO counts them, or from 0 where a 0 occurs; limbs to joints that
    are not there belong to another skeleton. Then, and where there are none, they are those of the
    skeleton that is known by the joints' names. Sigmas are the category's own, the known
    skeleton's, else 0.05.
    """
    joints = category.get("keypoints")
    if not isinstance(joints, list) or not joints:
        return None
    names = tuple(str(joint) for joint in joints)
    named = named_skeleton(names)
    return Skeleton(
        names,
        _limbs(category.get("skeleton") or (), len(names)) or named.limbs,
        named.mirrored,
        _sigmas(category.get("sigmas"), len(names)) or named.sigmas,
    )


def named_skeleton(names: Sequence[str]) -> Skeleton:
    """Joints by nothing but their names: limbs and sigmas are those of a skeleton that is known."""
    like = known(names)
    if like is None:
        return Skeleton(tuple(names), (), mirrored(names), (UNKNOWN_SIGMA,) * len(names))
    return replace(like, joints=tuple(names))


def connect(skeleton: Skeleton, people: Sequence[Sequence[float]]) -> tuple[Skeleton, list[str]]:
    """A skeleton whose limbs connect all joints, and a note that tells which were added for that.

    Args:
        skeleton: K joints. people: for each the 3 K numbers x, y, visibility of the joints; others
            tell nothing. See `pixelwise.skeletons.connected`.
    """
    whole = connected(skeleton, _stacked(people, len(skeleton.joints)))
    added = whole.limbs[len(skeleton.limbs) :]
    if not added:
        return skeleton, []
    names = [f"{skeleton.joints[one]} to {skeleton.joints[other]}" for one, other in added]
    shown = ", ".join(names[:_MOST_NAMED]) + ", ..." * (len(names) > _MOST_NAMED)
    lack = "The limbs given do not connect all joints" if skeleton.limbs else "No limbs are given"
    return whole, [f"{lack}: added are the shortest that do, {shown}."]


def _stacked(people: Sequence[Sequence[float]], count: int) -> NDArray[np.float32]:
    some = people[:: 1 + len(people) // _ENOUGH]
    whole = [row for row in some if isinstance(row, Sequence) and len(row) == 3 * count]
    try:
        return np.array(whole, np.float32).reshape(-1, count, 3)
    except (TypeError, ValueError):  # no numbers, which is named when the picture is read
        return np.zeros((0, count, 3), np.float32)


def first_joints(skeleton: Skeleton, count: int) -> Skeleton:
    """The first ``count`` joints of a skeleton, and the limbs between them."""
    names = skeleton.joints[:count]
    limbs = tuple(limb for limb in skeleton.limbs if max(limb) < count)
    return Skeleton(names, limbs, mirrored(names), sigmas_of(names) or skeleton.sigmas[:count])


def _limbs(pairs: Sequence[Sequence[int]], count: int) -> tuple[tuple[int, int], ...]:
    try:
        flat = [int(end) for pair in pairs for end in pair]
        is_paired = all(len(pair) == 2 for pair in pairs)
    except (TypeError, ValueError, OverflowError):  # no limbs: those of the known skeleton hold
        return ()
    if not is_paired or not flat:
        return ()
    first = 0 if 0 in flat else 1
    if min(flat) < 0 or max(flat) - first >= count:
        return ()
    return tuple((int(a) - first, int(b) - first) for a, b in pairs)


def _sigmas(given: Any, count: int) -> tuple[float, ...]:
    numbers = isinstance(given, list) and all(isinstance(each, int | float) for each in given)
    if numbers and len(given) == count and all(0 < each < 1e6 for each in given):
        return tuple(float(each) for each in given)
    return ()
