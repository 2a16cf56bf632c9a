"""Tiny COCO files, made up: who stands where is easy to see in the numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from folders import write

SIZE_HW = (24, 32)
JOINTS = ["nose", "left_hand", "right_hand"]


def picture(seed: int, size_hw: tuple[int, int] = SIZE_HW) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (*size_hw, 3), dtype=np.uint8)


def square(left: float, top: float, side: float) -> list[float]:
    """A polygon that COCO draws as exactly side x side pixels."""
    right, bottom = left + side, top + side
    return [left, top, right, top, right, bottom, left, bottom]


def counts(mask: np.ndarray) -> dict[str, Any]:
    """A run-length code that is not compressed, as COCO writes crowds."""
    flat = mask.ravel(order="F")
    borders = np.flatnonzero(np.diff(flat, prepend=False))
    runs = np.diff(borders, prepend=0, append=flat.size)
    return {"size": list(mask.shape), "counts": runs.tolist()}


def pixels(left: int, top: int, side: int, size_hw: tuple[int, int] = SIZE_HW) -> np.ndarray:
    """The pixels of `square`."""
    mask = np.zeros(size_hw, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def image(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "file_name": name, "height": 24, "width": 32, **more}


def region(number: int, picture: int, category: int, outline: Any, **more: Any) -> dict[str, Any]:
    entry = {"id": number, "image_id": picture, "category_id": category, "iscrowd": 0}
    return {**entry, "segmentation": outline, **more}


def farm() -> dict[str, Any]:
    """Picture 10 holds a big sheep, a small one over it, a dog and a herd; 30 holds nothing."""
    herd = counts(pixels(20, 14, 10))
    return {
        "images": [image(10, "a.png"), image(30, "b.png")],
        "annotations": [
            region(1, 10, 20, [square(2, 2, 10)]),
            region(2, 10, 20, [square(6, 6, 4), square(26, 2, 3)]),
            region(3, 10, 18, [square(20, 2, 4)]),
            region(4, 10, 20, herd, iscrowd=1),
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 20, "name": "sheep"}],
    }


def people() -> dict[str, Any]:
    """Joints of the dogs of `farm`, of all animals."""
    found = farm()
    joints = [21, 3, 2, 0, 0, 0, 22, 4, 1]
    found["annotations"] = [region(3, 10, 18, [square(20, 2, 4)], keypoints=joints)]
    skeleton = [[1, 2], [1, 3]]
    dog = {"id": 18, "name": "dog", "keypoints": JOINTS, "skeleton": skeleton}
    found["categories"] = [dog]
    return found


def write_json(path: Path, found: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(found if isinstance(found, str) else json.dumps(found))
    return path


def write_farm(root: Path, found: Any = None, name: str = "annotations/instances.json") -> Path:
    """`farm`, or another file in its place, and its two pictures."""
    write_json(root / name, farm() if found is None else found)
    for seed, file in enumerate(("a.png", "b.png")):
        write(root / "images" / file, picture(seed))
    return root


def write_meadow(root: Path, isthing: bool = True) -> Path:
    """Panoptic: meadow with two sheep and a herd, and a void corner."""
    ids = np.full(SIZE_HW, 70_000)
    ids[pixels(2, 2, 6)], ids[pixels(12, 4, 5)], ids[pixels(20, 14, 10)] = 300, 5, 9
    ids[:1, :1] = 0
    colors = np.stack([ids % 256, ids // 256 % 256, ids // 65_536], axis=2).astype(np.uint8)
    write(root / "annotations" / "panoptic_val" / "a.png", colors)
    write(root / "val" / "a.png", picture(0))
    kinds = {70_000: (193, 0), 300: (20, 0), 5: (20, 0), 9: (20, 1)}
    segments = [
        {"id": number, "category_id": kind, "iscrowd": crowd}
        for number, (kind, crowd) in kinds.items()
    ]
    found = {
        "images": [image(1, "a.png")],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": segments}],
        "categories": [
            {"id": 20, "name": "sheep", **({"isthing": 1} if isthing else {})},
            {"id": 193, "name": "meadow", "isthing": 0},
        ],
    }
    write_json(root / "annotations" / "panoptic_val.json", found)
    return root
