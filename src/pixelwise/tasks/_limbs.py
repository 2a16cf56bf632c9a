"""The limbs that part-affinity fields are learned for: a skeleton's, and their mirror images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelwise.types import Skeleton


@dataclass(frozen=True, eq=False)
class Limbs:
    """L directed limbs over K joints, closed under mirroring.

    ``ends``: (L, 2) int64 from joint, to joint. ``mirrored``: (L,) int64 which limb stands in a
    limb's place in a mirror image. ``sign``: (L,) 1, or -1 where that one runs the other way (from
    left to right hip becomes from right to left hip).
    """

    ends: NDArray[np.int64]
    mirrored: NDArray[np.int64]
    sign: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    @classmethod
    def of(cls, skeleton: Skeleton) -> Limbs:
        """The skeleton's limbs, each once, and those that are missing from the other side."""
        ends: list[tuple[int, int]] = []
        for limb in (*skeleton.limbs, *(_mirror(limb, skeleton) for limb in skeleton.limbs)):
            if limb[0] != limb[1] and limb not in ends and limb[::-1] not in ends:
                ends.append(limb)
        images = [_mirror(limb, skeleton) for limb in ends]
        places = [ends.index(limb if limb in ends else limb[::-1]) for limb in images]
        sign = [1 if limb in ends else -1 for limb in images]
        shape = (len(ends), 2)
        return cls(
            np.array(ends, np.int64).reshape(shape),
            np.array(places, np.int64),
            np.array(sign, np.int64),
        )


def _mirror(limb: tuple[int, int], skeleton: Skeleton) -> tuple[int, int]:
    return skeleton.mirrored[limb[0]], skeleton.mirrored[limb[1]]
