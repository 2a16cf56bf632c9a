"""A dataset as objects, whatever it was annotated for, and the count of what is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.layers import Box, touched
from pixelwise.types import IGNORE, Annotation, Category, PixelwiseError, source_ids

_MOST = 65_535

Losses = Counter[str]
"""A sentence with {} for a number -> that number."""


class Objects:
    """The things of a dataset's categories, numbered for files that know nothing else.

    Where no category is a thing, every connected region of a class is taken for one object.

    Attributes:
        categories: those that are written. numbers: (index into the dataset's categories) -> index
            into ``categories``. source_ids: numbers of ``categories`` in files.
        are_regions: whether objects are connected regions.
    """

    def __init__(self, categories: Sequence[Category]) -> None:
        self.are_regions = not any(category.is_thing for category in categories)
        kept = [
            place
            for place, category in enumerate(categories)
            if category.is_thing or (self.are_regions and not _is_background(category, place))
        ]
        if not kept:
            raise PixelwiseError(
                f"The dataset has no class besides {categories[0].name}: nothing is outlined in it."
            )
        self.categories = tuple(categories[place] for place in kept)
        self.numbers = {place: number for number, place in enumerate(kept)}
        self.source_ids = source_ids(self.categories, first=1)
        self._has_stuff = not self.are_regions and any(
            not category.is_thing and not _is_background(category, place)
            for place, category in enumerate(categories)
        )

    def of(self, annotation: Annotation, losses: Losses) -> Annotation:
        """The annotation with its objects on layers; what they do not cover is counted."""
        found = self._with_regions(annotation) if self.are_regions else annotation
        if self._has_stuff:
            losses["Stuff is left out, in {} pictures."] += 1
        covered = found.layers.any(axis=0)
        if ((annotation.semantic == IGNORE) & ~covered & ~_boxed(annotation)).any():
            losses["Void (255) becomes background, in {} pictures."] += 1
        return found

    def notes(self) -> list[str]:
        """What was decided for the whole dataset."""
        if not self.are_regions:
            return []
        return ["The dataset tells classes, not objects: each connected region is one object."]

    def _with_regions(self, annotation: Annotation) -> Annotation:
        layer = np.zeros(annotation.size_hw, np.uint16)
        labels: list[int] = []
        for place in self.numbers:
            count, regions = cv2.connectedComponents((annotation.semantic == place).view(np.uint8))
            if len(labels) + count - 1 > _MOST:
                raise PixelwiseError(
                    f"A picture has more than {_MOST:,} separate regions. Remove the specks of its "
                    "mask first."
                )
            inside = regions > 0
            layer[inside] = regions[inside] + len(labels)
            labels += [place] * (count - 1)
        return replace(
            annotation,
            layers=layer[None],
            labels=np.array(labels, np.int64),
            crowd=np.zeros(len(labels), np.bool_),
        )


def _boxed(annotation: Annotation) -> NDArray[np.bool_]:
    """(H, W) bool: inside the box of somebody whom nobody outlined."""
    found = np.zeros(annotation.size_hw, np.bool_)
    if annotation.boxes is not None:
        for box in annotation.boxes[np.isfinite(annotation.boxes).all(axis=1)].tolist():
            found[touched(box)] = True
    return found


def part(annotation: Annotation, index: int, box: Box) -> NDArray[np.bool_]:
    """(h, w) bool: an instance within its box."""
    found: NDArray[np.bool_] = (annotation.layers[:, *box] == index + 1).any(axis=0)
    return found


def box_xywh(box: Box | None) -> list[int]:
    """A box as COCO writes it: x, y, width, height in pixels."""
    if box is None:
        return [0, 0, 0, 0]
    rows, columns = box
    return [columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start]


def count_joints(annotation: Annotation, losses: Losses) -> None:
    """Count a picture whose joints the form cannot hold."""
    if annotation.keypoints is not None and (annotation.keypoints[:, :, 2] > 0).any():
        losses["Joints are left out, in {} pictures."] += 1


def sentences(losses: Losses) -> list[str]:
    """The losses, a sentence each."""
    return [text.format(f"{count:,}") for text, count in losses.items() if count]


def _is_background(category: Category, place: int) -> bool:
    return place == 0 and category.name.strip("_").lower() in ("background", "bg")
