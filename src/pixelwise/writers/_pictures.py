"""Where the pictures of a written dataset go."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from pixelwise.datasets import Dataset
from pixelwise.draw import write_png
from pixelwise.files import shortened
from pixelwise.types import Sample

NO_PART = "images"
"""The folder of pictures that belong to no part."""


def by_part(
    dataset: Dataset, on_progress: Callable[[int], None]
) -> Iterator[tuple[str | None, Iterator[Sample]]]:
    """The samples of each part (train, val, test, None), the parts in order of appearance."""
    parts: dict[str | None, list[int]] = {}
    for index in range(len(dataset)):
        parts.setdefault(dataset[index].split, []).append(index)
    done = 0

    def samples(indices: list[int]) -> Iterator[Sample]:
        nonlocal done
        for index in indices:
            yield dataset[index]
            done += 1
            on_progress(done)

    for part, indices in parts.items():
        yield part, samples(indices)


def with_part(name: str, part: str | None) -> str:
    """ "instances" as "instances_train", or as it is where there are no parts."""
    return name if part is None else f"{name}_{part}"


def copy_picture(sample: Sample, folder: Path) -> str:
    """Copy a sample's picture, as it is, into a folder under its id; its name there (POSIX)."""
    name = shortened(sample.id.removeprefix(f"{sample.split}/"))
    ending = sample.files[0].suffix if sample.files else ".png"
    if PurePosixPath(name).suffix.lower() != ending.lower():
        name += ending.lower()
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if sample.files:
        shutil.copyfile(sample.files[0], target)
    else:  # drawn, never stored
        write_png(target, sample.read_image())
    return name


def beside(name: str, ending: str) -> str:
    """What belongs to a picture, under the picture's name: a/1.jpg -> a/1.png."""
    return f"{PurePosixPath(name).with_suffix('')}{ending}"
