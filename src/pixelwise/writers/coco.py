"""COCO instances: annotations/instances_PART.json, the pictures in PART/.

Masks are written as run-length codes, which keep every pixel; ``iscrowd`` and joints are kept. Who
is not outlined is written with a box and without "segmentation"; the area is then the share of the
box that people fill.
Without parts it is annotations/instances.json and images/. Lin et al.: Microsoft COCO, 2014.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pixelwise import rle
from pixelwise.datasets import Dataset
from pixelwise.files import write_text
from pixelwise.joints import in_numbered_pixels, jointed
from pixelwise.layers import boxes
from pixelwise.types import Annotation, Category
from pixelwise.writers._objects import Losses, Objects, box_xywh, sentences
from pixelwise.writers._pictures import NO_PART, by_part, copy_picture, with_part

Entry = dict[str, Any]


def write(dataset: Dataset, out: Path, on_progress: Callable[[int], None]) -> list[str]:
    """Write objects; stuff and void cannot be held.

    Raises:
        PixelwiseError: nothing is outlined, or an annotation cannot be read.
    """
    objects, losses = Objects(dataset.categories), Losses()
    for part, samples in by_part(dataset, on_progress):
        images: list[Entry] = []
        annotations: list[Entry] = []
        for sample in samples:
            name = copy_picture(sample, out / (part or NO_PART))
            annotation = objects.of(sample.read_annotation(), losses)
            images.append(image_entry(len(images) + 1, name, annotation))
            for entry in _regions(annotation, objects, dataset.categories):
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": images[-1]["id"], **entry}
                )
        text = json.dumps(
            {
                "images": images,
                "annotations": annotations,
                "categories": [
                    _category(*pair)
                    for pair in zip(objects.source_ids, objects.categories, strict=True)
                ],
            }
        )
        write_text(out / "annotations" / f"{with_part('instances', part)}.json", text)
    return [*objects.notes(), *sentences(losses)]


def image_entry(number: int, name: str, annotation: Annotation) -> Entry:
    """An entry of "images"."""
    height, width = annotation.size_hw
    return {"id": number, "file_name": name, "height": height, "width": width}


def _regions(
    annotation: Annotation, objects: Objects, categories: Sequence[Category]
) -> list[Entry]:
    """The objects of a picture, without the ids that tie them to it."""
    extents = {**_of_boxes(annotation, categories), **_of_pixels(annotation)}
    entries = []
    for index, label in enumerate(annotation.labels.tolist()):
        entry = {
            "category_id": objects.source_ids[objects.numbers[label]],
            "iscrowd": int(annotation.crowd[index]),
            **extents.get(index, {"area": 0, "bbox": box_xywh(None), "segmentation": []}),
        }
        if annotation.keypoints is not None and categories[label].skeleton is not None:
            entry |= _joints(annotation.keypoints[index])
        entries.append(entry)
    return entries


def _of_pixels(annotation: Annotation) -> dict[int, Entry]:
    """Area, box and outline of each instance that has a pixel."""
    sizes, places = annotation.areas_px, boxes(annotation.layers, len(annotation))
    return {
        index: {"area": int(sizes[index]), "bbox": box_xywh(places[index]), "segmentation": outline}
        for index, outline in _outlines(annotation).items()
    }


def _of_boxes(annotation: Annotation, categories: Sequence[Category]) -> dict[int, Entry]:
    """Area and box of each instance that can have joints."""
    if not any(category.skeleton for category in categories):
        return {}
    found = jointed(annotation, categories)
    corners = found.boxes.tolist()
    return {
        int(place): {
            "area": round(area, 2),
            "bbox": [round(value, 4) for value in (x, y, right - x, bottom - y)],
        }
        for place, area, (x, y, right, bottom) in zip(
            found.places, found.areas_px.tolist(), corners, strict=True
        )
    }


def _outlines(annotation: Annotation) -> dict[int, Entry]:
    """The run-length code of each instance that has a pixel."""
    found = {}
    for layer in annotation.layers:
        codes = rle.encode_all(layer.astype(np.int32), len(annotation))
        numbers = np.unique(layer)
        found.update({n - 1: codes[n - 1] for n in numbers[numbers > 0].tolist()})
    return found


def _joints(keypoints: np.ndarray[Any, np.dtype[np.float32]]) -> Entry:
    """Joints as the numbers of pixels, as COCO counts; not known ones are zeros."""
    shown = in_numbered_pixels(keypoints)
    flat = [round(value, 4) for value in shown.ravel().tolist()]
    return {
        "keypoints": [int(value) if value.is_integer() else value for value in flat],
        "num_keypoints": int((shown[:, 2] > 0).sum()),
    }


def _category(number: int, category: Category) -> Entry:
    entry: Entry = {"id": number, "name": category.name, "supercategory": category.name}
    entry["color"] = list(category.color)
    if category.skeleton is not None:
        entry["keypoints"] = list(category.skeleton.joints)
        entry["skeleton"] = [[a + 1, b + 1] for a, b in category.skeleton.limbs]
        entry["sigmas"] = list(category.skeleton.sigmas)
    return entry
