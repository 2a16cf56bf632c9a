"""How surely one image in several files is recognised, and how often two images are taken for one.

    python benchmarks/copies.py FOLDER [FOLDER ...]

Each folder holds images of different things. Printed for each: groups of near-duplicates that are
found in it as it is, and of its images, changed in one way each, the share that is recognised: in
the same dataset (codes, then laid over each other), and by the code alone, as by another run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from pixelwise.appearance import Appearance, appearance_of
from pixelwise.contents import Contents, SeenImages
from pixelwise.near_duplicates import near_duplicates
from pixelwise.types import Image

MOST_CHANGED = 100
ENDINGS = {".jpg", ".jpeg", ".png", ".tif", ".bmp"}


def as_jpeg(image: Image, quality: int) -> Image:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def resized(image: Image, scale: float) -> Image:
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=how), np.uint8)


def cropped(image: Image, share: float) -> Image:
    height, width = image.shape[:2]
    top, left = round(height * share), round(width * share)
    return np.ascontiguousarray(image[top : height - top // 2, left // 3 : width - left])


CHANGES: dict[str, Callable[[Image], Image]] = {
    "JPEG, quality 50": lambda image: as_jpeg(image, 50),
    "JPEG, quality 20": lambda image: as_jpeg(image, 20),
    "half the size": lambda image: resized(image, 0.5),
    "a quarter of the size": lambda image: resized(image, 0.25),
    "half the size, JPEG 50": lambda image: as_jpeg(resized(image, 0.5), 50),
    "brighter": lambda image: np.clip(image * 1.15 + 15, 0, 255).astype(np.uint8),
    "gamma 0.7": lambda image: (255 * (image / 255) ** 0.7).astype(np.uint8),
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "turned": lambda image: np.ascontiguousarray(np.rot90(image)),
    "cropped by 3 %": lambda image: cropped(image, 0.02),
    "cropped by 7 %": lambda image: cropped(image, 0.05),
}


def main(folders: list[str]) -> None:
    for folder in folders:
        paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in ENDINGS)
        images = [np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8) for path in paths]
        report(folder, [path.stem for path in paths], images)


def report(folder: str, names: list[str], images: list[Image]) -> None:
    looks = {name: appearance_of(image) for name, image in zip(names, images, strict=True)}
    started = time.perf_counter()
    groups = near_duplicates(looks)
    took_s = time.perf_counter() - started
    blank = sum(not look.code for look in looks.values())
    print(f"{folder}: {len(looks)} images, {blank} without a code, {took_s:.2f} s to compare")
    print(f"  groups as it is: {groups}")
    some = list(zip(names, images, strict=True))[:: max(1, len(names) // MOST_CHANGED)]
    for change, apply in CHANGES.items():
        changed = {name: appearance_of(apply(image)) for name, image in some}
        print(f"  {change:24}", *shares(looks, changed))


def shares(looks: dict[str, Appearance], changed: dict[str, Appearance]) -> list[str]:
    """Shares recognised in one dataset, and by the code alone."""
    both = near_duplicates({**looks, **{f"changed {name}": each for name, each in changed.items()}})
    group_of = {name: group for group in both for name in group}
    together = np.mean([name in group_of.get(f"changed {name}", ()) for name in changed])
    contents = Contents(dict.fromkeys(looks, ""), {}, looks)
    alone = []
    for name, each in changed.items():
        alone.append(SeenImages([contents.entry(name, "train")]).looks_alike(each))
    return [f"{100 * together:4.0f} %", f"{100 * np.mean(alone):4.0f} %"]


if __name__ == "__main__":
    main(sys.argv[1:])
