"""Scenes in COCO's own files: panoptic, instances, and joints of people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixelwise import rle
from pixelwise.draw import write_png
from pixelwise.files import write_text
from pixelwise.joints import in_numbered_pixels
from pixelwise.types import Annotation, Category, Image

NAME = "people"
# A segment's number must fit the 24 bits of a panoptic PNG, and be unique in the whole folder.
_NUMBERS_AN_IMAGE = 1000
MOST_IMAGES = 2**24 // _NUMBERS_AN_IMAGE - 1

Record = dict[str, Any]


class CocoFolder:
    """Takes scenes one by one and writes their pictures; `finish` writes the three JSON files."""

    def __init__(self, root: Path, categories: Sequence[Category]) -> None:
        """Begin an empty folder at ``root``."""
        self.root, self.categories = root, tuple(categories)
        self._images: list[Record] = []
        self._panoptic: list[Record] = []
        self._instances: list[Record] = []
        self._people: list[Record] = []
        for folder in (root / "images", root / "annotations" / f"panoptic_{NAME}"):
            folder.mkdir(parents=True)

    def add(self, image: Image, annotation: Annotation) -> None:
        """Write a picture and its panoptic PNG, and keep what the JSON files say of it."""
        number = len(self._images) + 1
        assert number <= MOST_IMAGES
        name = f"{number:06d}.png"
        height, width = annotation.size_hw
        write_png(self.root / "images" / name, image)
        self._images.append({"id": number, "file_name": name, "height": height, "width": width})
        first = number * _NUMBERS_AN_IMAGE + 1
        segments, numbers = self._segments(annotation, first)
        write_png(self.root / "annotations" / f"panoptic_{NAME}" / name, rle.colors_of_ids(numbers))
        self._panoptic.append({"image_id": number, "file_name": name, "segments_info": segments})
        # In small pictures somebody may have no pixel of their own.
        for index in np.flatnonzero(annotation.areas_px).tolist():
            self._add_thing(annotation, index, {"id": first + index, "image_id": number})

    def finish(self) -> None:
        """Write panoptic, instances and person_keypoints JSON."""
        kinds = [
            {
                "id": index + 1,
                "name": category.name,
                "isthing": int(category.is_thing),
                "color": list(category.color),
                "supercategory": "thing" if category.is_thing else "stuff",
            }
            for index, category in enumerate(self.categories)
        ]
        things = [_but(kind, "isthing", "color") for kind in kinds if kind["isthing"]]
        jointed = [_with_joints(kind, self.categories) for kind in things]
        people = [kind for kind in jointed if "keypoints" in kind]
        self._write("panoptic", kinds, self._panoptic)
        self._write("instances", things, self._instances)
        self._write("person_keypoints", people, self._people)

    def _write(self, kind: str, categories: list[Record], annotations: list[Record]) -> None:
        whole = {
            "info": {"description": "Made-up scenes with people; every mask is exact."},
            "images": self._images,
            "categories": categories,
            "annotations": annotations,
        }
        write_text(self.root / "annotations" / f"{kind}_{NAME}.json", json.dumps(whole))

    def _segments(
        self, annotation: Annotation, first: int
    ) -> tuple[list[Record], NDArray[np.int64]]:
        """Things in order, numbered from ``first``, then each kind of stuff; (H, W) the numbers."""
        numbers = np.zeros(annotation.size_hw, np.int64)
        segments = []
        stuff = [k for k, category in enumerate(self.categories) if not category.is_thing]
        masks = [(int(k), annotation.mask(n)) for n, k in enumerate(annotation.labels)]
        masks += [(k, annotation.semantic == k) for k in stuff if (annotation.semantic == k).any()]
        for offset, (kind, mask) in enumerate(masks):
            if not mask.any():
                continue
            numbers[mask] = first + offset
            about = {"id": first + offset, "category_id": kind + 1, "iscrowd": 0}
            segments.append({**about, "area": int(mask.sum()), "bbox": _box(mask)})
        return segments, numbers

    def _add_thing(self, annotation: Annotation, index: int, about: Record) -> None:
        mask, kind = annotation.mask(index), int(annotation.labels[index])
        record = {
            **about,
            "category_id": kind + 1,
            "iscrowd": 0,
            "area": int(mask.sum()),
            "bbox": _box(mask),
            "segmentation": rle.encode(mask),
        }
        self._instances.append(record)
        if self.categories[kind].skeleton is not None and annotation.keypoints is not None:
            joints = in_numbered_pixels(annotation.keypoints[index])
            flat = [
                value
                for x, y, seen in joints.tolist()
                for value in (round(x, 2), round(y, 2), int(seen))
            ]
            self._people.append(
                {**record, "keypoints": flat, "num_keypoints": int((joints[:, 2] > 0).sum())}
            )


def _box(mask: NDArray[np.bool_]) -> list[int]:
    """Left, top, width and height in pixels, COCO's order."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]


def _but(record: Record, *names: str) -> Record:
    return {name: value for name, value in record.items() if name not in names}


def _with_joints(kind: Record, categories: Sequence[Category]) -> Record:
    """A category with its joints and limbs, COCO counting joints from 1."""
    skeleton = categories[kind["id"] - 1].skeleton
    if skeleton is None:
        return kind
    limbs = [[one + 1, two + 1] for one, two in skeleton.limbs]
    return {**kind, "keypoints": list(skeleton.joints), "skeleton": limbs}
