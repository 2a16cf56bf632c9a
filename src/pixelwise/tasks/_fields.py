"""Poses as heatmaps and fields: a top on every joint, and a direction along every limb.

Cao et al., "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields",
TPAMI 2019, section 3: the heatmap of a joint has a top where anybody's is, and the field of a
limb points from one of its joints to the other wherever anybody's limb is, so that joints can be
told which of them belong together.

Where this departs from the paper: tops are as wide as annotators scatter, which grows with the
person and differs from joint to joint, so that small people in a crowd stay apart and nobody's hip
is pinned down more finely than anyone could say where it is; limbs are as wide as their person is
large; and a limb fades out over the last map pixel, so that its place is known to less than one.

Everything is drawn at once, in small patches around the joints and strips along the limbs: the
time it takes grows with the people, not with people times maps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.joints import BOX_SHARE, Jointed, around, jointed
from pixelwise.limbs import Limbs
from pixelwise.losses import heatmap
from pixelwise.maps import area_pool
from pixelwise.tasks._strips import strips
from pixelwise.types import IGNORE, Annotation, Category, Skeleton

# A heatmap of 0 means so much; see `_centers`. A joint is rarer than a centre, by about three in
# the logit: with the same prior the ground would cost a lone person's tops many times over.
PRIOR = -7.0
"""The joint maps are logits above this one: probability = sigmoid(map + PRIOR)."""

Floats = NDArray[np.float64]
Maps = NDArray[np.float32]

# Bounds of a top's standard deviation, in map pixels: narrower ones fall between pixels.
_LEAST_SIGMA, _MOST_SIGMA = 1.0, 4.0
# A top is drawn as far as so many of its deviations, where it is a thousandth; patches reach as
# far as multiples of so many map pixels.
_REACH, _PATCHES = 3.7, 4
# Half the width of a limb, of the root of its person's area, and its bounds in map pixels.
_WIDTH, _LEAST_WIDTH, _MOST_WIDTH = 0.05, 1.0, 3.0
# What a heatmap of 0 costs over the sum of the target: -PRIOR - pi^2 / 6 on a Gaussian (the
# integral of its Kullback-Leibler divergence), and a little on the ground.
_BLIND = 5.5
# About what the smallest person adds to the target of a joint or a limb, in map pixels.
_LEAST_TARGET = 6.0


def encode(
    annotation: Annotation,
    categories: Sequence[Category],
    skeleton: Skeleton,
    limbs: Limbs,
    factor: int,
) -> dict[str, Maps]:
    """Targets of heatmaps and fields, and their weights.

    Joints that are hidden are learned as those that are seen. A joint that is not labelled is no
    target, although it may be in the picture: the weight is one for all joints of a pixel, and
    without its person's pixels those that are labelled would be lost as well.

    Args:
        annotation: see `Task.encode`.
        categories: what its labels mean.
        skeleton: K joints.
        limbs: L of them, the skeleton's.
        factor: pixels of the annotation along the side of a map pixel.

    Returns:
        "joint" (K, h, w) in [0, 1], "limb" (2 L, h, w) with y and x of each limb's direction in
        turn, of length 1 or less, and "<name>_weight" (1, h, w): the share of a pixel that is
        known and no crowd's nor anybody's without labelled joints, and all of it on the joints and
        limbs of those who have some. "limb" is left out where L is 0.
    """
    people = jointed(annotation, categories)
    size_hw = annotation.size_hw[0] // factor, annotation.size_hw[1] // factor
    known = _known(annotation, people, factor)
    xy = people.keypoints[..., :2].astype(np.float64) / factor
    is_known = (people.keypoints[..., 2] > 0) & ~people.crowd[:, None]
    root = _root_area(people) / factor
    sigma = np.clip(root[:, None] * skeleton.sigmas, _LEAST_SIGMA, _MOST_SIGMA)
    joint = tops(xy, is_known, sigma, size_hw)
    found = {"joint": joint, "joint_weight": np.maximum(known, joint.max(axis=0))[None]}
    if len(limbs):
        width = np.clip(_WIDTH * root, _LEAST_WIDTH, _MOST_WIDTH)
        limb, covered = fields(xy, is_known, width, limbs, size_hw)
        found |= {"limb": limb, "limb_weight": np.maximum(known, covered)[None]}
    return found


def _root_area(people: Jointed) -> Floats:
    """(M,) root of each person's area in pixels, which does not shrink where they leave the view.

    Their pixels do, and a hand in the foreground would look like a person far away; the box
    around the joints, those outside among them, stays.
    """
    boxes = around(people.keypoints, people.keypoints[..., 2] > 0)
    from_joints = BOX_SHARE * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return np.asarray(np.sqrt(np.maximum(people.areas_px, from_joints)))


def _known(annotation: Annotation, people: Jointed, factor: int) -> Maps:
    """(h, w) the share of each map pixel of which can be said whether it is a joint."""
    is_known = annotation.semantic != IGNORE
    nobody_says = ~people.is_labelled
    if not nobody_says.any():
        return area_pool(is_known.astype(np.float32), factor)
    number = np.zeros(len(annotation) + 1, np.bool_)
    number[people.places[nobody_says] + 1] = True
    for layer in annotation.layers:
        is_known &= ~number[layer]
    known = area_pool(is_known.astype(np.float32), factor)
    if annotation.boxes is not None:
        has_pixels = annotation.areas_px[people.places] > 0
        boxes = people.boxes[nobody_says & ~has_pixels] / factor
        known = np.minimum(known, 1 - _covered(boxes, (known.shape[0], known.shape[1])))
    return known


def _covered(boxes: Floats, size_hw: tuple[int, int]) -> Maps:
    """(h, w) the share of each pixel that boxes (M, 4) xyxy cover."""
    along_x, along_y = (
        np.clip(
            np.minimum(boxes[:, axis + 2, None], np.arange(length) + 1)
            - np.maximum(boxes[:, axis, None], np.arange(length)),
            0,
            1,
        )
        for axis, length in ((0, size_hw[1]), (1, size_hw[0]))
    )
    return np.asarray(np.minimum(along_y.T @ along_x, 1), np.float32)


def tops(xy: Floats, is_known: NDArray[np.bool_], sigma: Floats, size_hw: tuple[int, int]) -> Maps:
    """Heatmaps with a Gaussian on every joint: of several the highest, so that tops stay apart.

    Cao et al. 2019, equations 6 and 7. A joint outside the maps has no top.

    Args:
        xy: (M, K, 2) in map pixels; not rounded to any.
        is_known: (M, K).
        sigma: (M, K) in map pixels.
        size_hw: h, w.

    Returns:
        (K, h, w) float32 in [0, 1].
    """
    height, width = size_hw
    is_in = is_known & ((xy >= 0) & (xy < (width, height))).all(axis=-1)
    channel, at, spread = np.nonzero(is_in)[1], xy[is_in], sigma[is_in]
    # In steps, so that one person in the foreground makes nobody else's patches large.
    beyond = (_PATCHES * np.ceil((_REACH * spread + 0.5) / _PATCHES)).astype(np.int64)
    margin = int(beyond.max(initial=0))
    # On a canvas with a margin every patch lies inside.
    canvas = np.zeros((xy.shape[1], height + 2 * margin, width + 2 * margin), np.float32)
    for size in np.unique(beyond):
        part = beyond == size
        _raise(canvas, channel[part], at[part] + margin, spread[part], int(size))
    inside = slice(margin, margin + height), slice(margin, margin + width)
    return np.ascontiguousarray(canvas[:, *inside])


def _raise(canvas: Maps, channel: NDArray[np.intp], at: Floats, sigma: Floats, beyond: int) -> None:
    """Raise a canvas (K, H, W) to the height of Gaussians, ``beyond`` pixels around each.

    Args:
        channel: (P,). at: (P, 2) x and y. sigma: (P,).
    """
    around_xy = np.floor(at).astype(np.int64)[:, :, None] + np.arange(-beyond, beyond + 1)
    apart = around_xy + 0.5 - at[:, :, None]
    along = np.exp(-(apart**2) / (2 * sigma[:, None, None] ** 2)).astype(np.float32)
    rows = (channel[:, None] * canvas.shape[1] + around_xy[:, 1]) * canvas.shape[2]
    np.maximum.at(
        canvas.reshape(-1),
        (rows[:, :, None] + around_xy[:, 0, None]).reshape(-1),
        (along[:, 1, :, None] * along[:, 0, None]).reshape(-1),
    )


def fields(
    xy: Floats, is_known: NDArray[np.bool_], width: Floats, limbs: Limbs, size_hw: tuple[int, int]
) -> tuple[Maps, Maps]:
    """Part-affinity fields: where a limb is, the unit vector along it; of several their mean.

    Cao et al. 2019, equations 8 and 9. A pixel counts by its share in a limb: all of it up to half
    a pixel inside its edge, nothing half a pixel outside. A limb that leaves the maps has its
    part in them; one whose joints are in one place has no direction and is none.

    Args:
        xy: (M, K, 2) in map pixels.
        is_known: (M, K); a limb needs both of its joints.
        width: (M,) the greatest distance from a limb that still is in it, in map pixels.
        limbs: L of them.
        size_hw: h, w.

    Returns:
        (2 L, h, w) float32 with y and x of each limb's mean in turn, and (h, w) float32 in [0, 1]:
        how far any limb covers a pixel.
    """
    person, limb = np.nonzero(is_known[:, limbs.ends].all(axis=-1))
    start, end = (xy[person, limbs.ends[limb, side]] for side in (0, 1))
    length = np.linalg.norm(end - start, axis=1)
    there = length > 1e-6
    limb, start, length, reach = limb[there], start[there], length[there], width[person][there]
    unit = (end[there] - start) / length[:, None]
    which, pixel, share = strips(start, unit, length, reach + 0.5, size_hw)
    num_pixels = size_hw[0] * size_hw[1]
    at = limb[which] * num_pixels + pixel
    total = np.zeros(len(limbs) * num_pixels, np.float32)
    np.add.at(total, at, share)
    field = np.zeros(2 * total.size, np.float32)
    for axis, along in ((0, 1), (1, 0)):
        place = at + (limb[which] + axis) * num_pixels
        np.add.at(field, place, share * unit[which, along].astype(np.float32))
        several = place[total[at] > 1]
        field[several] = field[several] / total[at[total[at] > 1]]
    covered = total.reshape(len(limbs), *size_hw).max(axis=0, initial=0.0)
    return field.reshape(2 * len(limbs), *size_hw), np.minimum(covered, 1)


def joint_loss(maps: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """What wrong heatmaps cost: `pixelwise.losses.heatmap`, about 1 where they are 0 everywhere.

    Where hardly anybody is in a batch it counts as holding one small person a picture, so that
    the ground alone costs no more than it does elsewhere.

    Args:
        maps: (B, K, h, w) logits above `PRIOR`.
        target, weight: see `encode`.
    """
    return heatmap(maps + PRIOR, target, weight, _least(target)) / _BLIND


def limb_loss(maps: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """What wrong fields cost: squared error over the sum of squares, 1 where they are 0 everywhere.

    Cao et al. 2019, equation 5, whose sum over pixels would grow with the people. For batches with
    hardly anybody see `joint_loss`.

    Args:
        maps: (B, 2 L, h, w).
        target, weight: see `encode`.
    """
    wrong = ((maps - target).square() * weight).sum()
    return wrong / (target.square() * weight).sum().clamp(min=_least(target))


def _least(target: Tensor) -> float:
    """The least that targets (B, C, h, w) count for."""
    return _LEAST_TARGET * target.shape[0] * target.shape[1]
