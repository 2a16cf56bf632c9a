"""Numbered objects: images/PART/NAME.jpg and masks/PART/NAME.png, 16 bits, n = the n-th object.

Where objects overlap the later is seen. Which category an object has is written in instances.csv
(file, id, category), or, where there is only one, in classes.txt.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.datasets import Dataset
from pixelwise.draw import write_png
from pixelwise.files import write_text
from pixelwise.types import Annotation
from pixelwise.words import cell
from pixelwise.writers._objects import Losses, Objects, count_joints, sentences
from pixelwise.writers._pictures import beside, by_part, copy_picture

_COLUMNS = ("file", "id", "category")


def write(dataset: Dataset, out: Path, on_progress: Callable[[int], None]) -> list[str]:
    """Write objects as numbers.

    Raises:
        PixelwiseError: nothing is outlined, or an annotation cannot be read.
    """
    objects, losses = Objects(dataset.categories), Losses()
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for name, samples in by_part(dataset, on_progress):
        for sample in samples:
            picture = copy_picture(sample, out / "images" / (name or ""))
            annotation = objects.of(sample.read_annotation(), losses)
            ids, labels = _numbered(annotation, losses)
            mask = "/".join(["masks", *([name] if name else []), beside(picture, ".png")])
            (out / mask).parent.mkdir(parents=True, exist_ok=True)
            write_png(out / mask, ids)
            for number, label in enumerate(labels, start=1):
                category = objects.categories[objects.numbers[label]]
                rows.writerow((cell(mask), number, cell(category.name)))
    if len(objects.categories) > 1:
        write_text(out / "instances.csv", table.getvalue())
    else:
        write_text(out / "classes.txt", f"background\n{objects.categories[0].name}\n")
    return [*objects.notes(), *sentences(losses)]


def _numbered(annotation: Annotation, losses: Losses) -> tuple[NDArray[np.uint16], list[int]]:
    """(H, W) uint16 of objects counted from 1 without a gap, and the category of each."""
    count = len(annotation)
    number = np.arange(count + 1, dtype=np.uint16)
    number[1:][annotation.crowd] = 0
    layers = number[annotation.layers]
    seen: NDArray[np.uint16] = layers.max(axis=0, initial=0)
    there = np.bincount(seen.ravel(), minlength=count + 1)[1:] > 0
    renumbered = np.zeros(count + 1, np.uint16)
    renumbered[1:][there] = np.arange(1, there.sum() + 1)
    covered = int(((layers > 0).sum(axis=0) > 1).sum())
    losses["{} pixels belong to several objects: the later one is written."] += covered
    losses["{} crowds are left out."] += int(annotation.crowd.sum())
    losses["{} objects are left out: others cover them, or they have no pixel."] += int(
        (~there & ~annotation.crowd).sum()
    )
    count_joints(annotation, losses)
    return renumbered[seen], [int(label) for label in annotation.labels[there]]
