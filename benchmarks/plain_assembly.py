"""The published algorithm, written down step by step: what `pixelwise.tasks._assembly` is against.

Cao et al., "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", TPAMI
2019, section 3: smoothed maps whose pixels higher than their four neighbours are joints, ten
samples on the line between every two of them, limbs taken greedily one kind after the other,
people put together limb by limb. In loops, as most programs that follow the paper do it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.special import expit

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
_SMOOTH, _LEAST_JOINT = 1.0, 0.1
_SAMPLES, _LEAST_DOT, _LEAST_SHARE = 10, 0.05, 0.8
_LEAST_JOINTS = 3

Top = tuple[float, float, float]
Limb = tuple[int, int, float]


def assemble(
    joint: NDArray[np.float32], limb: NDArray[np.float32], ends: NDArray[np.int64], prior: float
) -> NDArray[np.float32]:
    """(N, K, 3) x, y and probability in map pixels, NaN, NaN, 0 for a joint that was not found."""
    tops = [_tops(expit(channel + prior)) for channel in joint]
    people: list[dict[int, int]] = []
    for number, (one, two) in enumerate(ends.tolist()):
        field_y, field_x = limb[2 * number], limb[2 * number + 1]
        for start, end, _ in _taken(_candidates(tops[one], tops[two], field_x, field_y)):
            _add(people, one, start, two, end)
    people = [person for person in people if len(person) >= _LEAST_JOINTS]
    found = np.full((len(people), len(joint), 3), (np.nan, np.nan, 0), np.float32)
    for row, person in zip(found, people, strict=True):
        for kind, number in person.items():
            row[kind] = tops[kind][number]
    return found


def _tops(heatmap: NDArray[np.float32]) -> list[Top]:
    smooth = gaussian_filter(heatmap, _SMOOTH)
    is_top = (smooth == maximum_filter(smooth, footprint=_CROSS)) & (smooth > _LEAST_JOINT)
    y, x = np.nonzero(is_top)
    return [
        (float(u) + 0.5, float(v) + 0.5, float(heatmap[v, u])) for u, v in zip(x, y, strict=True)
    ]


def _candidates(
    starts: list[Top], ends: list[Top], field_x: NDArray[np.float32], field_y: NDArray[np.float32]
) -> list[Limb]:
    height = len(field_x)
    found = []
    for number, start in enumerate(starts):
        for other, end in enumerate(ends):
            along = np.array([end[0] - start[0], end[1] - start[1]])
            length = float(np.linalg.norm(along))
            if length == 0:
                continue
            along /= length
            dots = []
            for share in np.linspace(0, 1, _SAMPLES):
                x = int(start[0] + share * (end[0] - start[0]))
                y = int(start[1] + share * (end[1] - start[1]))
                dots.append(field_x[y, x] * along[0] + field_y[y, x] * along[1])
            score = float(np.mean(dots)) + min(0.5 * height / length - 1, 0)
            agrees = sum(dot > _LEAST_DOT for dot in dots)
            if agrees >= _LEAST_SHARE * _SAMPLES and score > 0:
                found.append((number, other, score))
    return found


def _taken(candidates: list[Limb]) -> list[Limb]:
    starts, ends, taken = set(), set(), []
    for start, end, score in sorted(candidates, key=lambda limb: -limb[2]):
        if start not in starts and end not in ends:
            starts.add(start)
            ends.add(end)
            taken.append((start, end, score))
    return taken


def _add(people: list[dict[int, int]], one: int, start: int, two: int, end: int) -> None:
    """A limb joins the person that has one of its ends, or two who have one each."""
    having = [person for person in people if person.get(one) == start or person.get(two) == end]
    if not having:
        people.append({one: start, two: end})
    elif len(having) == 1:
        person = having[0]
        person.setdefault(one, start)
        person.setdefault(two, end)
    elif not having[0].keys() & having[1].keys():
        having[0].update(having[1])
        people[:] = [person for person in people if person is not having[1]]
