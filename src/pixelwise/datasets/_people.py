"""People who are told by a table of their joints, and are not all the people in their pictures.

Leeds Sports Pose marks the one a picture is about, MPII those who stand apart; opponents, referees
and bystanders are in the picture and in no table (in about a third of LSP's pictures). So what is
known of a picture is what lies around the people in the table; the rest is void, 255, as the masks
of those who are not labelled in Cao et al., "OpenPose: Realtime Multi-Person 2D Pose Estimation
using Part Affinity Fields", TPAMI 2019.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets._cases import Reader
from pixelwise.datasets._instances import thing_categories
from pixelwise.datasets._pictures import image_size_hw
from pixelwise.joints import around
from pixelwise.layers import touched
from pixelwise.types import IGNORE, Annotation, Category, LabelMap, Skeleton

FIRST_PIXEL_MIDDLE = -0.5
"""From the number of a pixel, counted from 1 as MATLAB does, to the middle of that pixel."""

VOID_NOTE = "Not everybody in the pictures is marked: what lies apart from the people is left out."

# Hands, feet and hair lie beyond the joints; this share of the person's longer side takes them in.
_MARGIN = 0.2

Boxes = NDArray[np.float32]


def person_categories(skeleton: Skeleton) -> tuple[Category, ...]:
    """The background, and people with these joints."""
    background, person = thing_categories(["person"])
    return background, replace(person, skeleton=skeleton)


def people_reader(skeleton: Skeleton) -> Reader:
    """A reader of cases that hold keypoints (M, K, 3), and boxes (M, 4) or None."""
    return partial(_read, skeleton.mirrored)


def _read(
    mirrored: tuple[int, ...],
    keypoints: NDArray[np.float32],
    boxes: Boxes | None,
    image: Path,
    _files: tuple[Path, ...],
) -> Annotation:
    count = len(keypoints)
    return Annotation(
        _known_around(keypoints, image_size_hw(image)),
        labels=np.ones(count, np.int64),
        crowd=np.zeros(count, np.bool_),
        keypoints=keypoints,
        mirrored=mirrored,
        boxes=boxes,
    )


def _known_around(keypoints: NDArray[np.float32], size_hw: tuple[int, int]) -> LabelMap:
    """(H, W) 0 around each of the people, void elsewhere."""
    semantic = np.full(size_hw, IGNORE, np.uint8)
    is_known = keypoints[..., 2] > 0
    there = is_known.any(axis=1)
    for left, top, right, bottom in around(keypoints[there], is_known[there]):
        margin = _MARGIN * max(right - left, bottom - top)
        box = left - margin, top - margin, right + margin, bottom + margin
        semantic[touched(box)] = 0
    return semantic
