"""Tops and the links between them, put together to people.

All limbs of all kinds decide together who belongs to whom, where Cao et al. ("OpenPose: Realtime
Multi-Person 2D Pose Estimation using Part Affinity Fields", TPAMI 2019, section 3.3) take one kind
after the other: the two parts between which the evidence is largest, summed over all links between
them, are joined, again and again, as long as they have no joint in common. This is greedy additive
edge contraction (Keuper et al., "Efficient Decomposition of Image and Mesh Graphs by Lifted
Multicuts", ICCV 2015). People who are in front of each other may then share a top, and joints that
hang on nothing go to whoever is near.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from pixelwise.limbs import Limbs
from pixelwise.tasks._links import Links, best_links, unrivalled

# What a link counts that the best assignment of its limb leaves out.
_RIVAL = 0.5
# A top is somebody else's too where the links that should lead to it are so sure on average.
_SURE = 0.65
# With fewer joints it is nobody, where the skeleton has more.
_LEAST_JOINTS = 3
# A part that hangs on nothing is a person's up to this share of that person's longest limb for
# each limb between, if everybody else is farther away by this factor.
_MOST_FAR, _ALONE = 0.5, 2.0


def put_together(
    joint: NDArray[np.intp],
    xy: NDArray[np.float64],
    links: Links,
    limbs: Limbs,
) -> list[list[int]]:
    """The tops of each person, each joint at most once.

    Args:
        joint: (T,) which joint each top is, in order.
        xy: (T, 2) where.
        links: between the tops.
        limbs: the skeleton's.
    """
    kinds = joint.tolist()
    is_alone = unrivalled(links, len(joint))
    parts = _joined(kinds, links, is_alone, best_links(links, joint, is_alone))
    _share(parts, kinds, links, limbs.beside)
    parts = _adopted([part for part in parts if part], joint, xy, limbs)
    least = np.minimum(np.isfinite(limbs.steps).sum(axis=1), _LEAST_JOINTS)[joint].tolist()
    return [part for part in parts if len(part) >= least[part[0]]]


def _joined(
    kinds: list[int], links: Links, is_alone: NDArray[np.bool_], is_best: NDArray[np.bool_]
) -> list[list[int]]:
    """The tops of each part, after all joining in order of the evidence for it.

    Args:
        kinds: T joints.
        links: M of them, scores above 0.
        is_alone: (M,) those without a rival at either end.
        is_best: (M,) those of the best assignments, which count in full; the others by half.
    """
    parts = [[top] for top in range(len(kinds))]
    has = [1 << kind for kind in kinds]
    owner = list(range(len(kinds)))
    start, end = links.start.tolist(), links.end.tolist()
    # Most joints have one sure link and no other: they need no queue.
    sure = np.flatnonzero(is_alone & (links.score >= _SURE))
    for place in sure[np.argsort(-links.score[sure], kind="stable")].tolist():
        one, other = owner[start[place]], owner[end[place]]
        if not has[one] & has[other]:
            if len(parts[one]) < len(parts[other]):
                one, other = other, one
            for top in parts[other]:
                owner[top] = one
            _move(parts, has, other, one)
    near: list[dict[int, float]] = [{} for _ in parts]
    owners = np.array(owner, np.intp)
    ones, others = owners[links.start], owners[links.end]
    worths = np.where(is_best, links.score, _RIVAL * links.score)
    left = ones != others
    rest = zip(ones[left].tolist(), others[left].tolist(), worths[left].tolist(), strict=True)
    for one, other, worth in rest:
        if not has[one] & has[other]:
            near[one][other] = near[other][one] = near[one].get(other, 0.0) + worth
    _contract(parts, has, near)
    return [part for part in parts if part]


def _contract(parts: list[list[int]], has: list[int], near: list[dict[int, float]]) -> None:
    """Join parts in order of the evidence between them, which adds up as they grow.

    Args:
        parts: tops; changed here, as are the others.
        has: the joints of each, as bits.
        near: for each part those it is linked with, and by how much.
    """
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


def _move(parts: list[list[int]], has: list[int], from_part: int, to_part: int) -> None:
    """All tops of one part become another's."""
    parts[to_part] += parts[from_part]
    parts[from_part] = []
    has[to_part] |= has[from_part]
    has[from_part] = 0


