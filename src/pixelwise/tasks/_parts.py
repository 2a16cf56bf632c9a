"""Tops and the links between them, put together to people.

All limbs of all kinds decide together who belongs to whom, where Cao et al. ("OpenPose: Realtime
Multi-Person 2D Pose Estimation using Part Affinity Fields", TPAMI 2019, section 3.3) take one kind
after the other: the two parts between which the evidence is largest, summed over all links between
them, are joined, again and again, as long as they have no joint in common. This is greedy additive
edge contraction (Keuper et al., "Efficient Decomposition of Image and Mesh Graphs by Lifted
Multicuts", ICCV 2015). People who are in front of each other may then share a top.
"""

from __future__ import annotations

import heapq
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from pixelwise.tasks._limbs import Limbs
from pixelwise.tasks._links import Links, best_links

# What a link counts that the best assignment of its limb leaves out.
_RIVAL = 0.5
# A top is somebody else's too where the links that should lead to it are so sure on average.
_SURE = 0.65
# With fewer joints it is nobody, where the skeleton has more.
_LEAST_JOINTS = 3


def put_together(
    joint: NDArray[np.intp], links: Links, limbs: Limbs, num_joints: int
) -> list[list[int]]:
    """The tops of each person, each joint at most once.

    Args:
        joint: (T,) which joint each top is, in order.
        links: between the tops.
        limbs: the skeleton's.
        num_joints: K.
    """
    kinds = joint.tolist()
    parts = _joined(kinds, links, best_links(links, joint))
    _share(parts, kinds, links, _neighbours(limbs, num_joints))
    possible = _connected(limbs, num_joints)
    return [
        part for part in parts if part and len(part) >= min(_LEAST_JOINTS, possible[kinds[part[0]]])
    ]


def _joined(kinds: list[int], links: Links, is_best: NDArray[np.bool_]) -> list[list[int]]:
    """The tops of each part, after all joining in order of the evidence for it.

    Args:
        kinds: T joints.
        links: M of them, scores above 0.
        is_best: (M,) those of the best assignments, which count in full; the others by half.
    """
    parts = [[top] for top in range(len(kinds))]
    has = [1 << kind for kind in kinds]
    near: list[dict[int, float]] = [{} for _ in parts]
    worths = np.where(is_best, links.score, _RIVAL * links.score).tolist()
    for one, other, worth in zip(links.start.tolist(), links.end.tolist(), worths, strict=True):
        near[one][other] = near[other][one] = near[one].get(other, 0.0) + worth
    queue = [
        (-worth, one, other)
        for one, others in enumerate(near)
        for other, worth in others.items()
        if one < other
    ]
    heapq.heapify(queue)
    while queue:
        worth, one, other = heapq.heappop(queue)
        # Evidence that has grown since stands in the queue again.
        if near[one].get(other) != -worth or has[one] & has[other]:
            continue
        if len(near[one]) < len(near[other]):
            one, other = other, one
        _move(parts, has, other, one)
        for third, more in near[other].items():
            del near[third][other]
            if third != one and not has[one] & has[third]:
                total = near[one].get(third, 0.0) + more
                near[one][third] = near[third][one] = total
                heapq.heappush(queue, (-total, min(one, third), max(one, third)))
        near[other] = {}
    return [part for part in parts if part]


def _move(parts: list[list[int]], has: list[int], from_part: int, to_part: int) -> None:
    """All tops of one part become another's."""
    parts[to_part] += parts[from_part]
    parts[from_part] = []
    has[to_part] |= has[from_part]
    has[from_part] = 0


def _share(parts: list[list[int]], kinds: list[int], links: Links, beside: list[int]) -> None:
    """Give people those tops of others that are theirs as well, and what hangs on them alone.

    Two joints of one kind closer than about two pixels have one top between them, which only one
    of the two people has got. It is the other's too where his joints next to it say so.

    Args:
        parts: the tops of each part; changed here.
        kinds: T joints.
        links: between the tops.
        beside: see `_neighbours`.
    """
    owner = {top: number for number, part in enumerate(parts) for top in part}
    has = [sum(1 << kinds[top] for top in part) for part in parts]
    linked: defaultdict[int, dict[int, float]] = defaultdict(dict)
    claims: defaultdict[tuple[int, int], float] = defaultdict(float)
    ends = zip(links.start.tolist(), links.end.tolist(), links.score.tolist(), strict=True)
    for start, end, score in ends:
        for top, via in ((start, end), (end, start)):
            linked[top][via] = score
            number = owner[via]
            if not has[number] >> kinds[top] & 1 and len(parts[number]) >= _LEAST_JOINTS:
                claims[number, top] += score
    for (number, top), sureness in sorted(claims.items(), key=lambda claim: -claim[1]):
        asked = (beside[kinds[top]] & has[number]).bit_count()
        if not parts[number] or has[number] >> kinds[top] & 1 or sureness < _SURE * asked:
            continue
        parts[number].append(top)
        has[number] |= 1 << kinds[top]
        for third, score in linked[top].items():
            if score >= _SURE and not has[number] & has[owner[third]]:
                _move(parts, has, owner[third], number)


def _neighbours(limbs: Limbs, num_joints: int) -> list[int]:
    """(K,) the joints at the other ends of each joint's limbs, as bits."""
    beside = [0] * num_joints
    for one, other in limbs.ends.tolist():
        beside[one] |= 1 << other
        beside[other] |= 1 << one
    return beside


def _connected(limbs: Limbs, num_joints: int) -> list[int]:
    """(K,) how many joints of the skeleton each hangs together with, itself among them."""
    group = [{joint} for joint in range(num_joints)]
    for one, other in limbs.ends.tolist():
        group[one] |= group[other]
        for joint in group[one]:
            group[joint] = group[one]
    return [len(joints) for joints in group]
