"""Which two joints may be the ends of one limb, and how far its field agrees.

Cao et al., "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields",
TPAMI 2019, equation 10: the field along the line between two joints, times the line's direction.

Where this departs from the paper: fields of limbs that cross are their mean, and the mean of two
unit vectors still says what both were, so that a limb loses nothing where another crosses it; what
points aside is taken off; of two ends less than a pixel apart, whose direction nobody can
measure, it is enough that there is a field; lines without any are dropped after three samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from pixelwise.limbs import Limbs

Floats = NDArray[np.float32]

# Samples on a line, at the middles of as many equal parts.
_SAMPLES = 10
# At its ends a field points along a line by this share of what it has to, short of so much; ends
# closer than so many map pixels are not asked.
_FACES, _TOLERANCE, _CLOSE = 0.3, 0.1, 4.0
# At the first three at least two must have a field, of this length at least.
_FIRST_SAMPLES, _FIRST_NEEDED, _LEAST_FIELD = 3, 2, 0.1
# A sample agrees from this on, and so large a share of them has to.
_AGREES, _LEAST_SHARE = 0.1, 0.6
# How much what points aside counts against what points along.
_ASIDE = 0.4
# A field is taken for a mean of two from the second length on, and for noise below the first.
_NOISE, _MEAN = 0.15, 0.4
# A field's length where nothing crosses it: that of the sample so many are shorter than, or this.
_ALONE, _LEAST_ALONE = 7, 0.3
# So many numbers at once stay in memory that is at hand.
_CHUNK = 16_384


@dataclass(frozen=True, eq=False)
class Links:
    """M pairs of joints that may be limbs.

    ``limb``: (M,) which limb, in order. ``start``, ``end``: (M,) the tops at its ends. ``score``:
    (M,) float32 in (0, 1], how far the field agrees.
    """

    limb: NDArray[np.intp]
    start: NDArray[np.intp]
    end: NDArray[np.intp]
    score: Floats

    def __len__(self) -> int:
        return len(self.limb)

    def at(self, places: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Links:
        """Those at some places."""
        return Links(self.limb[places], self.start[places], self.end[places], self.score[places])


def find_links(
    joint: NDArray[np.intp], xy: NDArray[np.float64], fields: Floats, limbs: Limbs
) -> Links:
    """The pairs of tops between which a limb's field runs.

    Args:
        joint: (T,) which joint each top is, in order.
        xy: (T, 2) in map pixels.
        fields: (2 L, h, w) y and x of each limb's field in turn.
        limbs: L of them.
    """
    pairs = _facing(joint, xy, fields, limbs)
    pairs = pairs.at(_has_field(pairs, xy, fields))
    agrees = _agreement(pairs, xy, fields)
    score = agrees.mean(axis=1)
    enough = (agrees >= _AGREES).sum(axis=1) >= _LEAST_SHARE * _SAMPLES
    kept = np.flatnonzero(enough & (score >= _AGREES))
    score = np.clip(score[kept], 0, 1)
    return Links(pairs.limb[kept], pairs.start[kept], pairs.end[kept], score)


def _facing(
    joint: NDArray[np.intp], xy: NDArray[np.float64], fields: Floats, limbs: Limbs
) -> Links:
    """Every pair of the right joints whose line does not run against the field at its ends.

    There the field is looked up once for each top and not for each pair. One of two unit vectors
    with the mean f has the part |f|^2 along f. Where the ends are close together all pass.
    """
    table = _table(joint, int(limbs.ends.max(initial=-1)) + 1)
    num_tops = table.shape[1]
    # The last top stands for none: what is NaN is not larger than anything.
    place = np.append(xy, [[np.nan, np.nan]], axis=0).astype(np.float32).T[:, table]
    last_xy = fields.shape[2] - 1, fields.shape[1] - 1
    x, y = np.append(np.clip(xy, 0, last_xy), [[0, 0]], axis=0).astype(np.intp).T[:, table]
    found = [np.zeros((3, 0), np.intp)]
    step = max(_CHUNK // num_tops**2, 1)
    for first in range(0, len(limbs), step):
        limb = np.arange(first, min(first + step, len(limbs)))
        one, two = limbs.ends[limb].T
        along_x, along_y = place[:, two][:, :, None, :] - place[:, one][:, :, :, None]
        apart = np.sqrt(along_x**2 + along_y**2)
        faces = np.ones(apart.shape, np.bool_)
        for kind, shape in ((one, (-1, num_tops, 1)), (two, (-1, 1, num_tops))):
            field_y, field_x = (
                fields[2 * limb[:, None] + axis, y[kind], x[kind]].reshape(shape) for axis in (0, 1)
            )
            needed = _FACES * (field_y**2 + field_x**2) - _TOLERANCE
            faces &= along_y * field_y + along_x * field_x >= needed * apart
        at, start, end = np.nonzero(faces | (apart < _CLOSE))
        found.append(np.stack([limb[at], table[one[at], start], table[two[at], end]]))
    limb, start, end = np.concatenate(found, axis=1)
    return Links(limb, start, end, np.zeros(len(limb), np.float32))


def _table(joint: NDArray[np.intp], num_joints: int) -> NDArray[np.intp]:
    """(K, N) the tops of each joint, and -1 where it has fewer than the one that has most."""
    rank = np.arange(len(joint)) - np.searchsorted(joint, joint)
    table = np.full((num_joints, int(rank.max(initial=0)) + 1), -1, np.intp)
    is_in = joint < num_joints
    table[joint[is_in], rank[is_in]] = np.flatnonzero(is_in)
    return table


def _sampled(
    links: Links, xy: NDArray[np.float64], fields: Floats, number: int
) -> tuple[Floats, Floats]:
    """(M, ``number``) y and x of the field along each line, at the pixels nearest to it."""
    _, height, width = fields.shape
    share = (np.arange(number, dtype=np.float32) + np.float32(0.5)) / np.float32(number)
    start, end = xy[links.start].astype(np.float32), xy[links.end].astype(np.float32)
    x, y = (
        (start[:, axis, None] + (end - start)[:, axis, None] * share).astype(np.int32)
        for axis in (0, 1)
    )
    np.clip(x, 0, width - 1, out=x)
    np.clip(y, 0, height - 1, out=y)
    at = (2 * links.limb[:, None] * height + y) * width + x
    flat = fields.reshape(-1)
    return flat[at], flat[at + height * width]


def _has_field(links: Links, xy: NDArray[np.float64], fields: Floats) -> NDArray[np.bool_]:
    """(M,) whether there is anything to be measured on a line."""
    found = np.zeros(len(links), np.bool_)
    for first in range(0, len(links), _CHUNK // 4):
        some = slice(first, first + _CHUNK // 4)
        y, x = _sampled(links.at(some), xy, fields, _FIRST_SAMPLES)
        is_there = y * y + x * x >= _LEAST_FIELD**2
        found[some] = is_there.sum(axis=1) >= _FIRST_NEEDED
    return found


def _agreement(links: Links, xy: NDArray[np.float64], fields: Floats) -> Floats:
    """(M, S) how far the field points along a line, at most 1, at each of its samples.

    Two unit vectors with an angle 2 a between them have a mean of length cos a, and lie at the
    angles a and -a from it. So a field that is shorter than where nothing crosses it is compared
    turned by a, towards the line.
    """
    field_y, field_x = _sampled(links, xy, fields, _SAMPLES)
    along = (xy[links.end] - xy[links.start]).astype(np.float32)
    apart = np.hypot(along[:, 0], along[:, 1])
    along /= np.maximum(apart, 1e-6)[:, None]
    length = np.hypot(field_x, field_y)
    ahead = field_x * along[:, :1] + field_y * along[:, 1:]
    aside = np.abs(field_x * along[:, 1:] - field_y * along[:, :1])
    alone = np.partition(length, _ALONE, axis=1)[:, _ALONE, None]
    cosine = np.clip(length / np.maximum(alone, _LEAST_ALONE), 1e-3, 1)
    turn = np.sqrt(1 - cosine**2) / cosine * np.clip((length - _NOISE) / (_MEAN - _NOISE), 0, 1)
    found = ahead + aside * turn - _ASIDE * np.abs(aside - ahead * turn)
    sure = np.minimum(apart, 1)[:, None]
    return np.asarray(found * sure + length * (1 - sure), np.float32)


def unrivalled(links: Links, num_tops: int) -> NDArray[np.bool_]:
    """(M,) the links at whose ends no other link of the same limb is."""
    alone = np.ones(len(links), np.bool_)
    for top in (links.start, links.end):
        place = links.limb * num_tops + top
        alone &= np.bincount(place)[place] == 1
    return alone


def best_links(
    links: Links, joint: NDArray[np.intp], is_alone: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """(M,) which links are taken where each joint has one limb of a kind, and their sum is largest.

    Cao et al. 2019, equations 12 to 14, solved exactly (Kuhn, "The Hungarian method for the
    assignment problem", 1955) where the paper is greedy.

    Args:
        links: in order of their limbs; scores above 0.
        joint: (T,) which joint each top is, in order.
        is_alone: (M,) see `unrivalled`; these are taken in any case.
    """
    chosen = np.ones(len(links), np.bool_)
    rivals = np.flatnonzero(~is_alone)
    starts, ends = links.start[rivals], links.end[rivals]
    first_top = np.searchsorted(joint, np.arange(int(joint.max(initial=-1)) + 2)).tolist()
    bounds = np.flatnonzero(np.diff(links.limb[rivals], prepend=-1, append=-1)).tolist()
    for first, last in pairwise(bounds):
        those, start, end = rivals[first:last], starts[first:last], ends[first:last]
        kinds = joint[start[0]], joint[end[0]]
        shape = [first_top[kind + 1] - first_top[kind] for kind in kinds]
        at = start - first_top[kinds[0]], end - first_top[kinds[1]]
        score = np.zeros(shape, np.float32)
        score[at] = links.score[those]
        taken = np.zeros(shape, np.bool_)
        taken[linear_sum_assignment(score, maximize=True)] = True
        chosen[those] = taken[at]
    return chosen
