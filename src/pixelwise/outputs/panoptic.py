"""Panoptic segmentations as files: as instances, and in COCO's panoptic format.

The format: Kirillov et al., "Panoptic Segmentation", CVPR 2019, as COCO's panoptic task writes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise import colors, rle
from pixelwise.draw import write_png
from pixelwise.outputs import Picture, _segments
from pixelwise.outputs._files import growing_list, shrunk, write_overlay
from pixelwise.regions import Regions
from pixelwise.types import Category, Image, Panoptic, source_ids

SHARED = ("instances.csv", "coco_results.json", "panoptic.json")


def files(name: str, *, probs: bool) -> tuple[str, ...]:
    """What is written about the picture with this name."""
    return f"{name}_ids.png", f"{name}_overlay.jpg", f"panoptic/{name}.png"


@dataclass(frozen=True)
class PanopticOutput:
    """Id maps go to ``folder``; tables take the things, COCO's panoptic files every segment."""

    folder: Path
    shared: _segments.Shared
    add_annotation: Callable[[Any], None]
    images: list[dict[str, Any]] = field(default_factory=list)

    def write(self, picture: Picture, image: Image, result: Panoptic) -> dict[str, Any]:
        """``NAME_ids.png``, ``NAME_overlay.jpg``, ``panoptic/NAME.png``, and what is for all."""
        regions = _segments.examine(picture, image, result)
        stem, things = self.folder / picture.name, _things(result)
        _segments.write_ids(stem, result)
        write_overlay(stem.with_name(f"{stem.name}_overlay.jpg"), draw(shrunk(image), result))
        self.shared.write(picture, result, regions, things)
        self._write_coco(picture, result, regions)
        segments = _segments.describe(result, regions)
        for segment, label in zip(segments, result.labels, strict=True):
            segment["is_thing"] = result.categories[label].is_thing
        return {
            "ids": f"{picture.name}_ids.png",
            "panoptic": f"panoptic/{picture.name}.png",
            "size_hw": list(result.id_map.shape),
            "counts": _segments.counts(result, things),
            "segments": segments,
        }

    def _write_coco(self, picture: Picture, result: Panoptic, regions: Regions) -> None:
        height, width = result.id_map.shape
        write_png(
            self.folder / "panoptic" / f"{picture.name}.png", rle.colors_of_ids(result.id_map)
        )
        self.images.append(
            {
                "id": picture.number,
                "file_name": picture.file_name,
                "height": height,
                "width": width,
            }
        )
        self.add_annotation(
            {
                "image_id": picture.number,
                "file_name": f"{picture.name}.png",
                "segments_info": _segments_info(result, regions),
            }
        )


def draw(image: Image, result: Panoptic) -> Image:
    """Each segment in its colour, with its name, on the picture at any size."""
    pick = partial(colors.of_segments, labels=result.labels, categories=result.categories)
    return _segments.tinted(image, result, pick, named=True, alpha=0.5)


@contextmanager
def build(
    folder: Path, categories: tuple[Category, ...], *, probs: bool
) -> Iterator[PanopticOutput]:
    """As for instances, and ``panoptic.json`` with the pictures in ``panoptic/``.

    Raises:
        PixelwiseError: probabilities are asked for.
    """
    images: list[dict[str, Any]] = []
    head = f'{{"categories": {json.dumps(_categories(categories))},\n"annotations": '
    with (
        _segments.open_shared(folder, probs=probs) as shared,
        growing_list(
            folder / "panoptic.json", head, lambda: f',\n"images": {json.dumps(images)}}}'
        ) as add,
    ):
        yield PanopticOutput(folder, shared, add, images)


def _things(result: Panoptic) -> list[int]:
    """The segments that are things, by index."""
    is_thing = np.array([category.is_thing for category in result.categories], np.bool_)
    found: list[int] = np.flatnonzero(is_thing[result.labels]).tolist()
    return found


def _categories(categories: tuple[Category, ...]) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "name": category.name,
            "isthing": int(category.is_thing),
            "color": list(category.color),
        }
        for number, category in zip(source_ids(categories), categories, strict=True)
    ]


def _segments_info(result: Panoptic, regions: Regions) -> list[dict[str, Any]]:
    """Each segment as COCO's files describe it; boxes are x, y, width, height."""
    corners = regions.boxes_xyxy
    boxes = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]]).tolist()
    numbers = source_ids(result.categories)
    return [
        {
            "id": index + 1,
            "category_id": numbers[label],
            "isthing": int(result.categories[label].is_thing),
            "iscrowd": 0,
            "area": int(regions.area_px[index]),
            "bbox": boxes[index],
            "score": round(float(result.scores[index]), 4),
        }
        for index, label in enumerate(result.labels.tolist())
    ]
