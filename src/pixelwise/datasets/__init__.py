"""Datasets: a folder the user brings, recognised by looking at it.

Every module in here is one layout. It has two functions:

``likeness(root: Path) -> float``
    0 when the folder is something else, up to 1 when it can be nothing else. Cheap: it looks at
    names, not at pixels.
``read(root: Path, masks: str) -> Dataset``
    The folder as a dataset. ``masks`` is the user's answer to what mask values mean ("auto" when
    the user said nothing, see `pixelwise.datasets._masks`).

`open_dataset` asks every module and takes the one that is surest. Adding a layout adds a file.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from pixelwise.datasets._remarks import remarks
from pixelwise.find import find, names
from pixelwise.types import Category, PixelwiseError, Sample


class Dataset(Protocol):
    """Categories and samples. A dataset knows no task."""

    @property
    def layout(self) -> str:
        """Which layout it was recognised as: the name of a module in this folder."""

    @property
    def root(self) -> Path:
        """The folder it was read from."""

    @property
    def categories(self) -> tuple[Category, ...]:
        """Index -> category; the first is the background where there is one."""

    @property
    def masks(self) -> str:
        """What mask values mean, as the option that reads another folder the same way."""

    @property
    def unpaired(self) -> tuple[Path, ...]:
        """Pictures without a mask and masks without a picture: left out, never guessed at."""

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each thing that was decided while reading."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


def open_dataset(path: str | Path, masks: str = "auto") -> Dataset:
    """Open a folder of images with masks or outlines, recognising its layout.

    Args:
        path: the folder.
        masks: what mask values mean; "auto" looks at them and stops where they could mean two
            things. See `pixelwise.datasets._masks`.

    Raises:
        PixelwiseError: no such folder, nothing recognised in it, or masks that could mean two
            things; the message says what to do.
    """
    root = Path(path)
    if not root.is_dir():
        kind = "is a file, not a folder" if root.exists() else "does not exist"
        raise PixelwiseError(f"{root} {kind}. Give the folder that holds the images and masks.")
    modules = [find("datasets", name) for name in names("datasets")]
    likeness = [module.likeness(root) for module in modules]
    if max(likeness) <= 0:
        raise PixelwiseError(
            f"{root} holds no pictures (jpg, png, bmp, tif, webp, gif). Expected, for example, "
            "images/NAME.jpg with masks/NAME.png, or NAME.jpg beside NAME_mask.png."
        )
    # Of equally likely layouts the first by name.
    best = modules[likeness.index(max(likeness))]
    dataset = best.read(root, masks)
    samples = [dataset[index] for index in range(len(dataset))]
    more = remarks(root, dataset.categories, samples)
    told: Dataset = replace(dataset, notes=(*dataset.notes, *more))
    return told
