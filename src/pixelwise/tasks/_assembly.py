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
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import log_expit, logit

from pixelwise.maps import peaks
from pixelwise.tasks._centers import PRIOR
from pixelwise.tasks._limbs import Limbs
from pixelwise.tasks._links import Links, best_links, find_links

# A top this sure is a joint, and of each kind at most so many are: where hundreds of tops are on a
# map, most are noise.
_THRESHOLD, _MOST_TOPS = 0.1, 200
# What a link counts that the best assignment leaves out.
_RIVAL = 0.5
# A top is somebody's only choice where its link is at least the first, and no other the second.
_SURE, _ELSEWHERE = 0.8, 0.3
# So many people share a top at most.
_MOST_SHARED = 3
# With fewer joints it is nobody, where the skeleton has more.
_LEAST_JOINTS = 3


@dataclass(frozen=True, eq=False)
class Tops:
    """T tops of heatmaps.

    ``joint``: (T,) which joint, in order. ``xy``: (T, 2) float64 in map pixels. ``score``: (T,)
    float32 in [0, 1]. ``source``: (T,) the same number for tops that are one, shared by people.
    """

    joint: NDArray[np.intp]
    xy: NDArray[np.float64]
    score: NDArray[np.float32]
    source: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.joint)


def assemble(
    joint: NDArray[np.float32], limb: NDArray[np.float32], limbs: Limbs, prior: float = PRIOR
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The people in the maps of one picture.

    Args:
        joint: (K, h, w) logits above ``prior``.
        limb: (2 L, h, w) y and x of each limb's direction in turn.
        limbs: L of them, from 0 on; without any, every top is someone.
        prior: see `pixelwise.tasks._centers.PRIOR`.

    Returns:
        (N, K, 3) float32: x and y in map pixels (pixel i covers [i, i + 1)), and the joint's
        probability; NaN, NaN, 0 where it was not found. (N,) float32 in [0, 1]: the mean
        probability of all K joints, where one that was not found is 0. The surest first.
    """
    tops = _tops(joint, prior)
    links = find_links(tops.joint, tops.xy, limb, limbs)
    tops, links = _shared(tops, links)
    weight = np.where(best_links(links, tops.joint), links.score, _RIVAL * links.score)
    parts = _joined(tops.joint, links, weight)
    return _people(_kept(parts, tops, limbs, len(joint)), tops, len(joint))


def _tops(heatmaps: NDArray[np.float32], prior: float) -> Tops:
    joint, xy, heights = peaks(
        heatmaps,
        float(logit(_THRESHOLD)) - prior,
        most=_MOST_TOPS,
        curve=lambda logits: log_expit(logits + prior),
    )
    return Tops(joint, xy, np.exp(np.minimum(heights, 0)), np.arange(len(joint)))


def _shared(tops: Tops, links: Links) -> tuple[Tops, Links]:
    """Tops that are the only choice of several, as often as they are needed, each with all links.

    Two joints of one kind closer than about two pixels have one top between them.
    """
    number = np.ones(len(tops), np.int64)
    for here, there in ((links.start, links.end), (links.end, links.start)):
        one = _only_choices(links, there)
        pair = links.limb[one] * len(tops) + here[one]
        several, count = np.unique(pair, return_counts=True)
        np.maximum.at(number, several % max(len(tops), 1), count)
    number = np.minimum(number, _MOST_SHARED)
    if (number == 1).all():
        return tops, links
    source = np.repeat(np.arange(len(tops)), number)
    more = Tops(tops.joint[source], tops.xy[source], tops.score[source], source)
    first = np.cumsum(number) - number
    copies = number[links.start] * number[links.end]
    every = links.at(np.repeat(np.arange(len(links)), copies))
    which = np.arange(len(every)) - np.repeat(np.cumsum(copies) - copies, copies)
    start = first[every.start] + which // number[every.end]
    end = first[every.end] + which % number[every.end]
    return more, Links(every.limb, start, end, every.score)


def _only_choices(links: Links, chooser: NDArray[np.intp]) -> NDArray[np.intp]:
    """The links that are the only good one of a limb at the top ``chooser`` (M,)."""
    order = np.lexsort((-links.score, chooser, links.limb))
    limb, top = links.limb[order], chooser[order]
    is_next = (limb[1:] == limb[:-1]) & (top[1:] == top[:-1])
    second = np.zeros(len(links), np.float32)
    second[:-1][is_next] = links.score[order][1:][is_next]
    is_best = np.append(True, ~is_next)[: len(links)]
    return order[is_best & (links.score[order] >= _SURE) & (second < _ELSEWHERE)]


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
        parts[one] += parts[other]
        has[one] |= has[other]
        parts[other] = []
        for third, more in near[other].items():
            del near[third][other]
            if third != one:
                total = near[one].get(third, 0.0) + more
                near[one][third] = near[third][one] = total
                heapq.heappush(queue, (-total, min(one, third), max(one, third)))
        near[other] = {}
    return [part for part in parts if part]


def _kept(parts: list[list[int]], tops: Tops, limbs: Limbs, num_joints: int) -> list[list[int]]:
    """The parts that are people, the surest first.

    Not those with hardly a joint, nor those most of whose tops are in another already.
    """
    ends = limbs.ends
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (num_joints,) * 2)
    component = connected_components(graph, directed=False)[1]
    possible = np.bincount(component)[component]
    scores = [float(tops.score[part].sum()) for part in parts]
    taken: set[int] = set()
    people = []
    for number in sorted(range(len(parts)), key=lambda number: -scores[number]):
        part = parts[number]
        sources = tops.source[part].tolist()
        own = sum(source not in taken for source in sources)
        enough = len(part) >= min(_LEAST_JOINTS, possible[tops.joint[part[0]]])
        if enough and 2 * own > len(part):
            people.append(part)
            taken.update(sources)
    return people


def _people(
    parts: list[list[int]], tops: Tops, num_joints: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Keypoints and scores as `assemble` returns them."""
    keypoints = np.full((len(parts), num_joints, 3), (np.nan, np.nan, 0), np.float32)
    for person, part in zip(keypoints, parts, strict=True):
        person[tops.joint[part], :2] = tops.xy[part]
        person[tops.joint[part], 2] = tops.score[part]
    return keypoints, keypoints[..., 2].mean(axis=1)