def _share(parts: list[list[int]], kinds: list[int], links: Links, beside: Sequence[int]) -> None:
    """Give people those tops of others that are theirs as well, and what hangs on them alone.

    Two joints of one kind closer than about two pixels have one top between them, which only one
    of the two people has got. It is the other's too where his joints next to it say so.

    Args:
        parts: the tops of each part; changed here.
        kinds: T joints.
        links: between the tops.
        beside: see `Limbs.beside`.
    """
    owner = np.zeros(len(kinds), np.intp)
    for number, part in enumerate(parts):
        owner[part] = number
    has = [sum(1 << kinds[top] for top in part) for part in parts]
    linked: defaultdict[int, dict[int, float]] = defaultdict(dict)
    claims: defaultdict[tuple[int, int], float] = defaultdict(float)
    between = links.at(owner[links.start] != owner[links.end])
    ends = zip(between.start.tolist(), between.end.tolist(), between.score.tolist(), strict=True)
    for start, end, score in ends:
        for top, via in ((start, end), (end, start)):
            linked[top][via] = score
            number = int(owner[via])
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


def _adopted(
    parts: list[list[int]],
    joint: NDArray[np.intp],
    xy: NDArray[np.float64],
    limbs: Limbs,
) -> list[list[int]]:
    """Give parts that hang on nothing to larger ones, where nobody else's can be meant.

    A foot is in the picture and its knee is not, or a face and a body are and no ear. How far away
    a part may be grows with the limbs between and with the person.

    Args:
        parts: tops.
        joint: (T,) which joint each top is.
        xy: (T, 2).
        limbs: the skeleton's.
    """
    parts = sorted(parts, key=len)
    whose, top = np.repeat(np.arange(len(parts)), [*map(len, parts)]), [*chain(*parts)]
    places = np.full((len(parts), limbs.num_joints, 2), np.nan)
    places[whose, joint[top]] = xy[top]
    has = ~np.isnan(places[..., 0])
    longest = _longest(places, limbs)
    # Nobody has two noses, and what is nobody gets no joints; in most pictures this leaves nothing
    # to be asked.
    may_go = np.triu(~(has.astype(np.float32) @ has.T.astype(np.float32)).astype(np.bool_))
    may_go &= has.sum(axis=1) >= _LEAST_JOINTS
    for number in np.flatnonzero(may_go.any(axis=1)):
        part = parts[number]
        larger = np.flatnonzero(may_go[number] & ~(has & has[number]).any(axis=1))
        if not len(larger):
            continue
        far = _far(places[larger], longest[larger], xy[part], joint[part], limbs.steps)
        if (far <= _MOST_FAR).any() and (far <= _ALONE * far.min()).sum() == 1:
            whole = larger[far.argmin()]
            parts[whole] = parts[whole] + part
            places[whole, joint[part]] = xy[part]
            has[whole] |= has[number]
            longest[whole] = _longest(places[whole, None], limbs)[0]
            parts[number] = []
    return [part for part in parts if part]


def _longest(places: NDArray[np.float64], limbs: Limbs) -> NDArray[np.float64]:
    """(N,) the longest limb of people (N, K, 2), 0 of whom none is known."""
    along = places[:, limbs.ends[:, 0]] - places[:, limbs.ends[:, 1]]
    squares = np.fmax.reduce((along * along).sum(axis=-1), axis=1, initial=0)
    return np.asarray(np.sqrt(squares))


def _far(
    places: NDArray[np.float64],
    longest: NDArray[np.float64],
    xy: NDArray[np.float64],
    kinds: NDArray[np.intp],
    steps: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(N,) how far some joints are from each person, in their longest limb for each limb between.

    Args:
        places: (N, K, 2) the person's joints, NaN where not known.
        longest: (N,) see `_longest`.
        xy, kinds: (J, 2) and (J,) where and which the joints are.
        steps: see `Limbs.steps`.
    """
    apart = places[:, :, None] - xy
    # No number of limbs leads to a part of a skeleton that hangs on nothing.
    reach = np.where(np.isinf(steps), 0, steps)[:, kinds] * longest[:, None, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = (apart * apart).sum(axis=-1) / (reach * reach)
    nearest = np.fmin.reduce(squares.reshape(len(places), -1), axis=1, initial=np.inf)
    return np.asarray(np.sqrt(nearest))
