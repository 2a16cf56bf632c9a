"""Instances as centres and offsets: what instance and panoptic segmentation share.

Cheng et al., "Panoptic-DeepLab", CVPR 2020: a heatmap has a top at the centre of every thing, and
every pixel of a thing says how far away its centre is. A pixel belongs to the centre nearest to
the place it points at.

Where this departs from the paper: a centre lies on its own thing, so that a ring and the disc in
it have two; tops are as wide as their thing is large, so that small ones in a crowd stay apart;
offsets are known a little beyond the border, so that enlarging the maps mixes nothing
undefined in; the nearest centre is looked up in a map of them, whose cost does not grow with
their number.

Two things whose centres fall into one map pixel cannot be told apart, and each pixel of the
picture goes to one thing: `pixelwise check` counts where that matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from pixelwise.geometry import Warp
from pixelwise.losses import heatmap
from pixelwise.maps import area_pool, nearest, peaks
from pixelwise.types import IGNORE, Annotation

MAPS = {"center": 1, "offset": 2}
"""Map name -> channels: heatmap logits above `PRIOR`; (dy, dx) to the centre in 8 map pixels."""

# A weight of about 1 in the network's last layer then moves a pixel as far as things are wide.
_UNIT = 8.0
# Standard deviation of a top, of the root of its thing's area, and its bounds in map pixels.
_SIGMA, _LEAST_SIGMA, _MOST_SIGMA = 0.15, 1.0, 4.0
_BEYOND = 2.0
# Hardly any pixel is a centre: a heatmap of 0 means so much, and nothing has to be learned of it
# first (Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, section 4.1).
PRIOR = -4.0
# Centres are farther apart than this many map pixels.
_REACH = 3
# A top this sure is a centre.
_THRESHOLD = 0.15
_EPS = 1e-6
THRESHOLDS = {
    "center": _THRESHOLD,
    "center_prior": PRIOR,
    "center_reach": float(_REACH),
    "offset_unit": _UNIT,
}
"""What decoding needs to know: a top of the heatmap's probability, its reach and the offsets' unit
in map pixels."""


def encode(annotation: Annotation, factor: int) -> dict[str, NDArray[np.float32]]:
    """Targets of both maps, and their weights.

    Args:
        annotation: see `Task.encode`. Crowds are nobody's.
        factor: pixels of the annotation along the side of a map pixel.

    Returns:
        "center" (1, h, w) in [0, 1], "offset" (2, h, w), and "<name>_weight" (1, h, w): of the
        heatmap the known share, of the offsets that where something is within two map pixels.
    """
    known = area_pool((annotation.semantic != IGNORE).astype(np.float32), factor)
    size_hw = known.shape[0], known.shape[1]
    whole = _flat(annotation)
    area = np.bincount(whole.ravel(), minlength=len(annotation) + 1)
    if not area[1:].any():
        nothing = np.zeros((1, *size_hw), np.float32)
        return {
            "center": nothing,
            "center_weight": known[None],
            "offset": np.zeros((2, *size_hw), np.float32),
            "offset_weight": nothing,
        }
    center_yx = _centers(whole, area) / factor
    owner, distance = _owners(whole, center_yx, area, factor)
    rows, columns = np.ogrid[0.5 : size_hw[0], 0.5 : size_hw[1]]
    away = center_yx.astype(np.float32)[owner]
    offset = np.stack([away[..., 0] - rows, away[..., 1] - columns]).astype(np.float32)
    sigma = np.clip(_SIGMA * np.sqrt(area) / factor, _LEAST_SIGMA, _MOST_SIGMA).astype(np.float32)
    heat = np.exp(-(offset**2).sum(axis=0) / (2 * sigma[owner] ** 2))
    return {
        "center": heat[None],
        "center_weight": known[None],
        "offset": offset / np.float32(_UNIT),
        "offset_weight": (known * (distance <= _BEYOND))[None].astype(np.float32),
    }


def _flat(annotation: Annotation) -> NDArray[np.uint16]:
    """(H, W) the instance at every pixel, 0 = none or a crowd; of several the smallest."""
    layers = annotation.layers
    if not len(layers):
        return np.zeros(annotation.size_hw, np.uint16)
    number = np.arange(len(annotation) + 1, dtype=np.uint16)
    number[1:][annotation.crowd] = 0
    if len(layers) == 1:
        return np.asarray(number[layers[0]], np.uint16)
    area = np.bincount(layers.ravel(), minlength=len(number))
    area[number == 0] = area.max() + 1
    top = np.take_along_axis(layers, area[layers].argmin(axis=0)[None], axis=0)[0]
    return np.asarray(number[top], np.uint16)


def _centers(whole: NDArray[np.uint16], area: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N + 1, 2) y and x of the centre of mass, or of the thing's own pixel nearest to it."""
    rows = np.arange(whole.shape[0]) + 0.5
    columns = np.arange(whole.shape[1]) + 0.5
    y, x = np.nonzero(whole)
    ids = whole[y, x]
    count = np.maximum(area, 1)
    sums = [np.bincount(ids, values, len(area)) for values in (rows[y], columns[x])]
    center = np.stack(sums, axis=1) / count[:, None]
    at = whole[center[:, 0].astype(int), center[:, 1].astype(int)]
    is_off = (at != np.arange(len(area))) & (area > 0)
    is_off[0] = False
    for number in np.flatnonzero(is_off):
        own = np.stack([rows[y[ids == number]], columns[x[ids == number]]], axis=1)
        center[number] = own[((own - center[number]) ** 2).sum(axis=1).argmin()]
    return center


