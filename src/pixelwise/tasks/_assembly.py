"""From heatmaps and part-affinity fields to people.

Cao et al., "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields",
TPAMI 2019, section 3: the tops of the heatmaps are joints, and pairs of them that a field connects
are limbs (`pixelwise.tasks._links`). People are what limbs connect.

Where this departs from the paper: all limbs of all kinds decide together who belongs to whom. The
two parts between which the evidence is largest, summed over all limbs between them, are joined,
again and again, as long as they have no joint twice (greedy additive edge contraction: Keuper et
al., "Efficient Decomposition of Image and Mesh Graphs by Lifted Multicuts", ICCV 2015). A limb of
the best assignment of its kind counts in full, its rivals by half. And people who are in front of
each other may share a top.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, logit

from pixelwise.maps import peaks
from pixelwise.tasks._limbs import Limbs
from pixelwise.tasks._links import Links, best_links, find_links

# A top this sure is a joint, and of each kind at most so many are: where hundreds of tops are on a
# map, most are noise.
_THRESHOLD, _MOST_TOPS = 0.1, 200
# What a link counts that the best assignment leaves out.
_RIVAL = 0.5
# A top is somebody else's too where links that should lead to it are so sure on average.
_SURE = 0.65
# With fewer joints it is nobody, where the skeleton has more.
_LEAST_JOINTS = 3


def assemble(
    joint: NDArray[np.float32], limb: NDArray[np.float32], limbs: Limbs, prior: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The people in the maps of one picture.

    Args:
        joint: (K, h, w) logits, less ``prior``.
        limb: (2 L, h, w) y and x of each limb's direction in turn.
        limbs: L of them, from 0 on; without any, every top is someone.
        prior: what to add to them.

    Returns:
        (N, K, 3) float32: x and y in map pixels (pixel i covers [i, i + 1)), and the joint's
        probability; NaN, NaN, 0 where it was not found. (N,) float32 in [0, 1], the surest first:
        the mean over all joints and limbs of their probability, and of how far the field agrees
        with them; those that were not found count as 0.
    """
    kind, xy, heights = peaks(
        joint,
        float(logit(_THRESHOLD)) - prior,
        most=_MOST_TOPS,
        curve=lambda logits: log_expit(logits + prior),
    )
    links = find_links(kind, xy, limb, limbs)
    weight = np.where(best_links(links, kind), links.score, _RIVAL * links.score)
    parts = _joined(kind, links, weight)
    _share(parts, kind, links, limbs)
    possible = _connected(limbs, len(joint))
    people = [
        part for part in parts if part and len(part) >= min(_LEAST_JOINTS, possible[kind[part[0]]])
    ]
    keypoints = np.full((len(people), len(joint), 3), (np.nan, np.nan, 0), np.float32)
    is_in = np.zeros((len(people), len(kind)), np.bool_)
    for person, part in enumerate(people):
        is_in[person, part] = True
    person, top = np.nonzero(is_in)
    keypoints[person, kind[top], :2] = xy[top]
    keypoints[person, kind[top], 2] = np.exp(np.minimum(heights[top], 0))
    scores = _scores(keypoints, is_in, links, len(limbs))
    order = np.argsort(-scores, kind="stable")
    return keypoints[order], scores[order]


def _scores(
    keypoints: NDArray[np.float32], is_in: NDArray[np.bool_], links: Links, num_limbs: int
) -> NDArray[np.float32]:
    """(N,) the mean over all joints and limbs of probability and agreement of the field.

    Args:
        keypoints: (N, K, 3).
        is_in: (N, T) whose the tops are.
        links: between them.
        num_limbs: of the skeleton.
    """
    is_limb = is_in[:, links.start] & is_in[:, links.end]
    sure = keypoints[..., 2].sum(axis=1) + is_limb.astype(np.float32) @ links.score
    return np.asarray(sure / np.float32(keypoints.shape[1] + num_limbs), np.float32)


def _joined(joint: NDArray[np.intp], links: Links, weight: NDArray[np.float32]) -> list[list[int]]:
    """The tops of each person: parts are joined in order of the evidence between them.

    Args:
        joint: (T,) which joint each top is.
        links: M of them.
        weight: (M,) what each is worth, above 0.

    Returns:
        a list of tops for each part; no part has a joint twice.
    """
    parts = [[top] for top in range(len(joint))]
    has = [1 << kind for kind in joint.tolist()]
    near: list[dict[int, float]] = [{} for _ in parts]
    for one, other, worth in zip(
        links.start.tolist(), links.end.tolist(), weight.tolist(), strict=True
    ):
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
        parts[one] += parts[other]
        has[one] |= has[other]
        parts[other] = []
        for third, more in near[other].items():
            del near[third][other]
            if third != one and not has[one] & has[third]:
                total = near[one].get(third, 0.0) + more
                near[one][third] = near[third][one] = total
                heapq.heappush(queue, (-total, min(one, third), max(one, third)))
        near[other] = {}
    return [part for part in parts if part]


def _share(parts: list[list[int]], joint: NDArray[np.intp], links: Links, limbs: Limbs) -> None:
    """Give people the tops of others that they need as well, and what hangs on these alone.

    Two joints of one kind closer than about two pixels have one top between them, which only one
    of the two people has got. It is the other's too where all joints of his next to it say so.
    """
    kinds = joint.tolist()
    owner = {top: number for number, part in enumerate(parts) for top in part}
    has = [sum(1 << kinds[top] for top in part) for part in parts]
    beside: list[dict[int, float]] = [{} for _ in kinds]
    claims: dict[tuple[int, int], float] = {}
    for start, end, score in zip(
        links.start.tolist(), links.end.tolist(), links.score.tolist(), strict=True
    ):
        for top, via in ((start, end), (end, start)):
            beside[top][via] = score
            number = owner[via]
            if not has[number] >> kinds[top] & 1 and len(parts[number]) >= _LEAST_JOINTS:
                claims[number, top] = claims.get((number, top), 0.0) + score
    near = [0] * (max(kinds, default=-1) + 1)
    for one, other in limbs.ends.tolist():
        if max(one, other) < len(near):
            near[one] |= 1 << other
            near[other] |= 1 << one
    for (number, top), sureness in sorted(claims.items(), key=lambda claim: -claim[1]):
        asked = (near[kinds[top]] & has[number]).bit_count()
        if has[number] >> kinds[top] & 1 or sureness < _SURE * asked:
            continue
        parts[number].append(top)
        has[number] |= 1 << kinds[top]
        for third, score in beside[top].items():
            rest = owner[third]
            if score >= _SURE and parts[rest] and not has[number] & has[rest]:
                parts[number] += parts[rest]
                has[number] |= has[rest]
                parts[rest] = []


def _connected(limbs: Limbs, num_joints: int) -> list[int]:
    """(K,) how many joints of the skeleton each hangs together with, itself among them."""
    group = [{joint} for joint in range(num_joints)]
    for one, other in limbs.ends.tolist():
        group[one] |= group[other]
        for joint in group[one]:
            group[joint] = group[one]
    return [len(joints) for joints in group]
