"""COCO panoptic: annotations/panoptic_PART.json, panoptic_PART/ with PNG files, pictures in PART/.

Every pixel belongs to one segment: R + 256 G + 65536 B is its id, 0 is void. Where things overlap,
the smaller is seen. Kirillov et al.: Panoptic segmentation, 2019.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise import rle
from pixelwise.datasets import Dataset
from pixelwise.draw import write_png
from pixelwise.files import write_text
from pixelwise.layers import boxes
from pixelwise.types import IGNORE, Annotation, Category, source_ids
from pixelwise.writers._objects import Losses, box_xywh, count_joints, part, sentences
from pixelwise.writers._pictures import NO_PART, beside, by_part, copy_picture, with_part
from pixelwise.writers.coco import Entry, image_entry

# The golden part of 2 ** 24: being odd, it gives every number another id, and it gives neighbours
# colours that a person can tell apart (multiplicative hashing, Knuth, TAOCP 6.4).
_SPREAD = 10_368_889


def write(dataset: Dataset, out: Path, on_progress: Callable[[int], None]) -> list[str]:
    """Write classes and objects; where objects overlap, only the smaller can be held.

    Raises:
        PixelwiseError: an annotation cannot be read.
    """
    losses = Losses()
    for name, samples in by_part(dataset, on_progress):
        images: list[Entry] = []
        annotations: list[Entry] = []
        folder = with_part("panoptic", name)
        for sample in samples:
            picture = copy_picture(sample, out / (name or NO_PART))
            annotation = sample.read_annotation()
            images.append(image_entry(len(images) + 1, picture, annotation))
            place, segments = _segments(annotation, dataset.categories, losses)
            png = beside(picture, ".png")
            (out / "annotations" / folder / png).parent.mkdir(parents=True, exist_ok=True)
            write_png(out / "annotations" / folder / png, _colored(place))
            annotations.append(
                {"image_id": images[-1]["id"], "file_name": png, "segments_info": segments}
            )
        numbers = source_ids(dataset.categories, first=1)
        categories = [_category(*pair) for pair in zip(numbers, dataset.categories, strict=True)]
        text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
        write_text(out / "annotations" / f"{folder}.json", text)
    return sentences(losses)


def _segments(
    annotation: Annotation, categories: tuple[Category, ...], losses: Losses
) -> tuple[NDArray[np.int32], list[Entry]]:
    """(H, W) int32 number of the segment at each pixel, 0 = void, and the segments from 1 on."""
    things = _on_top(annotation)
    found = things.copy()
    stuff = [
        place
        for place in np.unique(annotation.semantic[things == 0]).tolist()
        if place != IGNORE and not categories[place].is_thing
    ]
    count = len(annotation)
    for number, place in enumerate(stuff, start=count + 1):
        found[(things == 0) & (annotation.semantic == place)] = number
    labels = [*annotation.labels.tolist(), *stuff]
    crowd = [*annotation.crowd.tolist(), *(False for _ in stuff)]
    pixels = np.bincount(found.ravel(), minlength=len(labels) + 1)
    places = boxes(found[None], len(labels))
    _count_losses(annotation, pixels, losses)
    numbers = source_ids(categories, first=1)
    entries = [
        {
            "id": _id(number),
            "category_id": numbers[label],
            "area": int(pixels[number]),
            "bbox": box_xywh(places[number - 1]),
            "iscrowd": int(crowd[number - 1]),
        }
        for number, label in enumerate(labels, start=1)
        if pixels[number]
    ]
    return found, entries


def _on_top(annotation: Annotation) -> NDArray[np.int32]:
    """(H, W) int32: instance + 1 at each pixel; crowds lie lowest, and the smallest highest."""
    found = np.zeros(annotation.size_hw, np.int32)
    if len(annotation.layers) == 1:
        found[:] = annotation.layers[0]
        return found
    sizes, places = annotation.areas_px, boxes(annotation.layers, len(annotation))
    order = sorted(range(len(annotation)), key=lambda k: (not annotation.crowd[k], -sizes[k]))
    for index in order:
        box = places[index]
        if box is not None:
            found[box][part(annotation, index, box)] = index + 1
    return found


def _count_losses(annotation: Annotation, pixels: NDArray[np.intp], losses: Losses) -> None:
    before = annotation.areas_px
    after = pixels[1 : len(annotation) + 1]
    losses["{} instances lie partly under a smaller one, and lose what is under it."] += int(
        ((after < before) & (after > 0)).sum()
    )
    losses["{} instances are left out: smaller ones cover them, or they have no pixel."] += int(
        (after == 0).sum()
    )
    count_joints(annotation, losses)


def _id(number: int) -> int:
    return number * _SPREAD % 2**24


def _colored(place: NDArray[np.int32]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: the ids of segments as colours."""
    numbers = np.arange(int(place.max(initial=0)) + 1, dtype=np.int64)
    return rle.colors_of_ids((numbers * _SPREAD % 2**24)[place])


def _category(number: int, category: Category) -> dict[str, Any]:
    return {
        "id": number,
        "name": category.name,
        "supercategory": category.name,
        "isthing": int(category.is_thing),
        "color": list(category.color),
    }