def _owners(
    whole: NDArray[np.uint16],
    center_yx: NDArray[np.float64],
    area: NDArray[np.int64],
    factor: int,
) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """(h, w) the thing that is nearest to every map pixel, and how far that is in map pixels."""
    owner = np.ascontiguousarray(whole[factor // 2 :: factor, factor // 2 :: factor])
    there = np.flatnonzero(area[1:]) + 1
    # Even a thing smaller than a map pixel has one.
    owner[tuple(center_yx[there].astype(int).T)] = there
    distance, places = cv2.distanceTransformWithLabels(
        (owner == 0).astype(np.uint8),
        cv2.DIST_L2,
        cv2.DIST_MASK_5,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    of_place = np.zeros(int(places.max()) + 1, np.uint16)
    of_place[places[owner > 0]] = owner[owner > 0]
    return of_place[places], np.asarray(distance, np.float32)


def loss(maps: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What wrong centres and offsets cost, each about 1 for a network that knows nothing.

    "center": `pixelwise.losses.heatmap`: a centre costs the same in a crowd and alone. "offset":
    absolute error over the mean length of the offsets, so that neither the size of things nor
    that of the picture sets its scale.
    """
    center = heatmap(maps["center"] + PRIOR, targets["center"], targets["center_weight"])
    weight = targets["offset_weight"]
    wrong = ((maps["offset"] - targets["offset"]).abs() * weight).sum()
    offset = wrong / (targets["offset"].abs() * weight).sum().clamp(min=_EPS)
    return {"center": center, "offset": offset}


def flipped(maps: Mapping[str, Tensor], axes: tuple[int, ...]) -> dict[str, Tensor]:
    """Maps of a mirrored picture, mirrored back: offsets along a mirrored axis change sign."""
    found = {name: torch.flip(values, dims=axes) for name, values in maps.items()}
    sign = torch.ones(2, device=found["offset"].device)
    for axis in axes:
        sign[axis + 2] = -1
    return {**found, "offset": found["offset"] * sign[:, None, None]}


@dataclass(frozen=True)
class Centers:
    """The centres found in maps: the place and the sureness of each.

    ``xy``: (N, 2) in map pixels. ``scores``: (N,) float32 in [0, 1]. ``owner``: (h, w) uint16,
    the nearest centre of every map pixel, counted from 1.
    """

    xy: NDArray[np.float64]
    scores: NDArray[np.float32]
    owner: NDArray[np.uint16]

    @classmethod
    def of(cls, heat: NDArray[np.float32], warp: Warp) -> Centers:
        """The tops of a heatmap (h, w), logits, that lie in the picture."""
        logit = float(np.log(_THRESHOLD / (1 - _THRESHOLD)))
        _, xy, heights = peaks(heat[None], logit - PRIOR, _REACH)
        home = warp.points_back(xy, heat.shape)
        height, width = warp.source_hw
        is_in = ((home >= 0) & (home < (width, height))).all(axis=1)
        # An id map holds so many; the surest stay.
        best = np.argsort(-heights[is_in], kind="stable")[:65_535]
        xy, heights = xy[is_in][best], heights[is_in][best]
        size_hw = heat.shape[0], heat.shape[1]
        owner = nearest(xy, size_hw) if len(xy) else np.zeros(size_hw, np.uint16)
        return cls(xy, expit(heights + np.float32(PRIOR)), owner)

    def assign(self, offset: NDArray[np.float32], rows: slice, warp: Warp) -> NDArray[np.uint16]:
        """The centre that each pixel of a strip of the picture points at, counted from 1.

        Args:
            offset: (2, rows, W) at the picture's own size.
            rows: of the picture, that the strip covers.
            warp: from the picture to the working size.
        """
        scale = np.diag(1 / warp.stride_xy(self.owner.shape))
        move = scale @ warp.matrix[:2]
        x = np.arange(offset.shape[2], dtype=np.float32) + np.float32(0.5)
        y = (np.arange(rows.start, rows.stop, dtype=np.float32) + np.float32(0.5))[:, None]
        # Half a pixel less: for OpenCV a pixel's centre is an integer.
        at_x, at_y = offset[1] * np.float32(_UNIT), offset[0] * np.float32(_UNIT)
        for at, (along_x, along_y, shift) in ((at_x, move[0]), (at_y, move[1])):
            at += x * np.float32(along_x)
            at += y * np.float32(along_y) + np.float32(shift - 0.5)
        return cv2.remap(  # type: ignore[return-value]
            self.owner, at_x, at_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
        )

    def home(self, warp: Warp) -> NDArray[np.int64]:
        """(N, 2) the picture's pixel (x, y) under each centre."""
        points = warp.points_back(self.xy, self.owner.shape)
        height, width = warp.source_hw
        return np.clip(points.astype(np.int64), 0, (width - 1, height - 1))
