"""A contact sheet of a dataset: many pictures with their outlines on one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pixelwise import draw, stick
from pixelwise.datasets._look import even_sample
from pixelwise.findings import is_inside_out
from pixelwise.scan import Seen
from pixelwise.types import Annotation, Category, Image, Sample

_ON_SHEET = 48
_TILE_PX = 240
_COLUMNS = 8
# Neighbours by number get colours far apart; black would not show.
_COLORS = np.array(draw.palette(25)[1:], np.uint8)


def write_sheet(path: Path, seen: Sequence[Seen], categories: Sequence[Category]) -> None:
    """Up to 48 pictures with their outlines and joints as one PNG; doubtful masks come first.

    Instances are outlined one by one, neighbouring numbers in different colours.
    """
    is_binary = len(categories) == 2 and not any(each.is_thing for each in categories)
    doubtful = [each for each in seen if is_binary and is_inside_out(each)]
    first = doubtful[: _ON_SHEET // 2]
    rest = [each for each in seen if each not in first]
    even = [rest[index] for index in even_sample(len(rest), _ON_SHEET - len(first))]
    shown = [*first, *even]
    tiles = [_tile(each.sample, categories) for each in shown]
    captions = [each.sample.id for each in shown]
    path.parent.mkdir(parents=True, exist_ok=True)
    draw.write_png(path, draw.contact_sheet(tiles, captions, columns=_COLUMNS, tile_px=_TILE_PX))


def _tile(sample: Sample, categories: Sequence[Category]) -> Image:
    image = draw.fit(sample.read_image(), _TILE_PX)
    annotation = sample.read_annotation()
    if not len(annotation):
        return draw.outline(image, draw.fit_numbers(annotation.semantic, image), categories)
    return _draw_joints(_outline_each(image, annotation), annotation, categories)


def _outline_each(image: Image, annotation: Annotation) -> Image:
    """Each instance's border, one pixel wide, just inside it."""
    colors = _COLORS[np.arange(1, len(annotation) + 1) % len(_COLORS)]
    for layer in annotation.layers:
        numbers = draw.fit_numbers(layer, image).astype(np.int32)
        image = draw.instances(image, numbers, colors, alpha=0, width_px=1)
    return image


def _draw_joints(image: Image, annotation: Annotation, categories: Sequence[Category]) -> Image:
    """Everybody's limbs and known joints."""
    keypoints = annotation.keypoints
    skeletons = [category.skeleton for category in categories if category.skeleton is not None]
    if keypoints is None or not skeletons:
        return image
    scale = np.float32(image.shape[1] / annotation.size_hw[1])
    moved = keypoints * np.array([scale, scale, 1], np.float32)
    return stick.skeletons(image, moved, skeletons[0], "visibility")
