"""YOLO segmentation: images/PART/NAME.jpg, labels/PART/NAME.txt, data.yaml.

A line is a class number and a polygon with x and y divided by width and height. One polygon for
each object: several parts are joined by bridges without width, and holes are filled. Crowds, stuff,
void and joints have no place in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pixelwise.datasets import Dataset
from pixelwise.files import write_text
from pixelwise.layers import boxes
from pixelwise.types import Annotation, Category
from pixelwise.writers._objects import Losses, Objects, count_joints, part, sentences
from pixelwise.writers._pictures import beside, by_part, copy_picture
from pixelwise.writers._polygons import polygon_of


def write(dataset: Dataset, out: Path, on_progress: Callable[[int], None]) -> list[str]:
    """Write objects as polygons.

    Raises:
        PixelwiseError: nothing is outlined, or an annotation cannot be read.
    """
    objects, losses = Objects(dataset.categories), Losses()
    parts = []
    for name, samples in by_part(dataset, on_progress):
        parts.append(name or "")
        for sample in samples:
            picture = copy_picture(sample, out / "images" / (name or ""))
            annotation = objects.of(sample.read_annotation(), losses)
            lines = _lines(annotation, objects, losses)
            path = out / "labels" / (name or "") / beside(picture, ".txt")
            write_text(path, "".join(f"{line}\n" for line in lines))
    write_text(out / "data.yaml", data_yaml(objects.categories, parts))
    return [*objects.notes(), *sentences(losses), *about_parts(parts)]


def _lines(annotation: Annotation, objects: Objects, losses: Losses) -> list[str]:
    size_xy = np.array(annotation.size_hw[::-1], np.float64)
    lines = []
    for index, box in enumerate(boxes(annotation.layers, len(annotation))):
        if annotation.crowd[index] or box is None:
            kind = "crowds" if annotation.crowd[index] else "instances without a pixel"
            losses[f"{{}} {kind} are left out."] += 1
            continue
        points, holes = polygon_of(part(annotation, index, box))
        losses["{} holes are filled."] += holes
        share = (points + np.array([box[1].start, box[0].start])) / size_xy
        number = objects.numbers[int(annotation.labels[index])]
        lines.append(" ".join([str(number), *(f"{value:.6g}" for value in share.ravel())]))
    count_joints(annotation, losses)
    return lines


def data_yaml(categories: Sequence[Category], parts: Sequence[str]) -> str:
    """data.yaml: where the parts lie ("" for pictures that belong to none), and what classes are.

    JSON's text in quotes is YAML's too, whatever a category is called.
    """
    train = "train" if "train" in parts else parts[0] if parts else ""
    val = "val" if "val" in parts else train
    lines = [f"train: {_folder(train)}", f"val: {_folder(val)}"]
    lines += [f"test: {_folder('test')}"] if "test" in parts else []
    names = [
        f"  {number}: {json.dumps(category.name, ensure_ascii=False)}"
        for number, category in enumerate(categories)
    ]
    return "\n".join([*lines, "names:", *names, ""])


def about_parts(parts: Sequence[str]) -> list[str]:
    """A sentence where data.yaml cannot name a val part of its own."""
    return [] if "val" in parts else ["data.yaml names the same pictures for train and for val."]


def _folder(name: str) -> str:
    return f"images/{name}" if name else "images"
