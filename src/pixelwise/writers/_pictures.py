"""Where the pictures of a written dataset go."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from pixelwise.datasets import Dataset
from pixelwise.draw import write_png
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
    if not sample.files:  # drawn, never stored
        name = f"{sample.id}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(folder / name, sample.read_image())
        return name
    name = sample.id
    if PurePosixPath(name).suffix.lower() != sample.files[0].suffix.lower():
        name += sample.files[0].suffix.lower()
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(sample.files[0], target)
    return name
