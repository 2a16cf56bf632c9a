"""The limbs that part-affinity fields are learned for: a skeleton's, and bridges over its joints.

Where a joint is all that holds two parts of a skeleton together, as an ear does face and body and
an elbow does wrist and shoulder, a person in whom it is not seen falls apart. So there is a limb
across such a joint too, as OpenPose has some that a tree would not need (Cao et al., "OpenPose:
Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", TPAMI 2019, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import shortest_path

from pixelwise.types import Skeleton


@dataclass(frozen=True, eq=False)
class Limbs:
    """L directed limbs over K joints, closed under mirroring.

    ``ends``: (L, 2) int64 from joint, to joint. ``mirrored``: (L,) int64 which limb stands in a
    limb's place in a mirror image. ``sign``: (L,) 1, or -1 where that one runs the other way (from
    left to right hip becomes from right to left hip). ``num_joints``: K.
    """

    ends: NDArray[np.int64]
    mirrored: NDArray[np.int64]
    sign: NDArray[np.int64]
    num_joints: int

    def __len__(self) -> int:
        return len(self.ends)

    @cached_property
    def steps(self) -> NDArray[np.float64]:
        """(K, K) how many limbs lie between two joints; infinity where none connect them."""
        graph = np.zeros((self.num_joints, self.num_joints))
        graph[self.ends[:, 0], self.ends[:, 1]] = 1
        return np.asarray(shortest_path(graph, directed=False, unweighted=True), np.float64)

    @cached_property
    def beside(self) -> tuple[int, ...]:
        """(K,) the joints at the other ends of each joint's limbs, as bits."""
        found = [0] * self.num_joints
        for one, other in self.ends.tolist():
            found[one] |= 1 << other
            found[other] |= 1 << one
        return tuple(found)

    @classmethod
    def of(cls, skeleton: Skeleton) -> Limbs:
        """The skeleton's limbs, each once, those that are missing from the other side, bridges."""
        ends = _each_once([*skeleton.limbs, *(_mirror(limb, skeleton) for limb in skeleton.limbs)])
        ends = _each_once([*ends, *_bridges(ends)])
        images = [_mirror(limb, skeleton) for limb in ends]
        places = [ends.index(limb if limb in ends else limb[::-1]) for limb in images]
        sign = [1 if limb in ends else -1 for limb in images]
        shape = (len(ends), 2)
        return cls(
            np.array(ends, np.int64).reshape(shape),
            np.array(places, np.int64),
            np.array(sign, np.int64),
            len(skeleton.joints),
        )


def _each_once(limbs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for limb in limbs:
        if limb[0] != limb[1] and limb not in found and limb[::-1] not in found:
            found.append(limb)
    return found


def _bridges(limbs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Between the two neighbours of every joint that has two."""
    beside: dict[int, list[int]] = {}
    for one, other in limbs:
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)
    return [(near[0], near[1]) for _, near in sorted(beside.items()) if len(near) == 2]


def _mirror(limb: tuple[int, int], skeleton: Skeleton) -> tuple[int, int]:
    return skeleton.mirrored[limb[0]], skeleton.mirrored[limb[1]]
